/** Runs a command in a fresh process and measures it from outside. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measured {
  command: string[];
  exitCode: number | null;
  seconds: number;
  /** Largest resident set, in MiB, pages of mapped files counted. */
  peakRssMiB: number;
  /** Largest resident set without the pages of mapped files (RssAnon + RssShmem), in MiB. */
  peakPrivateMiB: number;
  stdout: string;
}

const SAMPLE_MS = 50;

/** Memory of a process in MiB. */
export interface ProcessMemory {
  /** Resident, pages of mapped files counted. */
  readonly rss: number;
  /** The most of it so far. */
  readonly peakRss: number;
  /** Resident without the pages of mapped files. */
  readonly anonymous: number;
}

/** Memory of a process, from /proc (proc(5)); zeros where there is none. */
export function processMemory(pid: number): ProcessMemory {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kib = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    return {
      rss: kib('VmRSS') / 1024,
      peakRss: kib('VmHWM') / 1024,
      anonymous: (kib('RssAnon') + kib('RssShmem')) / 1024,
    };
  } catch {
    return { rss: 0, peakRss: 0, anonymous: 0 };
  }
}

/**
 * Runs a command to its end; its stderr is this process's. The private peak is sampled every 50 ms, so a
 * shorter spike can be missed; the resident peak is the kernel's own.
 * @param signal ends the command by SIGTERM
 */
export async function measure(
  command: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Measured> {
  const start = process.hrtime.bigint();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = (): void => {
    child.kill();
  };
  signal?.addEventListener('abort', stop);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let peakRssMiB = 0;
  let peakPrivateMiB = 0;
  const timer = setInterval(() => {
    const now = processMemory(child.pid ?? 0);
    peakRssMiB = Math.max(peakRssMiB, now.peakRss);
    peakPrivateMiB = Math.max(peakPrivateMiB, now.anonymous);
  }, SAMPLE_MS);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
  });
  return {
    command: [command, ...args],
    exitCode,
    seconds: Number(process.hrtime.bigint() - start) / 1e9,
    peakRssMiB: Math.round(peakRssMiB),
    peakPrivateMiB: Math.round(peakPrivateMiB),
    stdout,
  };
}
