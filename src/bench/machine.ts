/** What a result must say about where it was measured. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hasNvidiaDriver } from '../runtime/cuda.js';
import { availableThreads } from '../runtime/threads.js';
import type { BenchMachine, GpuFacts } from './results.js';
import { median } from './statistics.js';

const execute = promisify(execFile);

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

export function describeMachine(gpu: GpuFacts | null): BenchMachine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    threads: availableThreads(),
    extensions: cpuExtensions(),
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    gpu,
    gpuNote:
      gpu === null
        ? 'No NVIDIA driver was found: host-to-device copies and utilisation were not measured.'
        : 'Host-to-device copies are not measured by this version.',
  };
}

/** Null on systems that keep none. */
export function systemLoad(): number | null {
  return platform() === 'win32' ? null : (loadavg()[0] ?? null);
}

/** Watches an NVIDIA GPU through nvidia-smi, where there is one. */
export class GpuWatch implements Disposable {
  readonly #utilisation: number[] = [];
  #name: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  static async start(): Promise<GpuWatch> {
    const watch = new GpuWatch();
    if (!hasNvidiaDriver()) return watch;
    watch.#name = await query('name');
    if (watch.#name === undefined) return watch;
    watch.#timer = setInterval(() => {
      void query('utilization.gpu').then((text) => {
        const share = Number(text) / 100;
        // Idle moments are those of other trials.
        if (share > 0) watch.#utilisation.push(share);
      });
    }, 500);
    watch.#timer.unref();
    return watch;
  }

  facts(copies: { pinnedGBs: number | null; pageableGBs: number | null }): GpuFacts | null {
    if (this.#name === undefined) return null;
    const utilisation = this.#utilisation.length === 0 ? null : median(this.#utilisation);
    return { name: this.#name, utilisation, ...copies };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function query(field: string): Promise<string | undefined> {
  try {
    const args = [`--query-gpu=${field}`, '--format=csv,noheader,nounits', '--id=0'];
    const { stdout } = await execute('nvidia-smi', args, { timeout: 5000 });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
