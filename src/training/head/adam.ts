/** Adam as Keras 3 computes it (keras/src/optimizers/adam.py; Kingma and Ba 2015, "epsilon hat"). */
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import type { Tf } from '../../runtime/tensorflow.js';

export interface AdamConstants {
  /** Decay of the first moment, 0 to below 1. */
  readonly beta1: number;
  /** Decay of the second moment, 0 to below 1. */
  readonly beta2: number;
  /** Added to the root of the second moment, above 0. */
  readonly epsilon: number;
}

/** Keras's defaults. */
export const ADAM: AdamConstants = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/** A weight with its moments. The tensors are kept: they outlive every tidy. */
export interface AdamSlot {
  value: Tensor;
  momentum: Tensor;
  velocity: Tensor;
}

/**
 * The step size with both bias corrections, lr sqrt(1 - beta2^t) / (1 - beta1^t), in float32 at every
 * operation, as Keras computes it: 1 - 0.999 in float32 is off by one part in 80,000, and that shows.
 * @param step 1 for the first update
 */
export function adamAlpha(
  learningRate: number,
  step: number,
  { beta1, beta2 }: AdamConstants = ADAM,
): number {
  const f = Math.fround;
  const beta1Power = f(Math.pow(f(beta1), step));
  const beta2Power = f(Math.pow(f(beta2), step));
  return f(f(f(learningRate) * f(Math.sqrt(f(1 - beta2Power)))) / f(1 - beta1Power));
}

/** Applies updates; `begin` once a step, `apply` for every weight of it. */
export class Adam {
  readonly #tf: Tf;
  readonly #constants: AdamConstants;
  readonly #oneMinusBeta1: Scalar;
  readonly #oneMinusBeta2: Scalar;
  readonly #epsilon: Scalar;
  #alpha: Scalar | undefined;

  constructor(tf: Tf, constants: AdamConstants = ADAM) {
    this.#tf = tf;
    this.#constants = constants;
    this.#oneMinusBeta1 = tf.keep(tf.scalar(1 - constants.beta1));
    this.#oneMinusBeta2 = tf.keep(tf.scalar(1 - constants.beta2));
    this.#epsilon = tf.keep(tf.scalar(constants.epsilon));
  }

  /** @param step 1 for the first update of the run */
  begin(learningRate: number, step: number): void {
    this.#alpha?.dispose();
    this.#alpha = this.#tf.keep(this.#tf.scalar(adamAlpha(learningRate, step, this.#constants)));
  }

  /** The numbers of this step, each rounded to float32: alpha, 1 - beta1, 1 - beta2, epsilon. */
  numbers(): Float32Array {
    const alpha = this.#alpha?.dataSync()[0];
    if (alpha === undefined) throw new Error('Adam.begin() was not called');
    const { beta1, beta2, epsilon } = this.#constants;
    return Float32Array.of(alpha, 1 - beta1, 1 - beta2, epsilon);
  }

  /** Moves one weight, and its moments, by one step; the old tensors are freed. */
  apply(slot: AdamSlot, gradient: Tensor): void {
    const tf = this.#tf;
    const alpha = this.#alpha;
    if (alpha === undefined) throw new Error('Adam.begin() was not called');
    const old = [slot.value, slot.momentum, slot.velocity];
    tf.tidy(() => {
      const { value, momentum, velocity } = slot;
      const m = momentum.add(gradient.sub(momentum).mul(this.#oneMinusBeta1));
      const v = velocity.add(gradient.square().sub(velocity).mul(this.#oneMinusBeta2));
      slot.value = tf.keep(value.sub(m.mul(alpha).div(v.sqrt().add(this.#epsilon))));
      slot.momentum = tf.keep(m);
      slot.velocity = tf.keep(v);
    });
    tf.dispose(old);
  }

  dispose(): void {
    this.#alpha?.dispose();
    this.#oneMinusBeta1.dispose();
    this.#oneMinusBeta2.dispose();
    this.#epsilon.dispose();
  }
}
