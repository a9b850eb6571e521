/** The native addon: its typed surface, and the one place that loads it. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { vectorCode } from '../config.js';
import { LungclsError, messageOf } from '../errors.js';
import type { GpuCopies } from './gpu-copies.js';
import type { MachinePeak } from './machine-peak.js';
import type { BufferMemory } from './memory.js';

/** Settings of a native tile decoder; all are checked once more in C++. */
export interface NativeDecoderOptions {
  /** Side of a tile, 1 to 16384. */
  readonly size: number;
  /** How images become tiles. */
  readonly resize: 'cv2' | 'area' | 'fast';
  /** Tiles a slot holds, 1 to 65536. */
  readonly batchSize: number;
  /** Batch buffers, 1 to 64. */
  readonly slots: number;
  /** Most threads of the pool that work for this decoder at a time, 1 to 1024. */
  readonly threads: number;
  readonly maxPixels: number;
  readonly maxFileBytes: number;
  /** Bytes that decoding an image may take, up to 2^40. */
  readonly maxMemory: number;
  /** Time that decoding an image may take, up to a day. */
  readonly maxMilliseconds: number;
  /** Give the pixels of images that decoded with a warning, instead of zeros. */
  readonly keepDamaged: boolean;
  /** False: libjpeg-turbo decodes everything, to compare the two decoders. */
  readonly sparse: boolean;
  /** The CUDA driver that page-locks the slots (see cudaDriver); none for an empty name. */
  readonly cudaDriver: string;
}

/** What became of the images of a batch, in order; the numbers are indices into NATIVE_STATUSES. */
export interface NativeBatchResult {
  readonly statuses: Uint8Array;
  readonly messages: readonly string[];
}

/** A file to open, by name, or by the bytes of a name that is not UTF-8. */
export type NativeFile = string | Uint8Array;

export interface NativeTileDecoder {
  /** What the slots are made of. */
  readonly memory: BufferMemory;
  /**
   * Decodes up to batchSize images into the rows of a slot, in order. Rows without an image are zeros.
   * @param files names or, where the numbers say so, the bytes themselves, which are copied
   * @param numbers six a file (see sourceNumbers)
   */
  decode(
    slot: number,
    files: readonly NativeFile[],
    numbers: Float64Array,
  ): Promise<NativeBatchResult>;
  /** Resizes `pixels` (width * height * 3 bytes, RGB) into a row of a slot. */
  place(
    slot: number,
    row: number,
    pixels: Uint8Array,
    width: number,
    height: number,
  ): Promise<void>;
  /** The first `count` rows of a slot, without a copy. */
  view(slot: number, count: number): ArrayBuffer;
  /** Makes every later use of a view fail. */
  detach(view: ArrayBuffer): void;
  /** Images not yet begun get the status ABORTED. */
  cancel(): void;
  /** Cancels, and gives the slots back; views stay valid. Only detach() may be called afterwards. */
  close(): void;
}

export interface NativeMappedRows {
  gatherBytes(rows: Uint32Array | Int32Array, out: Uint8Array): Promise<void>;
  gatherHalfToFloat(rows: Uint32Array | Int32Array, out: Float32Array): Promise<void>;
  averageHalf(
    rows: Uint32Array | Int32Array,
    channels: number,
    out: Float32Array,
  ): Promise<void>;
  close(): void;
}

/** See DenseLayer in dense.ts; the arrays are numbered value 0, momentum 1, velocity 2. */
export interface NativeDenseLayer {
  forward(values: Float32Array, rows: number, output: Float32Array): Promise<void>;
  update(
    values: Float32Array,
    rows: number,
    gradient: Float32Array,
    step: Float32Array,
    nextValues: Float32Array,
    nextRows: number,
    nextOutput: Float32Array,
  ): Promise<void>;
  read(array: number, to: Float32Array): void;
  write(array: number, from: Float32Array): void;
  close(): void;
}

/** See TileCollection in tile-collection.ts. */
export interface NativeTileCollection {
  describe(first: number, count: number, rgb: Uint8Array): Promise<void>;
  index(): Promise<void>;
  neighbours(first: number, count: number, k: number, found: Uint32Array): Promise<void>;
  /** Two rows a pair; seven results a pair. */
  registerPairs(pairs: Uint32Array, results: Float32Array): Promise<void>;
  close(): void;
}

