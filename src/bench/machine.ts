/** What a result must say about where it was measured. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { availableThreads } from '../runtime/threads.js';
import type { GpuWatch } from './gpu.js';
import type { BenchMachine } from './results.js';

/** The package: the folder above dist/. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url));

const EXTENSIONS = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8', 'asimd', 'asimddp'];

/** Vector extensions that decide speed here; none where that cannot be told. */
export function cpuExtensions(): string[] {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8');
    const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(' ') ?? []);
    return EXTENSIONS.filter((flag) => flags.has(flag));
  } catch {
    return [];
  }
}

/** The commit of a checkout, with `-dirty` where its files have changed; null where it is none. */
export function sourceCommit(root = PACKAGE_ROOT): string | null {
  if (!existsSync(join(root, '.git'))) return null;
  try {
    const run = (...args: string[]): string =>
      execFileSync('git', args, {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    const dirty = run('status', '--porcelain', '--untracked-files=no', '--', ':!bench/results');
    return run('rev-parse', '--short=12', 'HEAD') + (dirty === '' ? '' : '-dirty');
  } catch {
    return null;
  }
}

export function describeMachine({ facts, note }: GpuWatch): BenchMachine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    threads: availableThreads(),
    extensions: cpuExtensions(),
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    gpu: facts,
    gpuNote: note,
  };
}

/** Null on systems that keep none. */
export function systemLoad(): number | null {
  return platform() === 'win32' ? null : (loadavg()[0] ?? null);
}
