/**
 * The base's output at mixed7 for every tile of a store, computed once and kept beside the tiles:
 * the base is frozen, so it never changes. Float16 halves the disk and the reading; the head trains
 * on it in float32.
 */
import { constants } from 'node:fs';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { TOOL_VERSION } from '../config.js';
import { messageOf, systemErrorCode, writeError } from '../errors.js';
import type { TileStore } from '../imaging/tile-store.js';
import { floatToHalf } from '../native/addon.js';
import type { Base } from '../network/bases.js';
import type { Pixels } from '../network/compose.js';
import { inferShapes } from '../network/graph.js';
import { BASE_OUTPUT, inceptionV3ToMixed7 } from '../network/inception-v3.js';
import { baseModelBytes, FEATURES_OUTPUT } from '../onnx/export.js';
import { throwIfAborted } from '../runtime/abort.js';
import { createOnnxSession, type OnnxSession } from '../runtime/onnx-session.js';
import type { TaskOptions } from '../runtime/progress.js';
import { writeAll, writeFileAtomic } from '../storage/atomic.js';
import { fingerprint } from '../storage/hash.js';
import { NPY_HEADER_BYTES, npyHeader, readNpyHeader } from '../storage/npy.js';
import { openPartial, type PartialOutput } from '../storage/partial.js';

const FEATURES_FILE = 'features.npy';
const DESCRIPTION_FILE = 'features.json';
const JOURNAL_FILE = 'journal.json';
/** Raised when what stands in the files changes its meaning. */
const FORMAT_VERSION = 1;
/** As fast as larger ones here (60 tiles/s from 8 on), at 19 MB of output a batch. */
const BATCH_TILES = 32;
/** Tiles between two entries of the journal, which wait for the disk: 154 MB of features. */
const JOURNAL_TILES = 512;

/** Float16's infinity and its largest number, 65504. */
const HALF_INFINITY = 0x7c00;
const HALF_MAX = 0x7bff;

/** Features on disk. */
export interface StoredFeatures {
  readonly directory: string;
  readonly path: string;
  /** Where the array's bytes begin. */
  readonly dataOffset: number;
  /** Tiles, in the order of the store's rows. */
  readonly count: number;
  /** [height, width, channels] of the feature map. */
  readonly shape: readonly number[];
  /** What they were computed on. */
  readonly runsOn: string;
  /** Seconds they took, over all the processes that worked on them. */
  readonly seconds: number;
  /** False where an earlier run had left them. */
  readonly computed: boolean;
}

/** features.json */
interface Description {
  format: 'lungcls-features';
  version: number;
  toolVersion: string;
  fingerprint: string;
  base: { id: string; fingerprint: string };
  pixels: string;
  storeFingerprint: string;
  layer: string;
  shape: number[];
  dtype: 'float16';
  runsOn: string;
  seconds: number;
}

export interface FeatureOptions extends TaskOptions {
  readonly store: TileStore;
  readonly base: Base;
  readonly pixels: Pixels;
  readonly device?: 'auto' | 'cpu' | 'cuda' | undefined;
  readonly threads?: number | undefined;
}

/**
 * Computes the features of a store, or finds those that are there. Stopped or killed, the same call
 * continues where the journal ends.
 * @throws LungclsError OUTPUT_UNWRITABLE | DISK_FULL | BUSY | ABORTED, and those of createOnnxSession
 */
export async function ensureFeatures(options: FeatureOptions): Promise<StoredFeatures> {
  const { store, base, pixels } = options;
  const print = fingerprint({
    version: FORMAT_VERSION,
    base: base.fingerprint,
    pixels,
    store: store.fingerprint,
    dtype: 'float16',
  });
  const directory = join(store.directory, `features-${print.slice(0, 12)}`);
  const size = store.spec.size;
  const shape = inferShapes(inceptionV3ToMixed7(), [size, size, 3]).get(BASE_OUTPUT) ?? [];
  const present = await readFeatures(directory, print, [store.count, ...shape], options);
  if (present !== undefined) {
    options.onMessage?.(`Features are there already: ${directory}`, 'info');
    return present;
  }
  // Whatever stands there is not them, so it may be replaced.
  const partial = await openPartial(directory, { fingerprint: print, force: true });
  try {
    const done = await compute(options, partial, shape);
    const description: Description = {
      format: 'lungcls-features',
      version: FORMAT_VERSION,
      toolVersion: TOOL_VERSION,
      fingerprint: print,
      base: { id: base.id, fingerprint: base.fingerprint },
      pixels,
      storeFingerprint: store.fingerprint,
      layer: BASE_OUTPUT,
      shape: [store.count, ...shape],
      dtype: 'float16',
      ...done,
    };
    await writeFileAtomic(
      partial.path(DESCRIPTION_FILE),
      `${JSON.stringify(description, null, 2)}\n`,
    );
    await partial.commitDirectory();
    return {
      directory,
      path: join(directory, FEATURES_FILE),
      dataOffset: NPY_HEADER_BYTES,
      count: store.count,
      shape,
      ...done,
      computed: true,
    };
  } finally {
    await partial.release();
  }
}

