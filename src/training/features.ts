/**
 * The base's output at mixed7 for every tile of a store, computed once and kept beside the tiles:
 * the base is frozen, so it never changes. Float16 halves the disk and the reading; the head trains
 * on it in float32.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TOOL_VERSION } from '../config.js';
import { messageOf, systemErrorCode } from '../errors.js';
import { freeArray } from '../native/addon.js';
import { inferShapes } from '../network/graph.js';
import { BASE_OUTPUT, inceptionV3ToMixed7 } from '../network/inception-v3.js';
import { parseStatistics, type ImageStatistics } from '../onnx/calibration.js';
import { FEATURES_OUTPUT } from '../onnx/export.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { OnnxPool } from '../runtime/onnx-pool.js';
import type { TaskOptions } from '../runtime/progress.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { fingerprint } from '../storage/hash.js';
import { NPY_HEADER_BYTES, readNpyHeader } from '../storage/npy.js';
import { openPartial, type PartialOutput } from '../storage/partial.js';
import { openFeatureBase, precisionIdentity, type FeatureBaseOptions } from './feature-base.js';
import { FeatureWriter } from './feature-writer.js';

const FEATURES_FILE = 'features.npy';
const DESCRIPTION_FILE = 'features.json';
/** The 8-bit base, where that computed them. */
const CALIBRATED_FILE = 'base.int8.onnx';
/** What its calibration measured. */
const STATISTICS_FILE = 'calibration.json';
/** Raised when what stands in the files changes its meaning. */
const FORMAT_VERSION = 1;
/**
 * Tiles a run: as fast as larger ones. Sessions side by side hold the activations of a batch each: with 8
 * bits two of them took 0.35 GB at 8 tiles, 1.0 GB at 32.
 */
const BATCH_TILES = { fp32: 32, int8: 8 } as const;

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
  /** Of the base's arithmetic. */
  precision: 'fp32' | 'int8';
  runsOn: string;
  seconds: number;
}

export type FeatureOptions = FeatureBaseOptions;

/**
 * Computes the features of a store, or finds those that are there. Stopped or killed, the same call
 * continues where the journal ends.
 * @throws LungclsError OUTPUT_UNWRITABLE | DISK_FULL | BUSY | ABORTED, and those of createOnnxSession
 */
export async function ensureFeatures(options: FeatureOptions): Promise<StoredFeatures> {
  const { store, base, pixels, precision } = options;
  const print = fingerprint({
    version: FORMAT_VERSION,
    base: base.fingerprint,
    pixels,
    store: store.fingerprint,
    dtype: 'float16',
    ...precisionIdentity(precision),
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
      precision: precision.kind,
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

/** What the calibration of 8-bit features measured; undefined where there was none. */
export async function readCalibration({
  directory,
}: StoredFeatures): Promise<ImageStatistics | undefined> {
  try {
    return parseStatistics(await readFile(join(directory, STATISTICS_FILE), 'utf8'));
  } catch (error) {
    // Of float32 features, or of a version that did not keep it: it can be measured again.
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
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

/** Fills features.npy from where the journal ends. */
async function compute(
  options: FeatureOptions,
  partial: PartialOutput,
  shape: readonly number[],
): Promise<{ runsOn: string; seconds: number }> {
  const { store } = options;
  const rowBytes = shape.reduce((a, b) => a * b, 2);
  const path = partial.path(FEATURES_FILE);
  const writer = await FeatureWriter.open(path, partial, [store.count, ...shape], rowBytes);
  let session: OnnxPool | undefined;
  try {
    session = await openFeatureBase(options, {
      model: partial.path(CALIBRATED_FILE),
      statistics: partial.path(STATISTICS_FILE),
    });
    options.onMessage?.(
      `Computing features of ${String(store.count - writer.rows)} tiles with ${session.description}, ${options.precision.kind}`,
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
    return {
      runsOn: `${session.description}, ${options.precision.kind}`,
      seconds: writer.seconds,
    };
  } finally {
    await session?.close();
    await writer.close();
  }
}

async function runAll(
  { store, precision, signal, onProgress }: FeatureOptions,
  session: OnnxPool,
  writer: FeatureWriter,
): Promise<void> {
  const { size } = store.spec;
  const batchTiles = BATCH_TILES[precision.kind];
  const shape = [batchTiles, size, size, 3];
  const featuresPerTile = writer.rowBytes / 2;
  const rest = Uint32Array.from({ length: store.count - writer.rows }, (_, i) => writer.rows + i);
  const running: Promise<Float32Array>[] = [];
  const writeOldest = async (): Promise<void> => {
    const features = await running.shift();
    if (features !== undefined) {
      await writer.append(features);
      freeArray(features);
    }
    onProgress?.({ stage: 'features', done: writer.rows, total: store.count, unit: 'tiles' });
  };
  try {
    for await (const { tiles, count } of store.batches(rest, batchTiles)) {
      throwIfAborted(signal);
      // For each session a batch waits: it runs on while this thread converts and writes.
      if (running.length >= 2 * session.sessions) await writeOldest();
      const run = session.run(padded(tiles, batchTiles * store.tileBytes), shape);
      running.push(run.then((outputs) => featuresOf(outputs).subarray(0, count * featuresPerTile)));
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

/** The last batch is filled up, so that the shape never changes. */
function padded(tiles: Uint8Array, bytes: number): Uint8Array {
  if (tiles.length === bytes) return tiles;
  const whole = new Uint8Array(bytes);
  whole.set(tiles);
  return whole;
}

function featuresOf(outputs: Map<string, { data: Float32Array }>): Float32Array {
  const output = outputs.get(FEATURES_OUTPUT);
  if (output === undefined) throw new Error(`the model has no output ${FEATURES_OUTPUT}`);
  return output.data;
}
