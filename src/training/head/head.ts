/**
 * A head while it is trained: its layers, categorical cross-entropy on their softmax, and Adam, all as
 * Keras 3 computes them on TensorFlow. Where Keras's graph compiler may reorder a sum, results differ in
 * rounding only.
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { argmaxRows } from '../../evaluation/confusion.js';
import { LungclsError } from '../../errors.js';
import type { Tf } from '../../runtime/tensorflow.js';
import type { NamedTensor } from '../../storage/safetensors.js';
import { Adam, ADAM, type AdamConstants, type AdamSlot } from './adam.js';
import { TfFirstDense, type FeatureBatch, type FirstDense, type Upcoming } from './first-dense.js';
import { logitsOf, normalize, normalizeBatch, type Mode } from './forward.js';
import {
  firstKernel,
  movingShapes,
  trainableShapes,
  type HeadShape,
  type HeadWeights,
} from './shape.js';

/** BatchNormalization's default in Keras. */
const MOVING_MOMENTUM = 0.99;

/** What one batch showed. */
export interface BatchResult {
  /** Mean categorical cross-entropy over the batch, in training weighted by class. */
  readonly loss: number;
  /** Rows whose most probable class is the label. */
  readonly hits: number;
}

export interface TrainingStep {
  readonly batch: FeatureBatch;
  /** Class index of each row. */
  readonly labels: ArrayLike<number>;
  /** Factor of each row's loss, as Keras's sample weights; all 1 if not given. */
  readonly weights?: Float32Array | undefined;
  /** Factors (rows, units) of each of the shape's dropouts: 0 or 1 / (1 - rate). */
  readonly masks: readonly Float32Array[];
  readonly learningRate: number;
  /** 1 for the first step of the run. */
  readonly step: number;
  /** The batch of the next step; see FirstDense. */
  readonly upcoming?: Upcoming;
}

/** Adam's moments of every trainable weight, named `<weight>/momentum` and `<weight>/velocity`. */
export type OptimizerState = HeadWeights;

export interface HeadOptions {
  /** Makes what computes the first layer from its weights; plain tfjs if not given. */
  createFirstDense?: (kernel: NamedTensor) => FirstDense;
  /** Keras's defaults if not given. */
  adam?: AdamConstants;
}

export class HeadTrainer {
  readonly shape: HeadShape;
  readonly #tf: Tf;
  readonly #firstKernel: string;
  readonly #first: FirstDense;
  readonly #adam: Adam;
  /** All trainable weights but the first kernel. */
  readonly #slots = new Map<string, AdamSlot>();
  readonly #moving = new Map<string, Tensor>();

  /**
   * @throws LungclsError INVALID_OPTION where a weight is missing or has another shape
   */
  constructor(tf: Tf, shape: HeadShape, weights: HeadWeights, options: HeadOptions = {}) {
    checkWeights(shape, weights);
    this.shape = shape;
    this.#tf = tf;
    this.#adam = new Adam(tf, options.adam ?? ADAM);
    this.#firstKernel = firstKernel(shape);
    const kernel = weightOf(weights, this.#firstKernel);
    this.#first = options.createFirstDense?.(kernel) ?? new TfFirstDense(tf, kernel);
    for (const [name, dims] of trainableShapes(shape)) {
      if (name === this.#firstKernel) continue;
      this.#slots.set(name, {
        value: this.#upload(weightOf(weights, name).data, dims),
        momentum: tf.keep(tf.zeros([...dims])),
        velocity: tf.keep(tf.zeros([...dims])),
      });
    }
    for (const [name, dims] of movingShapes(shape)) {
      this.#moving.set(name, this.#upload(weightOf(weights, name).data, dims));
    }
  }

  /** Blocks of columns in which `train` and `evaluate` want their batches. */
  get blocks(): number {
    return this.#first.blocks;
  }

