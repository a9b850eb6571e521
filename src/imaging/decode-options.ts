/** Options of decodeTiles: defaults and checks. */
import { LIMITS } from '../config.js';
import { LungclsError } from '../errors.js';
import type { BufferMemory } from '../native/addon.js';
import { resolveThreads } from '../runtime/threads.js';
import { checkResizeMode, type ResizeMode } from './preprocessing.js';

export interface DecodeOptions {
  /** Side of the square tiles, in pixels, 1 to 16384. */
  size: number;
  /** How images become tiles; `cv2` by default. */
  resize?: ResizeMode;
  /** Tiles a batch, 1 to 65536. */
  batchSize: number;
  /** Batch buffers: one may be in use while slots - 1 are filled ahead of it. 1 to 64, default 3. */
  slots?: number;
  /** Threads that decode, at most; all there are by default. */
  threads?: number;
  /** Most pixels an image may have, up to 2^30; LIMITS.maxPixels by default. */
  maxPixels?: number;
  /** Most bytes that decoding an image may take beside the file, up to 2^40; LIMITS.maxMemory by default. */
  maxMemory?: number;
  /** Longest time that decoding an image may take, up to 86400; LIMITS.maxSeconds by default. */
  maxSeconds?: number;
  /** Told once, before the first batch, what the buffers are made of. */
  onBuffers?: (memory: BufferMemory) => void;
  /** Stops decoding. */
  signal?: AbortSignal;
  /** Give the tiles of damaged images too, instead of zeros; their status stays `damaged`. */
  keepDamaged?: boolean;
}

/** What one image may be, and what decoding it may take. */
export interface DecodeLimits {
  readonly maxPixels: number;
  readonly maxMemory: number;
  readonly maxSeconds: number;
}

export type ResolvedDecodeOptions = Required<Omit<DecodeOptions, 'signal' | 'onBuffers'>> & {
  signal: AbortSignal | undefined;
  onBuffers: DecodeOptions['onBuffers'];
};

const DEFAULT_SLOTS = 3;

/** @throws LungclsError INVALID_OPTION */
export function resolveDecodeOptions(options: DecodeOptions): ResolvedDecodeOptions {
  return {
    size: positiveInteger('size', options.size, 2 ** 14),
    resize: checkResizeMode(options.resize ?? 'cv2'),
    batchSize: positiveInteger('batchSize', options.batchSize, 2 ** 16),
    slots: positiveInteger('slots', options.slots ?? DEFAULT_SLOTS, 64),
    threads: resolveThreads(options.threads),
    maxPixels: positiveInteger('maxPixels', options.maxPixels ?? LIMITS.maxPixels, 2 ** 30),
    maxMemory: positiveInteger('maxMemory', options.maxMemory ?? LIMITS.maxMemory, 2 ** 40),
    maxSeconds: seconds('maxSeconds', options.maxSeconds ?? LIMITS.maxSeconds, 86_400),
    onBuffers: options.onBuffers,
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

function seconds(name: string, value: number, most: number): number {
  if (typeof value !== 'number' || !(value >= 0.001 && value <= most)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a number of seconds from 0.001 to ${String(most)} for ${name} but received ${String(value)} of type ${typeof value}`,
    );
  }
  return value;
}