export interface NativeAddon {
  /** Raised with every change of this interface, so that a stale build is noticed. */
  readonly interfaceVersion: number;
  readonly libjpegTurboVersion: string;
  readonly TileDecoder: new (options: NativeDecoderOptions) => NativeTileDecoder;
  readonly DenseLayer: new (
    features: number,
    units: number,
    blocks: number,
    threads: number,
  ) => NativeDenseLayer;
  /** Whether there is a DenseLayer for this CPU, and by what means or why not. */
  denseSupport(): { available: boolean; description: string };
  readonly TileCollection: new (
    tiles: number,
    size: number,
    threads: number,
  ) => NativeTileCollection;
  readonly MappedRows: new (
    path: string,
    offset: number,
    rowBytes: number,
    rows: number,
  ) => NativeMappedRows;
  /** Reads a whole file or zip entry; `bytes` is empty unless `status` is 0. */
  readSource(
    file: NativeFile,
    numbers: Float64Array,
    maxFileBytes: number,
  ): Promise<{ status: number; message: string; bytes: Uint8Array }>;
  /** Sets the size of the process's one thread pool: its CPU budget for native work. */
  setThreads(threads: number): void;
  threads(): number;
  /** The most tasks that ran at a time since this was last called; for tests of the budget. */
  takeThreadPeak(): number;
  /** See machine-peak.ts. Milliseconds for each of the rates, 1 to 60000; threads, 1 to 1024. */
  measurePeak(threads: number, milliseconds: number): Promise<MachinePeak>;
  /** See gpu-copies.ts. Milliseconds for each of the rates, 1 to 60000. */
  measureGpuCopies(cudaDriver: string, milliseconds: number): Promise<GpuCopies>;
  /** What a buffer is made of, with that CUDA driver. */
  probeMemory(cudaDriver: string): BufferMemory;
  /** The vector code of the JPEG decoder that this CPU can run, best first. */
  vectorCodes(): string[];
  /** That which decoders take: the best, unless setVectorCode was called before the first of them. */
  vectorCode(): string;
  setVectorCode(name: string): void;
  /** Bytes of image buffers held at the moment, for leak tests. */
  nativeBytes(): number;
  /** To nearest, ties to even. Both arrays have the same length. */
  floatToHalf(from: Float32Array, to: Uint16Array): void;
  halfToFloat(from: Uint16Array, to: Float32Array): void;
  /** Detaches it: its length is 0 afterwards. */
  freeBuffer(buffer: ArrayBuffer): void;
}

/** The value of interfaceVersion that this file describes. */
const INTERFACE_VERSION = 11;
const BUILD_COMMAND = 'npm run build:native';
// From dist/native/ in a checkout as well as in an installed package.
const ADDON_FILE = fileURLToPath(
  new URL('../../build/native/Release/lungcls.node', import.meta.url),
);

let loaded: NativeAddon | undefined;

/**
 * Loads the native addon, once.
 * @throws LungclsError ADDON_MISSING, with the command that mends it, when it has not been built, was
 * built from other sources, or cannot be loaded here; INVALID_OPTION for LUNGCLS_VECTOR.
 */
export function loadAddon(): NativeAddon {
  loaded ??= load(ADDON_FILE);
  return loaded;
}

function load(file: string): NativeAddon {
  if (!existsSync(file)) {
    throw missing(file, 'has not been built');
  }
  let addon: NativeAddon;
  try {
    addon = createRequire(import.meta.url)(file) as NativeAddon;
  } catch (error) {
    throw missing(file, `cannot be loaded (${messageOf(error)})`, error);
  }
  if (addon.interfaceVersion !== INTERFACE_VERSION) {
    throw missing(file, 'was built from another version of the sources');
  }
  limitVectorCode(addon);
  return addon;
}

/** @throws LungclsError INVALID_OPTION where LUNGCLS_VECTOR names none that this CPU can run. */
function limitVectorCode(addon: NativeAddon): void {
  const wanted = vectorCode();
  if (wanted === undefined) return;
  const possible = addon.vectorCodes();
  if (!possible.includes(wanted)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one of ${possible.join(', ')} for LUNGCLS_VECTOR but received "${wanted}"`,
    );
  }
  addon.setVectorCode(wanted);
}

function missing(file: string, what: string, cause?: unknown): LungclsError {
  return new LungclsError(
    'ADDON_MISSING',
    `The native addon ${what}: ${file}. Build it with "${BUILD_COMMAND}" in the package's folder`,
    { cause, path: file },
  );
}