/** Features that are whole and ours, or undefined. */
async function readFeatures(
  directory: string,
  print: string,
  shape: readonly number[],
  { onMessage }: TaskOptions,
): Promise<StoredFeatures | undefined> {
  const path = join(directory, FEATURES_FILE);
  try {
    const text = await readFile(join(directory, DESCRIPTION_FILE), 'utf8');
    const description = JSON.parse(text) as Partial<Description>;
    const header = await readNpyHeader(path);
    const bytes = header.dataOffset + shape.reduce((a, b) => a * b, 2);
    if (description.fingerprint !== print) throw new Error('another fingerprint');
    if (header.dtype !== '<f2' || header.shape.join() !== shape.join()) {
      throw new Error(`an array of shape (${header.shape.join(', ')})`);
    }
    const size = (await stat(path)).size;
    if (size !== bytes) throw new Error(`${String(size)} bytes instead of ${String(bytes)}`);
    return {
      directory,
      path,
      dataOffset: header.dataOffset,
      count: shape[0] ?? 0,
      shape: shape.slice(1),
      runsOn: description.runsOn ?? 'unknown',
      seconds: description.seconds ?? 0,
      computed: false,
    };
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') {
      onMessage?.(`Computing the features in ${directory} anew: ${messageOf(error)}`, 'warning');
    }
    return undefined;
  }
}

interface Journal {
  /** Tiles whose features are on disk. */
  rows: number;
  seconds: number;
}

/** Fills features.npy from where the journal ends. */
async function compute(
  options: FeatureOptions,
  partial: PartialOutput,
  shape: readonly number[],
): Promise<{ runsOn: string; seconds: number }> {
  const { store, base, pixels, device, threads, signal } = options;
  const rowBytes = shape.reduce((a, b) => a * b, 2);
  const path = partial.path(FEATURES_FILE);
  const writer = await FeatureWriter.open(path, partial, [store.count, ...shape], rowBytes);
  let session: OnnxSession | undefined;
  try {
    session = await createOnnxSession({
      model: baseModelBytes(base, { size: store.spec.size, pixels }),
      device,
      threads,
      signal,
    });
    options.onMessage?.(
      `Computing features of ${String(store.count - writer.rows)} tiles with ${session.description}`,
      'info',
    );
    await runAll(options, session, writer);
    await writer.finish();
    if (writer.clamped > 0) {
      options.onMessage?.(
        `${String(writer.clamped)} features were above 65504, the largest number of float16, and count as that`,
        'warning',
      );
    }
    return { runsOn: session.description, seconds: writer.seconds };
  } finally {
    await session?.close();
    await writer.close();
  }
}

async function runAll(
  { store, signal, onProgress }: FeatureOptions,
  session: OnnxSession,
  writer: FeatureWriter,
): Promise<void> {
  const { size } = store.spec;
  const rest = Uint32Array.from({ length: store.count - writer.rows }, (_, i) => writer.rows + i);
  const running: Promise<Float32Array>[] = [];
  const writeOldest = async (): Promise<void> => {
    const features = await running.shift();
    if (features !== undefined) await writer.append(features);
    onProgress?.({ stage: 'features', done: writer.rows, total: store.count, unit: 'tiles' });
  };
  try {
    for await (const { tiles, count } of store.batches(rest, BATCH_TILES)) {
      throwIfAborted(signal);
      // Two batches wait in the session's thread: it runs on while this one converts and writes.
      if (running.length >= 2) await writeOldest();
      running.push(
        session.run(tiles, [count, size, size, 3]).then((outputs) => featuresOf(outputs)),
      );
      running.at(-1)?.catch(() => undefined);
    }
    while (running.length > 0) {
      throwIfAborted(signal);
      await writeOldest();
    }
  } finally {
    await Promise.allSettled(running);
  }
}

