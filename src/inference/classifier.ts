/** One interface over the engines that can run a model: tiles in, probabilities out. */
import { PRECISIONS, type Precision } from '../bundle/metadata.js';
import type { Bundle } from '../bundle/read.js';
import { openBundle } from '../bundle/read.js';
import { Domain, type DomainJudgement } from '../domain/domain.js';
import { LungclsError } from '../errors.js';
import type { PreprocessingSpec } from '../imaging/preprocessing.js';
import type { Device } from '../runtime/device.js';
import type { TaskOptions } from '../runtime/progress.js';
import { throwIfAborted } from '../runtime/abort.js';

export const ENGINES = ['onnx', 'tfjs'] as const;
export type Engine = (typeof ENGINES)[number];

export { PRECISIONS, type Precision };

export type { Device };

export const DEFAULT_INFERENCE_BATCH = 32;

/** What a model says of some tiles. */
export interface TileJudgements {
  /** As those of `classifyTiles`. */
  readonly probabilities: Float32Array;
  /** Of each tile, whether it is like those of training; undefined where the model cannot tell. */
  readonly domain: readonly DomainJudgement[] | undefined;
}

/** A loaded model. It holds threads and memory until `close()`. */
export interface Classifier {
  /** Class names; probabilities come in this order. */
  readonly classes: readonly string[];
  readonly engine: Engine;
  /** What it runs on, in words: "ONNX Runtime 1.30.0 (CPU, 2 threads)". */
  readonly description: string;
  /** Batches that are run at once: whoever keeps one more waiting keeps the processor busy. */
  readonly parallelRuns: number;
  /** How its tiles have to be made. */
  readonly preprocessing: PreprocessingSpec;
  readonly preprocessingFingerprint: string;
  /** Whether the model has what it takes to tell tiles that are unlike those of training. */
  readonly judgesDomain: boolean;
  /**
   * Classifies tiles.
   * @param tiles uint8, (count, S, S, 3), RGB, C order, S as `preprocessing.size`; bytes behind
   *   `count` tiles are not looked at. Read before the call returns: the buffer may be reused at once,
   *   before the promise settles.
   * @param count any number of tiles; they are run in batches of the classifier's batch size, the last
   *   one padded, so that the shape never changes
   * @returns float32, (count, classes.length), each row a distribution: 0 to 1, sum 1; the network's own,
   *   before any temperature
   * @throws LungclsError INVALID_OPTION (too few bytes) | MODEL_INVALID (not as many outputs as classes) |
   *   CLOSED
   */
  classifyTiles(tiles: Uint8Array, count: number): Promise<Float32Array>;
  /** As classifyTiles, and says of each tile whether it is like those that the model was trained on. */
  judgeTiles(tiles: Uint8Array, count: number): Promise<TileJudgements>;
  /** Frees everything; what runs already ends first. May be called twice. */
  close(): Promise<void>;
}

export interface ClassifierOptions extends TaskOptions {
  /** `onnx` (default): ONNX Runtime. `tfjs`: TensorFlow.js, slower, same results within 1e-4. */
  engine?: Engine;
  /** For the onnx engine: `auto` (default) takes CUDA where it works; `cuda:0,1` and `cuda:all` take several GPUs. */
  device?: Device;
  /**
   * Which ONNX file of the bundle: `fp32` (default), `fp16`, or `int8`, several times as fast on
   * CPUs with VNNI, for nearly the same classes; it runs on the CPU unless `device` says otherwise.
   */
  precision?: Precision | undefined;
  /** Threads for one run; all that the process may use by default. */
  threads?: number;
  /** Tiles a run: 32 by default. */
  batchSize?: number;
}

/** What a run gives. */
export interface BatchOutput {
  /** (batch, outputs) */
  readonly probabilities: Float32Array;
  /** (batch, channels): the mean of mixed7 over its positions; undefined where it was not asked for. */
  readonly pooled: Float32Array | undefined;
}

