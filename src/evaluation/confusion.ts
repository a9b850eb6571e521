import { LungclsError } from '../errors.js';

/** Class indices, one a tile. */
export type Labels = ArrayLike<number>;

/**
 * Counts of (true class, predicted class): row = true, column = predicted, as
 * `sklearn.metrics.confusion_matrix(truth, predicted, labels=range(classes))`.
 * @throws LungclsError INVALID_OPTION where the lengths differ or a label is not in 0..classes-1
 */
export function confusionMatrix(truth: Labels, predicted: Labels, classes: number): number[][] {
  if (truth.length !== predicted.length) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected as many predictions as labels, ${truth.length}, but received ${predicted.length}`,
    );
  }
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truth.length; i++) {
    const row = matrix[truth[i] ?? -1];
    const column = predicted[i] ?? -1;
    const count = row?.[column];
    if (row === undefined || count === undefined) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected class indices from 0 to ${classes - 1} but element ${i} is ${String(truth[i])}, predicted ${String(predicted[i])}`,
      );
    }
    row[column] = count + 1;
  }
  return matrix;
}

/** The share of tiles whose predicted class is the true one, 0 to 1; NaN where there is no tile. */
export function accuracy(truth: Labels, predicted: Labels): number {
  let hits = 0;
  for (let i = 0; i < truth.length; i++) if (truth[i] === predicted[i]) hits++;
  return hits / truth.length;
}

/**
 * The class with the largest probability of each row; the lower index wins a tie, as NumPy's argmax.
 * @param probabilities row-major (rows, classes)
 */
export function argmaxRows(probabilities: ArrayLike<number>, classes: number): Int32Array {
  const result = new Int32Array(probabilities.length / classes);
  for (let row = 0; row < result.length; row++) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      const candidate = probabilities[row * classes + c] ?? 0;
      if (candidate > (probabilities[row * classes + best] ?? 0)) best = c;
    }
    result[row] = best;
  }
  return result;
}

/**
 * Mean negative log of the probability given to the true class (natural logarithm), as
 * `sklearn.metrics.log_loss`: probabilities are clipped to [eps, 1 - eps], eps being the
 * machine epsilon of their type (float32: 2^-23, float64: 2^-52).
 * @param probabilities row-major (rows, classes)
 */
export function logLoss(
  truth: Labels,
  probabilities: Float32Array | Float64Array | readonly number[],
  classes: number,
): number {
  const epsilon = probabilities instanceof Float32Array ? 2 ** -23 : 2 ** -52;
  let sum = 0;
  for (let i = 0; i < truth.length; i++) {
    const p = probabilities[i * classes + (truth[i] ?? 0)] ?? 0;
    sum -= Math.log(Math.min(Math.max(p, epsilon), 1 - epsilon));
  }
  return sum / truth.length;
}
