/** A head's layers behind its first product, forward, as Keras 3 computes them on TensorFlow. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { LungclsError } from '../../errors.js';
import type { BatchNormalizationNode } from '../../network/graph.js';
import type { HiddenNode } from '../../network/head.js';
import type { Tf } from '../../runtime/tensorflow.js';
import { product } from './products.js';

export type LayerWeights = ReadonlyMap<string, Tensor>;

/** What differs between training and inference. */
export interface Mode {
  /** Normalises by a batch's own statistics, or by the moving ones. */
  readonly normalize: (x: Tensor2D, layer: BatchNormalizationNode) => Tensor2D;
  /** @param index 0 for the first Dropout */
  readonly drop: (x: Tensor2D, index: number) => Tensor2D;
}

/**
 * The logits.
 * @param first The product (rows, units) of the batch and the first layer's kernel, without its bias
 * @param layers Of a HeadShape, with the first layer
 */
export function logitsOf(
  tf: Tf,
  first: Tensor2D,
  layers: readonly HiddenNode[],
  weights: LayerWeights,
  mode: Mode,
): Tensor2D {
  const [firstLayer, ...rest] = layers;
  let x = first.add<Tensor2D>(weightOf(weights, `${firstLayer?.name ?? ''}/bias`));
  let dropouts = 0;
  for (const layer of rest) {
    switch (layer.op) {
      case 'dense': {
        const kernel = weightOf(weights, `${layer.name}/kernel`) as Tensor2D;
        x = product(tf, x, kernel).add<Tensor2D>(weightOf(weights, `${layer.name}/bias`));
        break;
      }
      case 'relu':
        x = relu(x);
        break;
      case 'batchNormalization':
        x = mode.normalize(x, layer);
        break;
      case 'dropout':
        x = mode.drop(x, dropouts++);
        break;
    }
  }
  return x;
}

/** A batch by its own mean and biased variance, which are kept and appended to `statistics`. */
export function normalizeBatch(
  tf: Tf,
  x: Tensor2D,
  layer: BatchNormalizationNode,
  weights: LayerWeights,
  statistics: Tensor1D[],
): Tensor2D {
  const { mean, variance } = tf.moments(x, 0);
  statistics.push(tf.keep(mean as Tensor1D), tf.keep(variance as Tensor1D));
  return normalize(x, layer, weights, { mean, variance });
}

/** tf.nn.batch_normalization: x inv + (beta - mean inv), inv = gamma / sqrt(variance + epsilon). */
export function normalize(
  x: Tensor2D,
  { name, epsilon }: BatchNormalizationNode,
  weights: LayerWeights,
  { mean, variance }: { readonly mean: Tensor; readonly variance: Tensor },
): Tensor2D {
  const factor = variance
    .add(epsilon)
    .rsqrt()
    .mul(weightOf(weights, `${name}/gamma`));
  return x.mul(factor).add(weightOf(weights, `${name}/beta`).sub(mean.mul(factor)));
}

/** Not tf.relu: that of the wasm backend turns NaN into 0, and so would hide that training diverged. */
function relu(x: Tensor2D): Tensor2D {
  return x.mul<Tensor2D>(x.step());
}

function weightOf(weights: LayerWeights, name: string): Tensor {
  const weight = weights.get(name);
  if (weight === undefined) throw new LungclsError('INTERNAL', `nothing is there for ${name}`);
  return weight;
}
