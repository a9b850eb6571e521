// Running other programs: quietly, with the end of their output in the error when they fail.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The lines of a failed program's output that its error shows. */
const SHOWN_LINES = 25;

/** The full path of a program on the PATH, or undefined. */
export function which(program) {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/**
 * Runs a program to its end and returns its standard output; throws an Error with the last lines of
 * its output if it fails.
 * @param {{cwd?: string, env?: object, input?: string, timeout?: number}} options
 */
export function run(program, args, options = {}) {
  const { cwd, env, input, timeout } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      timeout,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      all += text;
    });
    child.stdin?.on('error', () => {}).end(input);
    child.on('error', (error) => {
      reject(new Error(`Cannot run ${program}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      if (code === 0) {
        resolve(stdout);
        return;
      }
      const lines = all.trimEnd().split('\n').slice(-SHOWN_LINES);
      const how = code === null ? `was ended by ${signal}` : `failed with exit code ${code}`;
      const error = new Error(`${[program, ...args].join(' ')} ${how}:\n${lines.join('\n')}`);
      error.lastLine = lines.at(-1) ?? '';
      error.stdout = stdout;
      reject(error);
    });
  });
}

/** Whether a program runs to its end without an error. */
export async function succeeds(program, args, options) {
  try {
    await run(program, args, options);
    return true;
  } catch {
    return false;
  }
}
