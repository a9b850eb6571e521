/** Classifies any number of images into a CSV file: list -> decode -> run -> write, overlapping. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { openBundle, type Bundle } from '../bundle/read.js';
import { TOOL_VERSION } from '../config.js';
import { listImages } from '../dataset/list.js';
import { LungclsError } from '../errors.js';
import { TileStore } from '../imaging/tile-store.js';
import type { BufferMemory } from '../native/addon.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { fingerprint, type Json } from '../storage/hash.js';
import { openPartial } from '../storage/partial.js';
import {
  checkPreprocessing,
  loadClassifier,
  type Device,
  type Engine,
  type Precision,
} from './classifier.js';
import { runPipeline } from './pipeline.js';
import { checkPredictOptions, type PredictSettings } from './predict-options.js';
import { ResultFile, type ResultSink } from './result-file.js';
import { streamSink } from './result-stream.js';
import { ResultCounts, resultHeader } from './results.js';
import { resume } from './resume.js';
import { imageInput, storeInput, type InputItem, type TileInput } from './tile-input.js';

export interface PredictOptions extends TaskOptions {
  /** A model bundle: the folder that `train` wrote, or the .onnx in it. */
  model: string;
  /**
   * What to classify, in this order: folders (searched through, natural order), .zip archives, single
   * images, `-` for a list on `list`. Or one tile store alone, whose tiles are taken as they are.
   */
  inputs: readonly string[];
  /** The CSV file to write, or a stream to write it to. A stream cannot be resumed. */
  output: string | NodeJS.WritableStream;
  /** Where the names for `-` come from: one a line, or separated by NUL where there is one. */
  list?: Readable;
  /** They are separated by NUL, whatever the list looks like. */
  nulSeparated?: boolean;
  /** `onnx` by default. */
  engine?: Engine;
  /** `auto` by default. */
  device?: Device;
  /** Which ONNX file of a bundle's folder: `fp32` (default), `fp16`, or `int8`, for CPUs. */
  precision?: Precision;
  /** Tiles a run, 1 to 4096; 32 by default. */
  batchSize?: number;
  /** Threads for decoding and for the network; all that the process may use by default. */
  threads?: number;
  /** Most pixels an image may have; 100 million by default. */
  maxPixels?: number;
  /** Replace the output if it exists. */
  force?: boolean;
}

export interface PredictResult {
  /** The file, or undefined where a stream was written to. */
  output: string | undefined;
  /** Rows in all. */
  rows: number;
  /** Of them, rows that an earlier, stopped process had written. */
  resumedRows: number;
  /** Images given to each class. */
  perClass: Record<string, number>;
  /** Images of each status: `ok`, `damaged`, or the code of what was wrong. */
  perStatus: Record<string, number>;
  /** Of this process, from the first tile to the last row. */
  seconds: number;
  tilesPerSecond: number;
  runsOn: string;
  /** What the images were decoded into; undefined where the tiles came from a store. */
  buffers: BufferMemory | undefined;
}

/**
 * Classifies images and writes `path,label,<one probability a class>,status`, one row an image, in the
 * order of the inputs. An image that cannot be read gets a row with a status and no label. Memory does
 * not grow with the number of images. A run that was stopped, at whatever moment, is continued by the
 * same call and gives the file that it would have given; from the first row on whose image is no longer
 * the input's at that place (by path, size and time of last change) rows are made again.
 *
 * @throws LungclsError INVALID_OPTION | INPUT_NOT_FOUND | INPUT_EMPTY | MODEL_INVALID |
 *   PREPROCESSING_MISMATCH | OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | BUSY |
 *   DEVICE_UNAVAILABLE | BACKEND_UNAVAILABLE | ABORTED
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const settings = checkPredictOptions(options);
  throwIfAborted(options.signal);
  const bundle = await openBundle(options.model, settings);
  const store = await openStore(options.inputs);
  if (store === undefined) return await predictImages(bundle, options, settings);
  try {
    const { preprocessing, preprocessingFingerprint } = bundle.metadata;
    checkPreprocessing(
      { preprocessing, preprocessingFingerprint },
      {
        spec: store.spec,
        fingerprint: store.preprocessingFingerprint,
        name: store.directory,
      },
    );
    const job = new PredictJob(bundle, options, settings, { store: store.fingerprint });
    return await job.run(storeInput(store, settings.batchSize));
  } finally {
    store.close();
  }
}

async function predictImages(
  bundle: Bundle,
  options: PredictOptions,
  settings: PredictSettings,
): Promise<PredictResult> {
  const { inputs, list, nulSeparated, signal } = options;
  const { batchSize, threads, maxPixels } = settings;
  const separator = nulSeparated === true ? '\0' : undefined;
  const job = new PredictJob(bundle, options, settings, {
    inputs: await describeInputs(inputs),
    maxPixels,
  });
  return await job.run(
    imageInput({
      list: () => listImages(inputs, { list, separator, signal }),
      countable: !inputs.includes('-'),
      preprocessing: bundle.metadata.preprocessing,
      batchSize,
      threads,
      maxPixels,
      signal,
      onBuffers: (memory) => {
        job.buffers = memory;
      },
    }),
  );
}

/** One call of `predict`, once it is known where the tiles come from. */
class PredictJob {
  readonly #bundle: Bundle;
  readonly #options: PredictOptions;
  readonly #settings: PredictSettings;
  readonly #identity: Json;
  /** Set once images are decoded. */
  buffers: BufferMemory | undefined;

