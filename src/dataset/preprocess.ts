/** From labelled images to a tile store. */
import { basename, resolve } from 'node:path';
import { rm } from 'node:fs/promises';
import { LIMITS, RECIPE, TOOL_VERSION } from '../config.js';
import { LungclsError } from '../errors.js';
import { decodeTiles } from '../imaging/decoder.js';
import {
  preprocessingFingerprint,
  preprocessingSpec,
  type PreprocessingSpec,
  type ResizeMode,
} from '../imaging/preprocessing.js';
import { STORE_VERSION } from '../imaging/tile-store-format.js';
import { TileStoreWriter, type IndexedImages } from '../imaging/tile-store-writer.js';
import type { ImageSource } from '../imaging/source.js';
import type { BufferMemory } from '../native/addon.js';
import type { TaskOptions } from '../runtime/progress.js';
import { resolveThreads } from '../runtime/threads.js';
import { fingerprint } from '../storage/hash.js';
import { openPartial, type PartialOutput } from '../storage/partial.js';
import { openDataset, type Dataset } from './dataset.js';
import type { DatasetItems } from './dataset-items.js';
import { DatasetState } from './identity.js';

/** Images decoded into one buffer; two or three of these buffers are all that is in memory. */
const BATCH = 64;
/** Failures that the result names one by one; index.csv has all. */
const NAMED_FAILURES = 10;

const CHANGED = { status: 'INPUT_CHANGED', message: 'The file changed while it was being read' };

export interface PreprocessOptions extends TaskOptions {
  /** A folder, or a .zip archive, with one sub-folder a class. */
  input: string;
  /** The tile store to write, a folder. */
  output: string;
  /** Side of a tile in pixels; 256 by default. */
  size?: number;
  /** How images become tiles; `cv2` by default. */
  resize?: ResizeMode;
  /** Names of the class folders to take, in the order of their labels. */
  classes?: readonly string[];
  /** Replace the output if it exists. */
  force?: boolean;
  /** Threads for decoding; all that the process may use by default. */
  threads?: number;
  /** Most pixels an image may have. */
  maxPixels?: number;
  /** Also take images whose data is damaged, as far as they decode; they keep status `damaged`. */
  keepDamaged?: boolean;
  /**
   * Tell whether images have changed by their content (SHA-256), instead of by size and time of last
   * change: slower, since everything is read three times, and sure.
   */
  verify?: boolean;
}

export interface PreprocessFailure {
  readonly path: string;
  /** Status in index.csv: `damaged` or an error code. */
  readonly code: string;
  readonly message: string;
}

export interface PreprocessResult {
  /** The tile store. */
  readonly store: string;
  /** Tiles in it. */
  readonly rows: number;
  readonly classes: readonly string[];
  /** Tiles by class name. */
  readonly perClass: Readonly<Record<string, number>>;
  /** Images that gave no tile. */
  readonly errors: number;
  /** The first of them. */
  readonly failures: readonly PreprocessFailure[];
  /** True where an interrupted run was continued, and how many images it had done. */
  readonly resumed: boolean;
  readonly alreadyDone: number;
  /** Time this run took, and the images it decoded a second. */
  readonly seconds: number;
  readonly tilesPerSecond: number;
  /** Threads that decoded. */
  readonly threads: number;
  /** What the images were decoded into; undefined where none was left to decode. */
  readonly buffers: BufferMemory | undefined;
  /** Content fingerprint of the store. */
  readonly fingerprint: string;
}

/**
 * Decodes and resizes every image of a data set into a tile store: `images.npy` (N,S,S,3) uint8 RGB,
 * `labels.npy` (N,) int64, `index.csv`, `store.json`. Images that cannot be decoded are left out and
 * listed in the index with their status.
 *
 * The store appears when it is whole. Killed at any moment, the same call continues and gives the
 * same bytes; where images have changed in between (by size or time, or with `verify` by content) it
 * starts anew. An image that changes between its listing and its reading gives no tile and has the status
 * INPUT_CHANGED. Memory does not grow with the number of images, but for their names.
 *
 * @throws LungclsError OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL (what is done is kept) | BUSY |
 *   INPUT_CHANGED (an archive changed while it was read) | TOO_FEW_TILES (no image could be decoded) | INVALID_OPTION | ABORTED | ADDON_MISSING, and the
 *   codes of openDataset
 */
