/** The classifier of the library: encoded images in, results out; calls at the same time share batches. */
import { openBundle, type Bundle } from '../bundle/read.js';
import type { DomainJudgement, DomainReason } from '../domain/domain.js';
import { LungclsError } from '../errors.js';
import { resolveDecodeOptions } from '../imaging/decode-options.js';
import { SlotDecoder } from '../imaging/slot-decoder.js';
import type { ImageSource } from '../imaging/source.js';
import type { TileBatch } from '../imaging/tile-batch.js';
import { throwIfAborted } from '../runtime/abort.js';
import {
  loadClassifier,
  type Classifier as TileClassifier,
  type ClassifierOptions,
  type TileJudgements,
} from './classifier.js';
import { entropy, rank, UNCERTAIN } from './result-columns.js';
import { STATUS_OK } from './results.js';
import { temperatureOf, withTemperature } from './temperature.js';
import { withTta, type TtaMode } from './tta.js';

/** An encoded image: the path of its file, or its bytes. */
export type ImageInput = string | Uint8Array;

export interface ImageClassifierOptions extends ClassifierOptions {
  /** Images a run, 1 to 4096; 8 by default: a lone image costs a whole batch. */
  batchSize?: number;
  /** Images whose largest probability is below it get the label `uncertain`; 0 to 1, none by default. */
  threshold?: number;
  /** `d4`: the mean of the probabilities over the eight flips and rotations, at eight times the cost. */
  tta?: TtaMode;
  /**
   * Probabilities after temperature scaling: `true` fails where the model has no temperature, `false` gives the
   * network's own; by default calibrated where it has one. Labels are the same either way.
   */
  calibrated?: boolean;
  /** Most pixels an image may have; 100 million by default. */
  maxPixels?: number;
}

/** What became of one image. */
export interface Classification {
  /** Undefined for an image that was given as bytes. */
  readonly path: string | undefined;
  /** `ok`, `damaged` (decoded with a warning), or the code of what was wrong. */
  readonly status: string;
  /** What was wrong, in words; empty for `ok`. */
  readonly message: string;
  /** A class, or `uncertain`; undefined where the status is not `ok`, as all that follows. */
  readonly label: string | undefined;
  /** float32, in the order of `classes`, 0 to 1, sum 1. */
  readonly probabilities: Float32Array | undefined;
  readonly maxProbability: number | undefined;
  /** Shannon's, in nats: 0 to ln(classes). */
  readonly entropy: number | undefined;
  /** Whether the image is like the tiles of training; undefined too where the model cannot tell. */
  readonly inDomain: boolean | undefined;
  /** 0 and above; above 1 out of the domain. float32. */
  readonly domainScore: number | undefined;
  /** In what it is unlike them: undefined in the domain. */
  readonly domainReason: DomainReason | undefined;
}

export interface CallOptions {
  /** Ends the wait for results with ABORTED; other calls go on. */
  signal?: AbortSignal;
}

interface Request {
  readonly source: ImageSource;
  readonly path: string | undefined;
  readonly resolve: (result: Classification) => void;
  readonly reject: (error: unknown) => void;
}

/** Batches under way: one runs, one is decoded, one waits. */
const SLOTS = 3;
const DEFAULT_BATCH = 8;
/** Images that a stream asks for ahead of the one it yields, in batches. */
const STREAM_AHEAD = 4;

/**
 * A loaded model that classifies encoded images (JPEG, PNG, TIFF, WebP, BMP). Calls made at the same time
 * are put into batches together, whoever made them; an image that is asked for alone runs at once. An
 * image that cannot be read has a status; it does not throw. It holds threads and memory until `close()`.
 *
 * ```ts
 * const classifier = await Classifier.load('run/model');
 * const [result] = await classifier.classify(['tile.jpeg']);
 * for await (const { path, label } of classifier.stream(paths)) console.log(path, label);
 * await classifier.close();
 * ```
 */
export class Classifier {
  readonly classes: readonly string[];
  /** What it runs on, in words. */
  readonly description: string;
  /** By which logits are divided; undefined: the probabilities are the network's own. */
  readonly temperature: number | undefined;
  readonly #tiles: TileClassifier;
  readonly #decoder: SlotDecoder;
  readonly #batchSize: number;
  readonly #threshold: number;
  readonly #queue: Request[] = [];
  readonly #running = new Set<Promise<void>>();
  #woken = false;
  #closing: Promise<void> | undefined;

