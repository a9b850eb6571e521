/** Options of decodeTiles: defaults and checks. */
import { LIMITS } from '../config.js';
import { LungclsError } from '../errors.js';
import { resolveThreads } from '../runtime/threads.js';

export interface DecodeOptions {
  /** Side of the square tiles, in pixels, 1 to 16384. */
  size: number;
  /** Tiles a batch, 1 to 65536. */
  batchSize: number;
  /** Batch buffers: one may be in use while slots - 1 are filled ahead of it. 1 to 64, default 3. */
  slots?: number;
  /** Threads that decode, at most; all there are by default. */
  threads?: number;
  /** Most pixels an image may have, up to 2^30; LIMITS.maxPixels by default. */
  maxPixels?: number;
  /** Stops decoding. */
  signal?: AbortSignal;
  /** Give the tiles of damaged images too, instead of zeros; their status stays `damaged`. */
  keepDamaged?: boolean;
}

export type ResolvedDecodeOptions = Required<Omit<DecodeOptions, 'signal'>> & {
  signal: AbortSignal | undefined;
};

const DEFAULT_SLOTS = 3;

/** @throws LungclsError INVALID_OPTION */
export function resolveDecodeOptions(options: DecodeOptions): ResolvedDecodeOptions {
  return {
    size: positiveInteger('size', options.size, 2 ** 14),
    batchSize: positiveInteger('batchSize', options.batchSize, 2 ** 16),
    slots: positiveInteger('slots', options.slots ?? DEFAULT_SLOTS, 64),
    threads: resolveThreads(options.threads),
    maxPixels: positiveInteger('maxPixels', options.maxPixels ?? LIMITS.maxPixels, 2 ** 30),
    keepDamaged: options.keepDamaged ?? false,
    signal: options.signal,
  };
}

function positiveInteger(name: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a positive integer up to ${String(most)} for ${name} but received ${String(value)} of type ${typeof value}`,
    );
  }
  return value;
}
