/** What is gained by leaving out tiles that the model is unsure of. */
import { argmaxRows, type Labels } from './confusion.js';

export interface SelectiveLevel {
  /** Tiles whose largest probability is at least this keep their label. */
  readonly threshold: number;
  /** Their share of all tiles. */
  readonly kept: number;
  /** The share of them whose label is right; NaN where none is kept. */
  readonly accuracy: number;
}

/**
 * Coverage and accuracy at thresholds of the largest probability: the risk-coverage curve (Geifman and
 * El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017) by its threshold.
 * @param probabilities row-major (tiles, classes)
 * @param levels 101 by default: 0, 0.01, ... 1
 */
export function selectiveAccuracy(
  truth: Labels,
  probabilities: ArrayLike<number>,
  classes: number,
  levels: readonly number[] = Array.from({ length: 101 }, (_, i) => i / 100),
): SelectiveLevel[] {
  const predicted = argmaxRows(probabilities, classes);
  const tiles = Array.from(predicted, (label, i) => ({
    confidence: probabilities[i * classes + label] ?? 0,
    right: label === truth[i],
  }));
  return levels.map((threshold) => {
    const kept = tiles.filter(({ confidence }) => confidence >= threshold);
    return {
      threshold,
      kept: kept.length / tiles.length,
      accuracy: kept.filter(({ right }) => right).length / kept.length,
    };
  });
}
