/** What a result must say about where it was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  /** Vector extensions that decide speed here. */
  extensions: string[];
  memoryGiB: number;
  os: string;
  node: string;
  commit: string;
}

const EXTENSIONS = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8', 'asimd', 'asimddp'];

function cpuFlags(): Set<string> {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8');
    return new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(' ') ?? []);
  } catch {
    return new Set();
  }
}

function commit(): string {
  try {
    const run = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const dirty = run('status', '--porcelain', '--untracked-files=no', '--', ':!bench/results');
    return run('rev-parse', '--short=12', 'HEAD') + (dirty === '' ? '' : '-dirty');
  } catch {
    return 'unknown';
  }
}

export function describeMachine(): Machine {
  const flags = cpuFlags();
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    extensions: EXTENSIONS.filter((flag) => flags.has(flag)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    commit: commit(),
  };
}
