/** What this machine can do at most: the floors that a benchmark's figures are held against. */
import { LungclsError } from '../errors.js';
import { loadAddon } from './binding.js';

export interface MachinePeakOptions {
  /** Threads that work at once, each for itself, 1 to 1024. */
  readonly threads: number;
  /** For each of the rates, 0.001 to 60; 0.3 by default. */
  readonly seconds?: number;
}

/** Rates of all threads together, each the best of three tries. */
export interface MachinePeak {
  /** 10^9 bytes a second read from memory, beyond what the caches hold. */
  readonly readGBs: number;
  /** 10^9 bytes a second read and written, both counted, by stores that pass the caches by. */
  readonly copyGBs: number;
  /** 10^9 operations a second in float32; a multiplication with an addition is two. */
  readonly fp32Gflops: number;
  /** The vector code that did it, by Highway's name for it, such as AVX3. */
  readonly fp32Code: string;
  /** Likewise of 8-bit products summed in 32 bits; null where the CPU has no instructions for it. */
  readonly int8Gops: number | null;
  readonly int8Code: string | null;
}

const MAX_THREADS = 1024;
const MAX_SECONDS = 60;

/**
 * Measures on threads of its own, off the event loop, for four times `seconds`; takes twice the
 * caches of memory meanwhile, 128 to 512 MiB. Whatever else runs makes the figures smaller.
 * @throws LungclsError INVALID_OPTION, ADDON_MISSING; an Error where threads or memory cannot be had
 */
export async function measureMachinePeak(options: MachinePeakOptions): Promise<MachinePeak> {
  const { threads, seconds = 0.3 } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected 1 to ${String(MAX_THREADS)} threads but received ${String(threads)}`,
    );
  }
  if (!(seconds >= 0.001 && seconds <= MAX_SECONDS)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected 0.001 to ${String(MAX_SECONDS)} seconds but received ${String(seconds)}`,
    );
  }
  return await loadAddon().measurePeak(threads, Math.round(seconds * 1000));
}
