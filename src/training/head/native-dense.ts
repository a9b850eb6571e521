/** The first Dense in the addon: each weight and its moments pass through memory once a step. */
import type { Tensor2D } from '@tensorflow/tfjs';
import type { NamedTensor } from '../../storage/safetensors.js';
import { DenseLayer } from '../../native/addon.js';
import type { Tf } from '../../runtime/tensorflow.js';
import type { Adam } from './adam.js';
import {
  blockCount,
  type DenseState,
  type FeatureBatch,
  type FirstDense,
  type Upcoming,
} from './first-dense.js';

/** A block's kernel: as large as the addon's tiles, so that each reads one run of memory. */
const BLOCK_BYTES = 128 << 10;

export class NativeFirstDense implements FirstDense {
  readonly blocks: number;
  readonly #tf: Tf;
  readonly #units: number;
  readonly #layer: DenseLayer;
  #batch: FeatureBatch | undefined;
  /** The product of the next batch, made with the last step. */
  #ahead: { batch: FeatureBatch; product: Float32Array } | undefined;

  /**
   * @param kernel (features, units); it is copied, and the moments start at zero
   * @param threads at most so many of the native pool's threads work for it
   * @param blocks must divide features
   * @throws LungclsError ADDON_MISSING; an Error where denseSupport() says it is not available
   */
  constructor(tf: Tf, kernel: NamedTensor, threads: number, blocks?: number) {
    const [features = 0, units = 0] = kernel.shape;
    this.#tf = tf;
    this.#units = units;
    this.blocks = blocks ?? blockCount(features, units, BLOCK_BYTES);
    this.#layer = new DenseLayer({ features, units, blocks: this.blocks, threads });
    this.#layer.write('value', kernel.data);
  }

  async forward(batch: FeatureBatch): Promise<Tensor2D> {
    this.#batch = batch;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const product = ahead?.batch === batch ? ahead.product : await this.#layer.forward(batch);
    return this.#tf.tensor2d(product, [batch.rows, this.#units]);
  }

  async update(gradient: Tensor2D, adam: Adam, upcoming?: Upcoming): Promise<void> {
    const batch = this.#batch;
    if (batch === undefined) throw new Error('update() without forward()');
    this.#batch = undefined;
    const slope = gradient.dataSync() as Float32Array;
    const numbers = adam.numbers();
    const next = await upcoming?.();
    const product = await this.#layer.update(batch, slope, numbers, next);
    if (next !== undefined) this.#ahead = { batch: next, product };
  }

  forget(): void {
    this.#batch = undefined;
  }

  read(what: keyof DenseState): Promise<Float32Array<ArrayBuffer>> {
    return Promise.resolve(this.#layer.read(what));
  }

  write(what: keyof DenseState, data: Float32Array): void {
    this.#ahead = undefined;
    this.#layer.write(what, data);
  }

  dispose(): void {
    this.forget();
    this.#ahead = undefined;
    this.#layer.close();
  }
}
