/** One trial: a process of its own that gets ready, works when told to, and gives its answers at the end. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { basename } from 'node:path';
import { LungclsError, messageOf } from '../errors.js';
import { parseEvent, type TrialEvent, type TrialRequest } from './protocol.js';

export interface TrialCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The last of what a trial said on stderr that is kept, in characters. */
const KEPT_STDERR = 4000;

interface Waiting {
  resolve: (event: TrialEvent) => void;
  reject: (error: Error) => void;
}

export class TrialProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #events: TrialEvent[] = [];
  readonly #closed: Promise<void>;
  #waiting: Waiting | undefined;
  #failure: LungclsError | undefined;
  #stderr = '';

  constructor({ program, args, env }: TrialCommand) {
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const child = this.#child;
    // A trial that has ended closes the pipe: that is told by its exit.
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR);
    });
    createInterface(child.stdout).on('line', (line) => {
      this.#hear(line);
    });
    child.on('error', (error) => {
      this.#fail(messageOf(error));
    });
    this.#closed = new Promise((resolve) => {
      child.on('error', () => {
        resolve();
      });
      child.on('close', (code, signal) => {
        const how = code === null ? `by ${String(signal)}` : `with exit code ${String(code)}`;
        const said = lastLine(this.#stderr);
        this.#fail(`it ended ${how}${said === '' ? '' : `: ${said}`}`);
        resolve();
      });
    });
  }

  /**
   * Waits for the next event of one of these kinds.
   * @throws LungclsError INTERNAL: the trial ended, said something else, or took longer than `timeoutMs`
   */
  async expect<K extends TrialEvent['event']>(
    kinds: readonly K[],
    timeoutMs: number,
  ): Promise<Extract<TrialEvent, { event: K }>> {
    const event = await this.#next(timeoutMs);
    const found = kinds.find((kind) => kind === event.event);
    if (found !== undefined) return event as Extract<TrialEvent, { event: K }>;
    throw failure(`expected ${kinds.join(' or ')} but it said ${event.event}`);
  }

  send(request: TrialRequest): void {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
  }

  /** Waits for its end, not longer than `timeoutMs`; then it is killed. */
  async close(timeoutMs = 10_000): Promise<void> {
    const timer = setTimeout(() => {
      this.kill();
    }, timeoutMs);
    this.#child.stdin.end();
    await this.#closed;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #next(timeoutMs: number): Promise<TrialEvent> {
    const ready = this.#events.shift();
    if (ready !== undefined) return ready;
    if (this.#failure !== undefined) throw this.#failure;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined;
        reject(failure(`it said nothing for ${String(Math.round(timeoutMs / 1000))} s`));
        this.kill();
      }, timeoutMs);
      this.#waiting = {
        resolve: (event) => {
          clearTimeout(timer);
          resolve(event);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }

  #hear(line: string): void {
    let event: TrialEvent | undefined;
    try {
      event = parseEvent(line);
    } catch (error) {
      this.#fail(messageOf(error));
      this.kill();
      return;
    }
    if (event === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#events.push(event);
    else waiting.resolve(event);
  }

  #fail(why: string): void {
    this.#failure ??= failure(why);
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}

function failure(why: string): LungclsError {
  return new LungclsError('INTERNAL', withoutPaths(why));
}

/** The line of a log that is most likely to say what went wrong. */
function lastLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.findLast((line) => /error|exception/i.test(line)) ?? lines.findLast(Boolean) ?? '';
}

/** A text with the last part of each absolute path alone: results are passed on, and machines differ. */
export function withoutPaths(text: string): string {
  return text.replaceAll(/(?<![\w.~:/-])(?:file:\/\/)?(?:\/[^\s/:'"(),;]+){2,}/g, (path) =>
    basename(path),
  );
}