  /** One step of training: forward, gradients, Adam, moving statistics. */
  async train(training: TrainingStep): Promise<BatchResult> {
    const { batch, labels, learningRate, step, upcoming } = training;
    const tf = this.#tf;
    const output = await this.#first.forward(batch);
    const names = [...this.#slots.keys()];
    const statistics: Tensor1D[] = [];
    let logits: Tensor2D | undefined;
    const { value, grads } = tf.tidy(() => {
      const target = this.#oneHot(labels);
      const importance = training.weights && tf.tensor1d(training.weights);
      const factors = this.shape.dropouts.map(({ units }, i) =>
        tf.tensor2d(present(training.masks[i], 'a mask'), [batch.rows, units]),
      );
      const tail = (first: Tensor, ...weights: Tensor[]): Scalar => {
        const w = new Map(names.map((name, i) => [name, present(weights[i], name)]));
        logits = this.#logits(first as Tensor2D, w, {
          normalize: (x, layer) => normalizeBatch(tf, x, layer, w, statistics),
          drop: (x, i) => x.mul<Tensor2D>(present(factors[i], 'a mask')),
        });
        tf.keep(logits);
        return this.#loss(target, logits, importance);
      };
      // The product counts as a variable: its gradient is what the first layer needs.
      return tf.valueAndGrads(tail)([output, ...names.map((name) => this.#slot(name).value)]);
    });
    output.dispose();
    const result = this.#result(value, logits, labels);
    this.#adam.begin(learningRate, step);
    const [productGradient, ...rest] = grads;
    const updated = this.#first.update(
      present(productGradient, 'a gradient') as Tensor2D,
      this.#adam,
      upcoming,
    );
    try {
      for (const [i, name] of names.entries()) {
        this.#adam.apply(this.#slot(name), present(rest[i], name));
      }
      this.#updateMoving(statistics);
    } finally {
      await updated;
    }
    tf.dispose([value, ...grads]);
    return result;
  }

  /**
   * Probabilities and loss of a batch, with the moving statistics and without dropout.
   * @returns probabilities row-major (rows, classes)
   */
  async evaluate(
    batch: FeatureBatch,
    labels: ArrayLike<number>,
  ): Promise<BatchResult & { probabilities: Float32Array }> {
    const tf = this.#tf;
    const output = await this.#first.forward(batch);
    this.#first.forget();
    const [value, logits, probabilities] = tf.tidy(() => {
      const w = new Map([...this.#slots].map(([name, slot]) => [name, slot.value]));
      const logits = this.#logits(output, w, {
        normalize: (x, layer) =>
          normalize(x, layer, w, {
            mean: this.#movingOf(layer.name, 'mean'),
            variance: this.#movingOf(layer.name, 'variance'),
          }),
        drop: (x) => x,
      });
      return [this.#loss(this.#oneHot(labels), logits), logits, tf.softmax(logits)] as const;
    }) as [Tensor, Tensor2D, Tensor2D];
    const values = probabilities.dataSync() as Float32Array;
    tf.dispose([output, probabilities]);
    const result = this.#result(value, logits, labels);
    value.dispose();
    return { ...result, probabilities: values };
  }

  /** A copy of all weights, moving statistics included. */
  async weights(): Promise<HeadWeights> {
    const result: HeadWeights = new Map();
    for (const [name, shape] of trainableShapes(this.shape)) {
      const data =
        name === this.#firstKernel
          ? await this.#first.read('value')
          : await copyOf(this.#slot(name).value);
      result.set(name, { shape, data });
    }
    for (const [name, shape] of movingShapes(this.shape)) {
      result.set(name, { shape, data: await copyOf(this.#moving.get(name)) });
    }
    return result;
  }

  /** Overwrites all weights; the optimiser's moments stay. */
  setWeights(weights: HeadWeights): void {
    checkWeights(this.shape, weights);
    for (const [name, dims] of trainableShapes(this.shape)) {
      const { data } = weightOf(weights, name);
      if (name === this.#firstKernel) {
        this.#first.write('value', data);
        continue;
      }
      const slot = this.#slot(name);
      slot.value.dispose();
      slot.value = this.#upload(data, dims);
    }
    for (const [name, dims] of movingShapes(this.shape)) {
      this.#moving.get(name)?.dispose();
      this.#moving.set(name, this.#upload(weightOf(weights, name).data, dims));
    }
  }

  /** A copy of Adam's moments. */
  async optimizerState(): Promise<OptimizerState> {
    const result: OptimizerState = new Map();
    for (const [name, shape] of trainableShapes(this.shape)) {
      for (const what of ['momentum', 'velocity'] as const) {
        const data =
          name === this.#firstKernel
            ? await this.#first.read(what)
            : await copyOf(this.#slot(name)[what]);
        result.set(`${name}/${what}`, { shape, data });
      }
    }
    return result;
  }

  /** Overwrites Adam's moments. */
  setOptimizerState(state: OptimizerState): void {
    for (const [name, dims] of trainableShapes(this.shape)) {
      for (const what of ['momentum', 'velocity'] as const) {
        const { data } = weightOf(state, `${name}/${what}`);
        if (name === this.#firstKernel) {
          this.#first.write(what, data);
          continue;
        }
        const slot = this.#slot(name);
        slot[what].dispose();
        slot[what] = this.#upload(data, dims);
      }
    }
  }

  dispose(): void {
    this.#first.dispose();
    this.#adam.dispose();
    for (const { value, momentum, velocity } of this.#slots.values()) {
      this.#tf.dispose([value, momentum, velocity]);
    }
    for (const tensor of this.#moving.values()) tensor.dispose();
  }

  #logits(first: Tensor2D, weights: ReadonlyMap<string, Tensor>, mode: Mode): Tensor2D {
    return logitsOf(this.#tf, first, this.shape.layers, weights, mode);
  }

  /** moving = moving momentum + statistic (1 - momentum); `statistics`: mean, variance a layer. */
  #updateMoving(statistics: readonly Tensor1D[]): void {
    for (const [i, name] of [...this.#moving.keys()].entries()) {
      const old = this.#moving.get(name);
      const batch = statistics[i];
      if (old === undefined || batch === undefined) continue;
      const next = this.#tf.tidy(() =>
        old.mul(MOVING_MOMENTUM).add(batch.mul(1 - MOVING_MOMENTUM)),
      );
      this.#moving.set(name, this.#tf.keep(next));
      this.#tf.dispose([old, batch]);
    }
  }

  /**
   * Keras takes the logits behind a softmax, so nothing is clipped. Weighted losses are summed and
   * divided by the number of rows, whatever the weights sum to (keras/src/losses/loss.py).
   */
  #loss(target: Tensor2D, logits: Tensor2D, weights?: Tensor1D): Scalar {
    const { losses, Reduction } = this.#tf;
    if (weights === undefined) return losses.softmaxCrossEntropy(target, logits);
    const each = losses.softmaxCrossEntropy(target, logits, undefined, 0, Reduction.NONE);
    return each.mul(weights).mean();
  }

  #oneHot(labels: ArrayLike<number>): Tensor2D {
    const { classes } = this.shape;
    const values = new Float32Array(labels.length * classes);
    for (let i = 0; i < labels.length; i++) values[i * classes + (labels[i] ?? 0)] = 1;
    return this.#tf.tensor2d(values, [labels.length, classes]);
  }

  #result(loss: Tensor, logits: Tensor2D | undefined, labels: ArrayLike<number>): BatchResult {
    const outputs = present(logits, 'the logits');
    const predicted = argmaxRows(outputs.dataSync(), this.shape.classes);
    outputs.dispose();
    let hits = 0;
    for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) hits++;
    return { loss: loss.dataSync()[0] ?? NaN, hits };
  }

  #slot(name: string): AdamSlot {
    return present(this.#slots.get(name), name);
  }

  #movingOf(layer: string, what: 'mean' | 'variance'): Tensor {
    return present(this.#moving.get(`${layer}/moving_${what}`), layer);
  }

  #upload(data: Float32Array, dims: readonly number[]): Tensor {
    return this.#tf.keep(this.#tf.tensor(data.slice(), [...dims]));
  }
}

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new LungclsError('INTERNAL', `nothing is there for ${name}`);
  return value;
}

async function copyOf(tensor: Tensor | undefined): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array((await present(tensor, 'a weight').data()) as Float32Array);
}

function weightOf(weights: HeadWeights, name: string): NamedTensor {
  const weight = weights.get(name);
  if (weight === undefined) {
    throw new LungclsError('INVALID_OPTION', `Expected a weight named ${name} but there is none`);
  }
  return weight;
}

function checkWeights(shape: HeadShape, weights: HeadWeights): void {
  for (const [name, dims] of [...trainableShapes(shape), ...movingShapes(shape)]) {
    const found = weightOf(weights, name);
    const size = dims.reduce((a, b) => a * b, 1);
    if (found.shape.join() !== dims.join() || found.data.length !== size) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected shape (${dims.join(', ')}) for weight ${name} but received (${found.shape.join(', ')}) with ${found.data.length} values`,
      );
    }
  }
}
