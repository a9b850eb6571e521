/** Runs the real program in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(import.meta.resolve('#src/cli/main.js'));

export interface RunOptions {
  /** For stdin; it is empty otherwise. */
  input?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** Node's own flags. */
  nodeArgs?: readonly string[];
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Waits until stderr matches; fails where the program ends first. */
  said(pattern: RegExp): Promise<void>;
}

export function start(args: readonly string[], options: RunOptions = {}): Running {
  const { input, env = {}, cwd, nodeArgs = [] } = options;
  const child = spawn(process.execPath, [...nodeArgs, MAIN, ...args], {
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A program that ends before it has read everything closes the pipe: no failure of the test.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const text = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const finished = (async (): Promise<Finished> => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal, ...text };
  })();
  return {
    child,
    finished,
    async said(pattern) {
      await new Promise<void>((resolve, reject) => {
        const check = (): void => {
          if (pattern.test(text.stderr)) resolve();
        };
        listeners.add(check);
        check();
        void finished.then(() => {
          reject(new Error(`ended without saying ${String(pattern)}: ${text.stderr}`));
        });
      });
    },
  };
}

export async function run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return await start(args, options).finished;
}
