/**
 * The head that is trained on top of the base: Flatten, Dense 256 relu, BatchNormalization, Dense 128
 * relu, Dropout 0.3, BatchNormalization, Dense softmax, one unit a class. Keras's names and defaults.
 */
import { RECIPE } from '../config.js';
import { LungclsError } from '../errors.js';
import type { NetworkGraph, NetworkNode } from './graph.js';

export const HEAD_INPUT = 'features';
export const HEAD_OUTPUT = 'softmax';
/** BatchNormalization's default in Keras. */
export const HEAD_EPSILON = 1e-3;

export const MIN_CLASSES = 2;
export const MAX_CLASSES = 100;

/**
 * Features [14, 14, 768] (any [H, W, C]) to `classes` probabilities. Weights: `dense/{kernel,bias}`,
 * `batch_normalization/{gamma,beta,moving_mean,moving_variance}`, `dense_1`, `batch_normalization_1`,
 * `dense_2`.
 * @throws LungclsError INVALID_OPTION unless there are 2 to 100 classes
 */
export function headGraph({ classes }: { classes: number }): NetworkGraph {
  if (!Number.isInteger(classes) || classes < MIN_CLASSES || classes > MAX_CLASSES) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected ${MIN_CLASSES} to ${MAX_CLASSES} classes but received ${classes}`,
    );
  }
  const [first, second] = RECIPE.denseUnits;
  const norm = { op: 'batchNormalization', epsilon: HEAD_EPSILON, scale: true } as const;
  const nodes: NetworkNode[] = [
    { op: 'flatten', name: 'flatten', input: HEAD_INPUT },
    { op: 'dense', name: 'dense', input: 'flatten', units: first },
    { op: 'relu', name: 'relu', input: 'dense' },
    { ...norm, name: 'batch_normalization', input: 'relu' },
    { op: 'dense', name: 'dense_1', input: 'batch_normalization', units: second },
    { op: 'relu', name: 'relu_1', input: 'dense_1' },
    { op: 'dropout', name: 'dropout', input: 'relu_1', rate: RECIPE.dropout },
    { ...norm, name: 'batch_normalization_1', input: 'dropout' },
    { op: 'dense', name: 'dense_2', input: 'batch_normalization_1', units: classes },
    { op: 'softmax', name: HEAD_OUTPUT, input: 'dense_2' },
  ];
  return { input: HEAD_INPUT, nodes, output: HEAD_OUTPUT };
}
