/** A dense layer that trains on the CPU: its product with a batch, and Adam's step along the gradient. */
import { LungclsError } from '../errors.js';
import { loadAddon, type NativeDenseLayer } from './binding.js';

export interface DenseSupport {
  readonly available: boolean;
  /** What multiplies, e.g. `libxsmm 1.17 (skx)`, or why it is not available. */
  readonly description: string;
}

/** Whether the addon has a DenseLayer for this CPU. @throws LungclsError ADDON_MISSING */
export function denseSupport(): DenseSupport {
  return loadAddon().denseSupport();
}

/** Rows of features, laid out block after block; see DenseLayer. */
export interface DenseBatch {
  readonly values: Float32Array;
  /** 1 to 65536. */
  readonly rows: number;
}

/** The layer's arrays, in the order by which the addon knows them. */
const ARRAYS = ['value', 'momentum', 'velocity'] as const;
export type DenseArray = (typeof ARRAYS)[number];

const NOTHING: DenseBatch = { values: new Float32Array(), rows: 0 };

export interface DenseLayerOptions {
  /** Inputs, 1 to 2^28. */
  readonly features: number;
  /** Outputs, 1 to 65536. */
  readonly units: number;
  /** Blocks of equally many features in which batches are laid out; divides `features`. */
  readonly blocks: number;
  /** Most threads of the native pool that work for it at a time, 1 to 1024. */
  readonly threads: number;
}

/**
 * A layer without bias: `value`, and Adam's `momentum` and `velocity`, each (features, units) float32,
 * row-major, zero at first. A batch is (rows, features), laid out block after block, in each its rows,
 * in each row the block's features. One operation at a time; the arrays given to one must not be
 * changed, nor transferred, until its promise is settled. Results do not depend on `threads`.
 */
export class DenseLayer {
  readonly #features: number;
  readonly #units: number;
  #native: NativeDenseLayer | undefined;

  /** @throws LungclsError ADDON_MISSING; an Error where denseSupport() says it is not available */
  constructor({ features, units, blocks, threads }: DenseLayerOptions) {
    const addon = loadAddon();
    if (threads > addon.threads()) addon.setThreads(threads);
    this.#native = new addon.DenseLayer(features, units, blocks, threads);
    this.#features = features;
    this.#units = units;
  }

  /**
   * The product of a batch and the value.
   * @returns (rows, units), row-major
   * @throws LungclsError CLOSED; a TypeError for arrays of another length
   */
  async forward({ values, rows }: DenseBatch): Promise<Float32Array<ArrayBuffer>> {
    const output = new Float32Array(rows * this.#units);
    await this.#open().forward(values, rows, output);
    return output;
  }

  /**
   * Adam's step along transposed batch x gradient: m += (g - m) (1 - beta1), v += (g g - v) (1 - beta2),
   * value -= m alpha / (sqrt(v) + epsilon), each operation in float32.
   * @param gradient of the loss with respect to the product, (rows, units), row-major
   * @param step alpha, 1 - beta1, 1 - beta2, epsilon
   * @param next The batch to be multiplied after it, where it is there already: on the way, each
   * weight being in the cache. The same bits as by `forward`.
   * @returns the product of `next`, empty without one
   * @throws LungclsError CLOSED; a TypeError for arrays of another length
   */
  async update(
    batch: DenseBatch,
    gradient: Float32Array,
    step: Float32Array,
    next: DenseBatch = NOTHING,
  ): Promise<Float32Array<ArrayBuffer>> {
    const output = new Float32Array(next.rows * this.#units);
    const native = this.#open();
    await native.update(
      ...([batch.values, batch.rows, gradient, step] as const),
      ...([next.values, next.rows, output] as const),
    );
    return output;
  }

  /** A copy of one of the arrays. @throws LungclsError CLOSED */
  read(what: DenseArray): Float32Array<ArrayBuffer> {
    const result = new Float32Array(this.#features * this.#units);
    this.#open().read(ARRAYS.indexOf(what), result);
    return result;
  }

  /** Overwrites one of the arrays. @throws LungclsError CLOSED; a TypeError for another length */
  write(what: DenseArray, data: Float32Array): void {
    this.#open().write(ARRAYS.indexOf(what), data);
  }

  /** Gives the memory back, once what is under way has ended. May be called again. */
  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }

  #open(): NativeDenseLayer {
    if (this.#native === undefined) {
      throw new LungclsError('CLOSED', 'The dense layer has been closed');
    }
    return this.#native;
  }
}