/** What an engine does: runs batches of one shape. */
export interface BatchRunner {
  readonly engine: Engine;
  /** Runs that it does at once; further ones wait. */
  readonly parallelRuns: number;
  readonly description: string;
  /**
   * @param tiles exactly one batch; read before the call returns
   * @param pooled whether the pooled features are wanted too
   */
  run(tiles: Uint8Array, pooled: boolean): Promise<BatchOutput>;
  close(): Promise<void>;
}

/**
 * Loads a model bundle (a folder written by `train`, or a lone .onnx of one).
 * @throws LungclsError INPUT_NOT_FOUND | MODEL_INVALID | DEVICE_UNAVAILABLE | BACKEND_UNAVAILABLE |
 *   ABORTED
 */
export async function loadClassifier(
  model: string | Bundle,
  options: ClassifierOptions = {},
): Promise<Classifier> {
  const engine = options.engine ?? 'onnx';
  const { precision } = options;
  if (engine === 'tfjs' && precision !== undefined && precision !== 'fp32') {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected the engine onnx for precision ${precision} but received ${engine}`,
    );
  }
  const bundle = typeof model === 'string' ? await openBundle(model, { engine, precision }) : model;
  throwIfAborted(options.signal);
  const batchSize = options.batchSize ?? DEFAULT_INFERENCE_BATCH;
  const { size } = bundle.metadata.preprocessing;
  const shape = [batchSize, size, size, 3] as const;
  // Loaded when asked for: libtensorflow takes seconds, and the onnx engine needs none of it.
  const runner =
    engine === 'tfjs'
      ? await (await import('./tfjs-runner.js')).createTfjsRunner(bundle, shape)
      : await (await import('./onnx-runner.js')).createOnnxRunner(bundle, shape, options);
  options.onMessage?.(`Classifying with ${runner.description}`, 'info');
  return new BatchingClassifier(bundle, runner, batchSize);
}

/**
 * Refuses tiles that were made another way than the model's own.
 * @throws LungclsError PREPROCESSING_MISMATCH, naming both
 */
export function checkPreprocessing(
  model: { preprocessing: PreprocessingSpec; preprocessingFingerprint: string },
  tiles: { spec: PreprocessingSpec; fingerprint: string; name: string },
): void {
  if (model.preprocessingFingerprint === tiles.fingerprint) return;
  throw new LungclsError(
    'PREPROCESSING_MISMATCH',
    `The model expects tiles of preprocessing ${describe(model.preprocessing, model.preprocessingFingerprint)} ` +
      `but ${tiles.name} has ${describe(tiles.spec, tiles.fingerprint)}`,
    { path: tiles.name },
  );
}

function describe(spec: PreprocessingSpec, fingerprint: string): string {
  const { size, resize, color, dtype } = spec;
  return `${fingerprint.slice(0, 12)} (${size} x ${size}, ${resize}, ${color}, ${dtype})`;
}

/** Cuts tiles into batches of one size and pads the last one. */
class BatchingClassifier implements Classifier {
  readonly classes: readonly string[];
  readonly engine: Engine;
  readonly description: string;
  readonly parallelRuns: number;
  readonly preprocessing: PreprocessingSpec;
  readonly preprocessingFingerprint: string;
  readonly #runner: BatchRunner;
  readonly #batchSize: number;
  readonly #tileBytes: number;
  readonly #domain: Domain | undefined;
  #padded: Uint8Array | undefined;
  #running = new Set<Promise<BatchOutput>>();
  #closing: Promise<void> | undefined;

  constructor(bundle: Bundle, runner: BatchRunner, batchSize: number) {
    const { classes, preprocessing, preprocessingFingerprint } = bundle.metadata;
    this.classes = classes;
    this.preprocessing = preprocessing;
    this.preprocessingFingerprint = preprocessingFingerprint;
    this.engine = runner.engine;
    this.description = runner.description;
    this.parallelRuns = runner.parallelRuns;
    this.#runner = runner;
    this.#batchSize = batchSize;
    this.#tileBytes = preprocessing.size * preprocessing.size * 3;
    this.#domain = bundle.domain === undefined ? undefined : new Domain(bundle.domain);
  }

  get judgesDomain(): boolean {
    return this.#domain !== undefined;
  }

  async classifyTiles(tiles: Uint8Array, count: number): Promise<Float32Array> {
    this.#check(tiles, count);
    return this.#probabilities(await this.#run(tiles, count, false), count);
  }

  async judgeTiles(tiles: Uint8Array, count: number): Promise<TileJudgements> {
    this.#check(tiles, count);
    const domain = this.#domain;
    const run = this.#run(tiles, count, domain !== undefined);
    // Looked at while the network works, before the caller has its buffer back.
    const colours = domain?.colours(tiles, this.preprocessing.size, count);
    const batches = await run;
    const judged = colours?.map((colour, i) => {
      const pooled = batches[Math.floor(i / this.#batchSize)]?.pooled;
      if (domain === undefined || pooled?.length !== domain.width * this.#batchSize) {
        throw new LungclsError(
          'MODEL_INVALID',
          `Expected ${domain?.width ?? 0} pooled features a tile, as the statistics of training have them, but the model gives ${(pooled?.length ?? 0) / this.#batchSize}`,
        );
      }
      return domain.judge(pooled, i % this.#batchSize, colour);
    });
    return { probabilities: this.#probabilities(batches, count), domain: judged };
  }

  #check(tiles: Uint8Array, count: number): void {
    if (this.#closing !== undefined) {
      throw new LungclsError('CLOSED', 'The classifier has been closed');
    }
    if (!Number.isInteger(count) || count < 0 || tiles.byteLength < count * this.#tileBytes) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected ${this.#tileBytes} bytes for each of ${count} tiles but received ${tiles.byteLength}`,
      );
    }
  }

  async #run(tiles: Uint8Array, count: number, pooled: boolean): Promise<BatchOutput[]> {
    // All batches start before the first await: that is what lets the caller reuse its buffer.
    const batches: Promise<BatchOutput>[] = [];
    for (let first = 0; first < count; first += this.#batchSize) {
      const n = Math.min(this.#batchSize, count - first);
      const bytes = tiles.subarray(first * this.#tileBytes, (first + n) * this.#tileBytes);
      const whole = n === this.#batchSize ? bytes : this.#pad(bytes);
      batches.push(this.#track(this.#runner.run(whole, pooled)));
    }
    return await Promise.all(batches);
  }

  #probabilities(batches: readonly BatchOutput[], count: number): Float32Array {
    const result = new Float32Array(count * this.classes.length);
    let offset = 0;
    for (const { probabilities } of batches) {
      this.#checkWidth(probabilities);
      const wanted = probabilities.subarray(0, result.length - offset);
      result.set(wanted, offset);
      offset += wanted.length;
    }
    return result;
  }

  /** The class list and the network are two things in a file: they may not belong together. */
  #checkWidth(probabilities: Float32Array): void {
    const width = probabilities.length / this.#batchSize;
    if (width === this.classes.length) return;
    throw new LungclsError(
      'MODEL_INVALID',
      `Expected a probability for each of the ${this.classes.length} classes (${this.classes.join(', ')}) but the model gives ${width}`,
    );
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#running);
      await this.#runner.close();
    })();
    await this.#closing;
  }

  #track(run: Promise<BatchOutput>): Promise<BatchOutput> {
    this.#running.add(run);
    const done = (): void => {
      this.#running.delete(run);
    };
    run.then(done, done);
    return run;
  }

  #pad(bytes: Uint8Array): Uint8Array {
    this.#padded ??= new Uint8Array(this.#batchSize * this.#tileBytes);
    this.#padded.set(bytes);
    this.#padded.fill(0, bytes.byteLength);
    return this.#padded;
  }
}