  private constructor(
    tiles: TileClassifier,
    options: ImageClassifierOptions,
    { batchSize, temperature }: { batchSize: number; temperature: number | undefined },
  ) {
    const { threshold, maxPixels, threads } = options;
    this.temperature = temperature;
    this.classes = tiles.classes;
    this.description = tiles.description;
    this.#tiles = tiles;
    this.#batchSize = batchSize;
    this.#threshold = threshold === undefined ? 0 : Math.fround(threshold);
    const { size, resize } = tiles.preprocessing;
    this.#decoder = new SlotDecoder(
      resolveDecodeOptions({
        ...{ size, resize, batchSize, slots: SLOTS },
        ...(maxPixels === undefined ? {} : { maxPixels }),
        ...(threads === undefined ? {} : { threads }),
      }),
    );
  }

  /**
   * Loads a model bundle (a folder written by `train`, or a lone .onnx of one).
   * @throws LungclsError INVALID_OPTION | INPUT_NOT_FOUND | MODEL_INVALID | DEVICE_UNAVAILABLE |
   *   BACKEND_UNAVAILABLE | ADDON_MISSING | ABORTED
   */
  static async load(
    model: string | Bundle,
    options: ImageClassifierOptions = {},
  ): Promise<Classifier> {
    const { batchSize = DEFAULT_BATCH, threshold, tta, engine, precision } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 4096) {
      throw invalid('a positive integer up to 4096', 'batchSize', batchSize);
    }
    if (threshold !== undefined && !(threshold >= 0 && threshold <= 1)) {
      throw invalid('a probability from 0 to 1', 'threshold', threshold);
    }
    const bundle =
      typeof model === 'string'
        ? await openBundle(model, { engine: engine ?? 'onnx', precision })
        : model;
    const temperature = temperatureOf(bundle.metadata, options.calibrated);
    const loaded = await loadClassifier(bundle, { ...options, batchSize });
    const tiles = withTemperature(withTta(loaded, tta), temperature);
    try {
      if (threshold !== undefined && tiles.classes.includes(UNCERTAIN)) {
        throw invalid(`none: the model has a class named ${UNCERTAIN}`, 'threshold', threshold);
      }
      return new Classifier(tiles, options, { batchSize, temperature });
    } catch (error) {
      await tiles.close();
      throw error;
    }
  }

  /**
   * Classifies images: results in the order of the images. Bytes may be reused once the promise settles.
   * @throws LungclsError CLOSED | INVALID_OPTION (neither path nor bytes) | ABORTED | INTERNAL
   */
  async classify(
    images: readonly ImageInput[],
    options: CallOptions = {},
  ): Promise<Classification[]> {
    this.#checkOpen();
    const { signal } = options;
    throwIfAborted(signal);
    const requests = images.map((image) => sourceOf(image));
    const results = Promise.all(requests.map((request) => this.#ask(request)));
    return await untilAborted(results, signal);
  }

  /**
   * Classifies any number of images, some batches ahead of the one it yields; results in their order.
   * Memory does not grow with their number, and a consumer that is slow slows it down.
   * @throws LungclsError CLOSED | INVALID_OPTION | ABORTED | INTERNAL, and whatever `images` throws
   */
  async *stream(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options: CallOptions = {},
  ): AsyncGenerator<Classification, void, undefined> {
    const { signal } = options;
    const ahead: Promise<Classification>[] = [];
    for await (const image of images) {
      this.#checkOpen();
      throwIfAborted(signal);
      const result = this.#ask(sourceOf(image));
      // It may fail while an earlier one is awaited; whoever awaits it later still sees the failure.
      result.catch(() => undefined);
      ahead.push(result);
      const first = ahead.length < STREAM_AHEAD * this.#batchSize ? undefined : ahead.shift();
      if (first !== undefined) yield await untilAborted(first, signal);
    }
    for (const result of ahead) yield await untilAborted(result, signal);
  }

  /** Frees everything; what was asked for is answered first. May be called twice. */
  async close(): Promise<void> {
    this.#closing ??= (async () => {
      while (this.#queue.length > 0 || this.#running.size > 0) {
        this.#start();
        await Promise.race(this.#running);
      }
      this.#decoder.close();
      await this.#tiles.close();
    })();
    await this.#closing;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new LungclsError('CLOSED', 'The classifier has been closed');
  }

  #ask({ source, path }: Pick<Request, 'source' | 'path'>): Promise<Classification> {
    const result = new Promise<Classification>((resolve, reject) => {
      this.#queue.push({ source, path, resolve, reject });
    });
    if (this.#queue.length >= this.#batchSize) this.#start();
    else this.#wake();
    return result;
  }

  /** Starts what is queued once those who are calling now have all called. */
  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      this.#start();
    });
  }

  /** Starts batches: full ones while there are buffers; one that is not full where nothing runs. */
  #start(): void {
    while (this.#queue.length > 0 && this.#decoder.hasFreeSlot) {
      if (this.#queue.length < this.#batchSize && this.#running.size > 0) return;
      const requests = this.#queue.splice(0, this.#batchSize);
      const run = this.#run(requests).finally(() => {
        this.#running.delete(run);
        this.#start();
      });
      this.#running.add(run);
    }
  }

  /** Answers all of a batch; never throws. */
  async #run(requests: readonly Request[]): Promise<void> {
    try {
      const batch = await this.#decoder.decode(requests.map(({ source }) => source));
      const judgements = this.#judgeTiles(batch);
      const { statuses } = batch;
      // The tiles have been read: their buffer may be filled again.
      batch.release();
      const all = await judgements;
      const width = this.classes.length;
      requests.forEach(({ path, resolve }, i) => {
        const { status, message } = statuses[i] ?? { status: 'INTERNAL', message: 'No status' };
        const isTile = status === STATUS_OK && all !== undefined;
        const own = isTile ? all.probabilities.slice(i * width, (i + 1) * width) : undefined;
        const domain = isTile ? all.domain?.[i] : undefined;
        resolve({ path, status, message, ...this.#answer(own, domain) });
      });
    } catch (error) {
      for (const { reject } of requests) reject(error);
    }
  }

  #judgeTiles({ statuses, tiles }: TileBatch): Promise<TileJudgements | undefined> {
    const some = statuses.some(({ status }) => status === STATUS_OK);
    const result = some ? this.#tiles.judgeTiles(tiles, statuses.length) : undefined;
    return result ?? Promise.resolve(undefined);
  }

  #answer(
    probabilities: Float32Array | undefined,
    domain: DomainJudgement | undefined,
  ): Omit<Classification, 'path' | 'status' | 'message'> {
    if (probabilities === undefined) {
      return {
        ...{ label: undefined, probabilities: undefined },
        ...{ maxProbability: undefined, entropy: undefined },
        ...{ inDomain: undefined, domainScore: undefined, domainReason: undefined },
      };
    }
    const best = rank(probabilities)[0] ?? 0;
    const maxProbability = probabilities[best] ?? NaN;
    const label = maxProbability >= this.#threshold ? this.classes[best] : UNCERTAIN;
    return {
      ...{ label, probabilities, maxProbability, entropy: entropy(probabilities) },
      inDomain: domain?.inDomain,
      domainScore: domain?.score,
      domainReason: domain?.reason,
    };
  }
}

function sourceOf(image: ImageInput): Pick<Request, 'source' | 'path'> {
  if (image instanceof Uint8Array) {
    return { path: undefined, source: { path: '', file: '', bytes: image } };
  }
  // No file can have a name with NUL in it.
  if (typeof image !== 'string' || image === '' || image.includes('\0')) {
    throw invalid('a path or bytes (Uint8Array)', 'images', image);
  }
  return { path: image, source: { path: image, file: image } };
}

/** What the promise gives, or ABORTED as soon as the signal fires. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let onAbort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => {
      resolve('aborted');
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  promise.catch(() => undefined);
  try {
    await Promise.race([promise, aborted]);
    throwIfAborted(signal);
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function invalid(expected: string, name: string, value: unknown): LungclsError {
  const shown =
    typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value);
  return new LungclsError(
    'INVALID_OPTION',
    `Expected ${expected} for ${name} but received ${shown} of type ${typeof value}`,
  );
}
