import { glorotUniform } from '../random.js';
import { movingShapes, trainableShapes, type HeadShape, type HeadWeights } from './shape.js';

/**
 * The weights a head starts from, as Keras's defaults: kernels Glorot-uniform, biases and beta 0,
 * gamma 1, moving mean 0, moving variance 1.
 * @param seed the same seed gives the same weights, on every machine
 */
export function initialHeadWeights(shape: HeadShape, seed: number): HeadWeights {
  const weights: HeadWeights = new Map();
  let layer = 0;
  for (const [name, dims] of [...trainableShapes(shape), ...movingShapes(shape)]) {
    const [rows = 0, columns] = dims;
    const ones = name.endsWith('/gamma') || name.endsWith('/moving_variance');
    const data =
      columns === undefined
        ? new Float32Array(rows).fill(ones ? 1 : 0)
        : glorotUniform(rows, columns, seed, layer++);
    weights.set(name, { shape: dims, data });
  }
  return weights;
}