  /** @param identity of the inputs: rows of other inputs are never continued */
  constructor(bundle: Bundle, options: PredictOptions, settings: PredictSettings, identity: Json) {
    this.#bundle = bundle;
    this.#options = options;
    this.#settings = settings;
    this.#identity = identity;
  }

  async run<T extends InputItem>(input: TileInput<T>): Promise<PredictResult> {
    const { output, signal } = this.#options;
    const { classes } = this.#bundle.metadata;
    const counts = new ResultCounts(classes);
    if (typeof output !== 'string') {
      const sink = streamSink(output, signal);
      await sink.append(resultHeader(classes), new BigUint64Array(0));
      return await this.#classify(input, input.list()[Symbol.asyncIterator](), sink, counts);
    }
    const partial = await openPartial(output, {
      fingerprint: this.#fingerprint(),
      force: this.#options.force ?? false,
    });
    try {
      const file = await ResultFile.open(partial, resultHeader(classes));
      try {
        const items = input.list()[Symbol.asyncIterator]();
        const from = await resume(
          file,
          items,
          (item) => input.state(item),
          this.#settings.batchSize,
          counts,
        );
        if (from.rows > 0) this.#say(`Continuing after ${from.rows} rows that are there already`);
        const rest = chain(from.pending, items);
        const result = await this.#classify(input, rest, file, counts);
        await file.finish();
        return result;
      } catch (error) {
        await file.suspend();
        throw error;
      }
    } finally {
      await partial.release();
    }
  }

  async #classify<T extends InputItem>(
    input: TileInput<T>,
    items: AsyncIterator<T>,
    sink: ResultSink,
    counts: ResultCounts,
  ): Promise<PredictResult> {
    const { signal, onProgress, onMessage, output } = this.#options;
    const resumedRows = counts.rows;
    const first = await items.next();
    if (first.done === true && resumedRows === 0) {
      throw new LungclsError('INPUT_EMPTY', 'Expected at least one image but the inputs hold none');
    }
    const rest = chain(first.done === true ? [] : [first.value], items);
    const classifier = await loadClassifier(this.#bundle, {
      ...this.#settings,
      ...(signal === undefined ? {} : { signal }),
      ...(onMessage === undefined ? {} : { onMessage }),
    });
    const counter = new AbortController();
    try {
      let total: number | undefined;
      if (onProgress !== undefined && input.countable) {
        void countItems(input.list(), counter.signal).then((count) => (total = count));
      }
      const report = (): void => {
        onProgress?.({
          stage: 'predict',
          done: counts.rows,
          ...(total === undefined ? {} : { total }),
          unit: 'tiles',
        });
      };
      report();
      const startedAt = performance.now();
      await runPipeline({
        batches: input.read({ [Symbol.asyncIterator]: () => rest }),
        classifier,
        sink,
        counts,
        onBatch: report,
        signal,
      });
      const seconds = (performance.now() - startedAt) / 1000;
      return {
        output: typeof output === 'string' ? output : undefined,
        rows: counts.rows,
        resumedRows,
        perClass: counts.perClass,
        perStatus: counts.perStatus,
        seconds,
        tilesPerSecond: seconds > 0 ? (counts.rows - resumedRows) / seconds : 0,
        runsOn: classifier.description,
        buffers: this.buffers,
      };
    } finally {
      counter.abort();
      await classifier.close();
    }
  }

  /** Of everything that a row depends on, so that rows of another job are never mixed in. */
  #fingerprint(): string {
    const { engine, device, precision, batchSize } = this.#settings;
    const { classes, preprocessingFingerprint, files } = this.#bundle.metadata;
    return fingerprint({
      format: 'predict-2',
      toolVersion: TOOL_VERSION,
      model: { classes, preprocessingFingerprint, files: JSON.stringify(files) },
      engine,
      device,
      precision: precision ?? null,
      batchSize,
      input: this.#identity,
    });
  }

  #say(message: string): void {
    this.#options.onMessage?.(message, 'info');
  }
}

/** A tile store, where that is what the inputs name. */
async function openStore(inputs: readonly string[]): Promise<TileStore | undefined> {
  const stores: string[] = [];
  for (const input of inputs) {
    if (input !== '-' && (await isFile(join(input, 'store.json')))) stores.push(input);
  }
  const [store] = stores;
  if (store === undefined) return undefined;
  if (inputs.length > 1) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected images or one tile store for inputs but received the tile store ${store} among ${inputs.length}`,
    );
  }
  return await TileStore.open(store);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** What was named, and for files (archives, images) also which state of it. */
async function describeInputs(inputs: readonly string[]): Promise<Json> {
  const described: Json[] = [];
  for (const input of inputs) {
    if (input === '-') {
      described.push(['list', process.cwd()]);
      continue;
    }
    const path = resolve(input);
    const facts = await stat(path).catch(() => undefined);
    described.push(facts?.isFile() === true ? [path, facts.size, facts.mtimeMs] : [path]);
  }
  return described;
}

/** How many there are; undefined where it was stopped or cannot be told. */
async function countItems(
  items: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<number | undefined> {
  let count = 0;
  try {
    for await (const _ of items) {
      if (signal.aborted) return undefined;
      count++;
    }
  } catch {
    // The work itself meets the same failure and reports it.
    return undefined;
  }
  return count;
}

async function* chain<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield* first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
