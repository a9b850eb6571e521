/**
 * The recipe's head while it is trained: Dense relu, BatchNormalization, Dense relu, Dropout,
 * BatchNormalization, Dense softmax, with categorical cross-entropy and Adam, all as Keras 3 computes
 * them on TensorFlow. Where Keras's graph compiler may reorder a sum, results differ in rounding only.
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { argmaxRows } from '../../evaluation/confusion.js';
import { LungclsError } from '../../errors.js';
import type { Tf } from '../../runtime/tensorflow.js';
import type { NamedTensor } from '../../storage/safetensors.js';
import { Adam, type AdamSlot } from './adam.js';
import { TfFirstDense, type FeatureBatch, type FirstDense, type Upcoming } from './first-dense.js';
import { product } from './products.js';
import { movingShapes, trainableShapes, type HeadShape, type HeadWeights } from './shape.js';

/** Keras's defaults of BatchNormalization. */
const BATCH_NORMALIZATION = { momentum: 0.99, epsilon: 1e-3 } as const;
const FIRST_KERNEL = 'dense/kernel';

/** What one batch showed. */
export interface BatchResult {
  /** Mean categorical cross-entropy over the batch. */
  readonly loss: number;
  /** Rows whose most probable class is the label. */
  readonly hits: number;
}

export interface TrainingStep {
  readonly batch: FeatureBatch;
  /** Class index of each row. */
  readonly labels: ArrayLike<number>;
  /** Dropout's factors (rows, units[1]): 0 or 1 / (1 - rate). */
  readonly mask: Float32Array;
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
}

export class HeadTrainer {
  readonly shape: HeadShape;
  readonly #tf: Tf;
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
    this.#adam = new Adam(tf);
    const kernel = weightOf(weights, FIRST_KERNEL);
    this.#first = options.createFirstDense?.(kernel) ?? new TfFirstDense(tf, kernel);
    for (const [name, dims] of trainableShapes(shape)) {
      if (name === FIRST_KERNEL) continue;
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
    const { batch, labels, mask, learningRate, step, upcoming } = training;
    const tf = this.#tf;
    const output = await this.#first.forward(batch);
    const names = [...this.#slots.keys()];
    const statistics: Tensor1D[] = [];
    let logits: Tensor2D | undefined;
    const { value, grads } = tf.tidy(() => {
      const target = this.#oneHot(labels);
      const factors = tf.tensor2d(mask, [batch.rows, this.shape.units[1]]);
      const tail = (first: Tensor, ...weights: Tensor[]): Scalar => {
        const w = new Map(names.map((name, i) => [name, present(weights[i], name)]));
        logits = this.#tail(first as Tensor2D, w, {
          normalize: (x, layer) => this.#normalizeBatch(x, layer, w, statistics),
          drop: (x) => x.mul<Tensor2D>(factors),
        });
        tf.keep(logits);
        return this.#loss(target, logits);
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
      const logits = this.#tail(output, w, {
        normalize: (x, layer) =>
          this.#normalize(
            x,
            layer,
            w,
            this.#movingOf(layer, 'mean'),
            this.#movingOf(layer, 'variance'),
          ),
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
        name === FIRST_KERNEL
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
      if (name === FIRST_KERNEL) {
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
          name === FIRST_KERNEL
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
        if (name === FIRST_KERNEL) {
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

  /** Everything behind the first layer's product, to the logits. */
  #tail(
    first: Tensor2D,
    w: ReadonlyMap<string, Tensor>,
    how: {
      normalize: (x: Tensor2D, layer: string) => Tensor2D;
      drop: (x: Tensor2D) => Tensor2D;
    },
  ): Tensor2D {
    const tf = this.#tf;
    const get = (name: string): Tensor => present(w.get(name), name);
    const hidden1 = relu(first.add<Tensor2D>(get('dense/bias')));
    const normal1 = how.normalize(hidden1, 'batch_normalization');
    const hidden2 = relu(
      product(tf, normal1, get('dense_1/kernel') as Tensor2D).add<Tensor2D>(get('dense_1/bias')),
    );
    const normal2 = how.normalize(how.drop(hidden2), 'batch_normalization_1');
    return product(tf, normal2, get('dense_2/kernel') as Tensor2D).add<Tensor2D>(
      get('dense_2/bias'),
    );
  }

  /** Normalises by the batch's own mean and biased variance, which are kept in `statistics`. */
  #normalizeBatch(
    x: Tensor2D,
    layer: string,
    w: ReadonlyMap<string, Tensor>,
    statistics: Tensor1D[],
  ): Tensor2D {
    const { mean, variance } = this.#tf.moments(x, 0);
    statistics.push(this.#tf.keep(mean as Tensor1D), this.#tf.keep(variance as Tensor1D));
    return this.#normalize(x, layer, w, mean, variance);
  }

  /** tf.nn.batch_normalization: x inv + (beta - mean inv), inv = gamma / sqrt(variance + epsilon). */
  #normalize(
    x: Tensor2D,
    layer: string,
    w: ReadonlyMap<string, Tensor>,
    mean: Tensor,
    variance: Tensor,
  ): Tensor2D {
    const gamma = present(w.get(`${layer}/gamma`), layer);
    const beta = present(w.get(`${layer}/beta`), layer);
    const factor = variance.add(BATCH_NORMALIZATION.epsilon).rsqrt().mul(gamma);
    return x.mul(factor).add(beta.sub(mean.mul(factor)));
  }

  /** moving = moving momentum + statistic (1 - momentum); `statistics`: mean, variance a layer. */
  #updateMoving(statistics: readonly Tensor1D[]): void {
    const { momentum } = BATCH_NORMALIZATION;
    for (const [i, name] of [...this.#moving.keys()].entries()) {
      const old = this.#moving.get(name);
      const batch = statistics[i];
      if (old === undefined || batch === undefined) continue;
      const next = this.#tf.tidy(() => old.mul(momentum).add(batch.mul(1 - momentum)));
      this.#moving.set(name, this.#tf.keep(next));
      this.#tf.dispose([old, batch]);
    }
  }

  /** Keras takes the logits behind a softmax, so nothing is clipped. */
  #loss(target: Tensor2D, logits: Tensor2D): Scalar {
    return this.#tf.losses.softmaxCrossEntropy(target, logits);
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

/** Not tf.relu: that of the wasm backend turns NaN into 0, and so would hide that training diverged. */
function relu(x: Tensor2D): Tensor2D {
  return x.mul<Tensor2D>(x.step());
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
