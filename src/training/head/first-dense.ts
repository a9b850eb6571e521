/**
 * The first Dense of the head, without its bias: it holds 38.5 million weights, 99.9 % of the head,
 * so its memory traffic is the speed of training. It stands behind an interface of its own: the native
 * kernel (native-dense.ts) or plain tfjs (here) computes it without the rest noticing.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import type { NamedTensor } from '../../storage/safetensors.js';
import type { Tf } from '../../runtime/tensorflow.js';
import type { Adam, AdamSlot } from './adam.js';
import { transposedProduct } from './products.js';

/**
 * Features of a batch, cut into blocks of columns: block after block, in each the rows of the batch,
 * in each row the block's columns. With one block it is the plain (rows, features) matrix.
 */
export interface FeatureBatch {
  readonly rows: number;
  readonly values: Float32Array;
}

/** The batch that follows, or undefined where it is not there within a moment. */
export type Upcoming = () => Promise<FeatureBatch | undefined>;

/** The kernel and its Adam moments, each (features, units), row-major. */
export type DenseState = Record<'value' | 'momentum' | 'velocity', Float32Array>;

export interface FirstDense {
  /** Blocks of columns in which `forward` wants its batches. */
  readonly blocks: number;
  /** The product (rows, units) of a batch and the kernel. The batch is remembered. */
  forward(batch: FeatureBatch): Promise<Tensor2D>;
  /**
   * Adam's step along the gradient batch^T x `gradient`, for the batch of the last `forward`.
   * @param upcoming Gives the batch of the next `forward`, where it is there soon: its product may be
   * computed on the way. It must stay as it is until then; the result is the same with it or without.
   */
  update(gradient: Tensor2D, adam: Adam, upcoming?: Upcoming): Promise<void>;
  /** Forgets the batch of the last `forward`, where no `update` follows. */
  forget(): void;
  /** Copies one of the arrays out, e.g. for a checkpoint. */
  read(what: keyof DenseState): Promise<Float32Array<ArrayBuffer>>;
  /** Overwrites one of the arrays. */
  write(what: keyof DenseState, data: Float32Array): void;
  dispose(): void;
}

/** A block's kernel: small enough that Adam's dozen passes over it stay in a core's cache. */
const BLOCK_BYTES = 4 << 20;

/** The fewest equal blocks of columns whose kernels have at most `blockBytes` bytes each. */
export function blockCount(features: number, units: number, blockBytes = BLOCK_BYTES): number {
  const widest = Math.max(1, Math.floor(blockBytes / (4 * units)));
  for (let blocks = Math.ceil(features / widest); blocks < features; blocks++) {
    if (features % blocks === 0) return blocks;
  }
  return features;
}

/** The layer in plain tfjs operations: any backend runs it. */
export class TfFirstDense implements FirstDense {
  readonly blocks: number;
  readonly #tf: Tf;
  readonly #columns: number;
  readonly #units: number;
  readonly #slots: AdamSlot[];
  #inputs: Tensor2D[] = [];

  /**
   * @param kernel (features, units); the moments start at zero
   * @param blocks must divide features
   */
  constructor(tf: Tf, kernel: NamedTensor, blocks?: number) {
    const [features = 0, units = 0] = kernel.shape;
    this.#tf = tf;
    this.blocks = blocks ?? blockCount(features, units);
    this.#columns = features / this.blocks;
    this.#units = units;
    this.#slots = Array.from({ length: this.blocks }, (_, b) => ({
      value: this.#upload(kernel.data, b),
      momentum: tf.keep(tf.fill([this.#columns, units], 0)),
      velocity: tf.keep(tf.fill([this.#columns, units], 0)),
    }));
  }

  forward(batch: FeatureBatch): Promise<Tensor2D> {
    return Promise.resolve(this.#multiply(batch));
  }

  update(gradient: Tensor2D, adam: Adam): Promise<void> {
    this.#step(gradient, adam);
    return Promise.resolve();
  }

  #multiply({ rows, values }: FeatureBatch): Tensor2D {
    const tf = this.#tf;
    this.forget();
    const size = rows * this.#columns;
    let sum: Tensor2D | undefined;
    for (const [b, slot] of this.#slots.entries()) {
      const input = tf.keep(
        tf.tensor2d(values.subarray(b * size, (b + 1) * size), [rows, this.#columns]),
      );
      this.#inputs.push(input);
      const before: Tensor2D | undefined = sum;
      sum = tf.tidy((): Tensor2D => {
        const product = tf.matMul<Tensor2D>(input, slot.value);
        return before === undefined ? product : before.add<Tensor2D>(product);
      });
      before?.dispose();
    }
    if (sum === undefined) throw new Error('a kernel without blocks');
    return sum;
  }

  #step(gradient: Tensor2D, adam: Adam): void {
    const tf = this.#tf;
    for (const [b, slot] of this.#slots.entries()) {
      const input = this.#inputs[b];
      if (input === undefined) throw new Error('update() without forward()');
      const kernelGradient = transposedProduct(tf, input, gradient);
      adam.apply(slot, kernelGradient);
      kernelGradient.dispose();
      input.dispose();
    }
    this.#inputs = [];
  }

  forget(): void {
    for (const input of this.#inputs) input.dispose();
    this.#inputs = [];
  }

  async read(what: keyof DenseState): Promise<Float32Array<ArrayBuffer>> {
    const size = this.#columns * this.#units;
    const result = new Float32Array(this.blocks * size);
    for (const [b, slot] of this.#slots.entries()) {
      result.set(await slot[what].data(), b * size);
    }
    return result;
  }

  write(what: keyof DenseState, data: Float32Array): void {
    for (const [b, slot] of this.#slots.entries()) {
      slot[what].dispose();
      slot[what] = this.#upload(data, b);
    }
  }

  dispose(): void {
    this.forget();
    for (const { value, momentum, velocity } of this.#slots) {
      value.dispose();
      momentum.dispose();
      velocity.dispose();
    }
  }

  /** tfjs-node copies the values at the tensor's first use, and lets go of `data` then. */
  #upload(data: Float32Array, block: number): Tensor2D {
    const size = this.#columns * this.#units;
    const values = data.subarray(block * size, (block + 1) * size);
    return this.#tf.keep(this.#tf.tensor2d(values, [this.#columns, this.#units]));
  }
}
