/** The recipe's head as numbers, so that the same code runs at the recipe's size and in small tests. */
import type { NamedTensor } from '../../storage/safetensors.js';

export interface HeadShape {
  /** Inputs of the first Dense: height x width x channels of the feature map, flattened. */
  readonly features: number;
  /** Units of the two hidden Dense layers. */
  readonly units: readonly [number, number];
  readonly classes: number;
  /** Share of the second layer's outputs that dropout zeroes in training, 0 to below 1. */
  readonly dropout: number;
}

/** The weights that Adam changes, under Keras's names and shapes, in Keras's order. */
export function trainableShapes(shape: HeadShape): Map<string, readonly number[]> {
  const [a, b] = shape.units;
  return new Map<string, readonly number[]>([
    ['dense/kernel', [shape.features, a]],
    ['dense/bias', [a]],
    ['batch_normalization/gamma', [a]],
    ['batch_normalization/beta', [a]],
    ['dense_1/kernel', [a, b]],
    ['dense_1/bias', [b]],
    ['batch_normalization_1/gamma', [b]],
    ['batch_normalization_1/beta', [b]],
    ['dense_2/kernel', [b, shape.classes]],
    ['dense_2/bias', [shape.classes]],
  ]);
}

/** The moving statistics of the BatchNormalization layers. */
export function movingShapes(shape: HeadShape): Map<string, readonly number[]> {
  const [a, b] = shape.units;
  return new Map<string, readonly number[]>([
    ['batch_normalization/moving_mean', [a]],
    ['batch_normalization/moving_variance', [a]],
    ['batch_normalization_1/moving_mean', [b]],
    ['batch_normalization_1/moving_variance', [b]],
  ]);
}

/** All weights of a head by name. */
export type HeadWeights = Map<string, NamedTensor>;