export async function preprocess(options: PreprocessOptions): Promise<PreprocessResult> {
  const started = performance.now();
  const spec = preprocessingSpec(options.size ?? RECIPE.imgSize, options.resize);
  const threads = resolveThreads(options.threads);
  const maxPixels = options.maxPixels ?? LIMITS.maxPixels;
  const keepDamaged = options.keepDamaged ?? false;
  const { signal, classes } = options;
  const dataset = await openDataset(options.input, {
    ...(classes === undefined ? {} : { classes }),
    ...(signal === undefined ? {} : { signal }),
  });
  const state = await DatasetState.of(
    dataset,
    options.verify === true ? 'content' : 'stat',
    signal,
  );
  for (const warning of dataset.warnings) options.onMessage?.(warning, 'warning');
  const partial = await openPartial(options.output, {
    force: options.force ?? false,
    fingerprint: fingerprint({
      store: STORE_VERSION,
      tool: TOOL_VERSION,
      preprocessing: preprocessingFingerprint(spec),
      classes: dataset.classes,
      images: state.identity,
      name: basename(resolve(options.input)),
      maxPixels,
      keepDamaged,
    }),
  });
  try {
    const writer = await TileStoreWriter.open(partial.directory, { spec, keepDamaged });
    try {
      const alreadyDone = writer.done;
      if (alreadyDone > 0) {
        options.onMessage?.(
          `Continuing: ${String(alreadyDone)} of ${String(dataset.items.length)} images are done`,
          'info',
        );
      }
      const buffers = await decodeAll(dataset, state, writer, {
        ...options,
        spec,
        threads,
        maxPixels,
        keepDamaged,
      });
      if (writer.rows === 0) throw await nothingDecoded(dataset, writer, partial);
      const description = await writer.finish({
        classes: dataset.classes,
        images: indexed(dataset.items),
        source: {
          kind: dataset.kind,
          name: basename(resolve(options.input)),
          images: dataset.items.length,
        },
      });
      await partial.commitDirectory();
      const seconds = (performance.now() - started) / 1000;
      return {
        store: options.output,
        rows: writer.rows,
        classes: dataset.classes,
        perClass: rowsPerClass(dataset, writer),
        errors: dataset.items.length - writer.rows,
        failures: failuresOf(dataset, writer),
        resumed: alreadyDone > 0,
        alreadyDone,
        seconds,
        tilesPerSecond: (dataset.items.length - alreadyDone) / seconds,
        threads,
        buffers,
        fingerprint: description.fingerprint,
      };
    } finally {
      await writer.close();
    }
  } finally {
    await partial.release();
  }
}

interface DecodeOptions extends TaskOptions {
  spec: PreprocessingSpec;
  threads: number;
  maxPixels: number;
  keepDamaged: boolean;
}

async function decodeAll(
  dataset: Dataset,
  state: DatasetState,
  writer: TileStoreWriter,
  options: DecodeOptions,
): Promise<BufferMemory | undefined> {
  const total = dataset.items.length;
  const { spec, threads, maxPixels, keepDamaged, signal, onProgress } = options;
  const report = (): void =>
    onProgress?.({ stage: 'decode', done: writer.done, total, unit: 'images' });
  report();
  let buffers: BufferMemory | undefined;
  const batches = decodeTiles(sourcesFrom(dataset.items, writer.done), {
    onBuffers: (memory) => {
      buffers = memory;
    },
    size: spec.size,
    resize: spec.resize,
    batchSize: BATCH,
    threads,
    maxPixels,
    keepDamaged,
    ...(signal === undefined ? {} : { signal }),
  });
  for await (const batch of batches) {
    try {
      const changed = await state.changed(writer.done, batch.statuses.length);
      const statuses = batch.statuses.map((own, i) => (changed[i] === true ? CHANGED : own));
      await writer.append({ tiles: batch.tiles, statuses });
    } finally {
      batch.release();
    }
    report();
  }
  return buffers;
}

/** Trying again would end the same way, so nothing is kept. */
async function nothingDecoded(
  dataset: Dataset,
  writer: TileStoreWriter,
  partial: PartialOutput,
): Promise<LungclsError> {
  const [first] = failuresOf(dataset, writer);
  await writer.close();
  await rm(partial.directory, { recursive: true, force: true });
  return new LungclsError(
    'TOO_FEW_TILES',
    `None of the ${String(dataset.items.length)} images of ${dataset.input} could be decoded; the first, ${first?.path ?? ''}: ${first?.message ?? ''}`,
    { path: dataset.input },
  );
}

function* sourcesFrom(items: DatasetItems, begin: number): Generator<ImageSource> {
  for (const { source } of items.range(begin)) yield source;
}

/** What index.csv says of the images, made each time it is gone through. */
function indexed(items: DatasetItems): IndexedImages {
  return {
    length: items.length,
    *[Symbol.iterator]() {
      for (const { source, label } of items) yield { path: source.path, label, group: '' };
    },
  };
}

function rowsPerClass(
  { classes, items }: Dataset,
  { records }: TileStoreWriter,
): Record<string, number> {
  const counts = classes.map(() => 0);
  for (let i = 0; i < items.length; i++) {
    const label = items.label(i);
    if (records.hasTile(i)) counts[label] = (counts[label] ?? 0) + 1;
  }
  return Object.fromEntries(classes.map((name, label) => [name, counts[label] ?? 0]));
}

function failuresOf({ items }: Dataset, { records }: TileStoreWriter): PreprocessFailure[] {
  return records.failures(NAMED_FAILURES).map(({ index, status, message }) => ({
    path: items.at(index).source.path,
    code: status,
    message,
  }));
}