function featuresOf(outputs: Map<string, { data: Float32Array }>): Float32Array {
  const output = outputs.get(FEATURES_OUTPUT);
  if (output === undefined) throw new Error(`the model has no output ${FEATURES_OUTPUT}`);
  return output.data;
}

/** Appends rows to features.npy and keeps the journal. */
class FeatureWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #journalPath: string;
  readonly #rowBytes: number;
  readonly #before: Journal;
  readonly #startedAt = performance.now();
  #half = new Uint16Array();
  #clamped = 0;
  #rows: number;
  #journaled: number;
  #journal: Promise<void> = Promise.resolve();

  private constructor(
    file: FileHandle,
    path: string,
    journalPath: string,
    rowBytes: number,
    before: Journal,
  ) {
    this.#file = file;
    this.#path = path;
    this.#journalPath = journalPath;
    this.#rowBytes = rowBytes;
    this.#before = before;
    this.#rows = before.rows;
    this.#journaled = before.rows;
  }

  static async open(
    path: string,
    partial: PartialOutput,
    shape: readonly number[],
    rowBytes: number,
  ): Promise<FeatureWriter> {
    try {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT);
      const journalPath = partial.path(JOURNAL_FILE);
      const before = await readJournal(journalPath);
      const { size } = await file.stat();
      const whole = size >= NPY_HEADER_BYTES + before.rows * rowBytes;
      await writeAll(file, npyHeader({ dtype: '<f2', shape }), 0);
      const start = whole ? before : { rows: 0, seconds: 0 };
      return new FeatureWriter(file, path, journalPath, rowBytes, start);
    } catch (error) {
      throw writeError(error, path);
    }
  }

  /** Tiles written so far. */
  get rows(): number {
    return this.#rows;
  }

  get seconds(): number {
    return this.#before.seconds + (performance.now() - this.#startedAt) / 1000;
  }

  async append(features: Float32Array): Promise<void> {
    if (this.#half.length < features.length) this.#half = new Uint16Array(features.length);
    const half = this.#half.subarray(0, features.length);
    floatToHalf(features, half);
    this.#clamped += clampInfinities(half);
    try {
      await writeAll(
        this.#file,
        new Uint8Array(half.buffer, 0, half.byteLength),
        NPY_HEADER_BYTES + this.#rows * this.#rowBytes,
      );
    } catch (error) {
      throw writeError(error, this.#path);
    }
    this.#rows += half.byteLength / this.#rowBytes;
    if (this.#rows - this.#journaled >= JOURNAL_TILES) {
      await this.#journal;
      this.#journaled = this.#rows;
      this.#journal = this.#record(this.#rows);
      // Awaited by the next entry, or by close().
      this.#journal.catch(() => undefined);
    }
  }

  /** Numbers that were too large for float16. */
  get clamped(): number {
    return this.#clamped;
  }

  /** Everything is on disk afterwards. */
  async finish(): Promise<void> {
    await this.#journal;
    await this.#record(this.#rows);
  }

  async close(): Promise<void> {
    await this.#journal.catch(() => undefined);
    await this.#file.close();
  }

  async #record(rows: number): Promise<void> {
    const entry: Journal = { rows, seconds: this.seconds };
    try {
      await this.#file.datasync();
    } catch (error) {
      throw writeError(error, this.#path);
    }
    await writeFileAtomic(this.#journalPath, `${JSON.stringify(entry)}\n`);
  }
}

/**
 * Puts float16's largest number where a feature was larger: one infinity would make every loss NaN.
 * @returns how many there were
 */
export function clampInfinities(half: Uint16Array): number {
  let count = 0;
  // Features stand behind a relu: none is negative.
  for (let i = half.indexOf(HALF_INFINITY); i >= 0; i = half.indexOf(HALF_INFINITY, i + 1)) {
    half[i] = HALF_MAX;
    count++;
  }
  return count;
}

async function readJournal(path: string): Promise<Journal> {
  try {
    const { rows, seconds } = JSON.parse(await readFile(path, 'utf8')) as Partial<Journal>;
    if (Number.isSafeInteger(rows) && rows !== undefined && rows >= 0) {
      return { rows, seconds: seconds ?? 0 };
    }
  } catch {
    // None yet: begin at the first tile.
  }
  return { rows: 0, seconds: 0 };
}
