/** Whether probabilities mean what they say: Brier score, reliability diagram, calibration error. */
import { argmaxRows, type Labels } from './confusion.js';

/** Bins of equal width, as Guo et al., On Calibration of Modern Neural Networks (ICML 2017). */
export const RELIABILITY_BINS = 15;

/** Tiles whose largest probability is in (low, high]; the first bin takes 0 too. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  /** Weight of the tiles in it: their number where all weigh 1. */
  readonly tiles: number;
  /** Mean of their largest probabilities; NaN where there are none. */
  readonly confidence: number;
  /** Share of them whose most probable class is the true one; NaN where there are none. */
  readonly accuracy: number;
}

/**
 * Mean squared distance of the probabilities from the truth as 0 and 1, summed over the classes and, with
 * two classes, halved: scikit-learn's `brier_score_loss(..., scale_by_half="auto")`.
 * @param probabilities row-major (tiles, classes)
 * @param weights one a tile; all 1 if not given
 * @returns 0 (best) to 2, to 1 with two classes
 */
export function brierScore(
  truth: Labels,
  probabilities: ArrayLike<number>,
  classes: number,
  weights?: ArrayLike<number>,
): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < truth.length; i++) {
    let distance = 0;
    for (let c = 0; c < classes; c++) {
      distance += ((probabilities[i * classes + c] ?? 0) - (truth[i] === c ? 1 : 0)) ** 2;
    }
    const weight = weights?.[i] ?? 1;
    sum += weight * distance;
    total += weight;
  }
  return sum / total / (classes === 2 ? 2 : 1);
}

/**
 * The tiles by the probability of their most probable class, in `bins` bins of equal width.
 * @param probabilities row-major (tiles, classes)
 * @param weights one a tile; all 1 if not given
 */
export function reliabilityBins(
  truth: Labels,
  probabilities: ArrayLike<number>,
  classes: number,
  weights?: ArrayLike<number>,
  bins = RELIABILITY_BINS,
): ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ tiles: 0, confidence: 0, hits: 0 }));
  for (const [i, predicted] of argmaxRows(probabilities, classes).entries()) {
    const confidence = probabilities[i * classes + predicted] ?? 0;
    const bin = sums[Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))];
    const weight = weights?.[i] ?? 1;
    if (bin === undefined) continue;
    bin.tiles += weight;
    bin.confidence += weight * confidence;
    if (predicted === truth[i]) bin.hits += weight;
  }
  return sums.map(({ tiles, confidence, hits }, i) => ({
    low: i / bins,
    high: (i + 1) / bins,
    tiles,
    confidence: confidence / tiles,
    accuracy: hits / tiles,
  }));
}

/**
 * Expected calibration error: the mean distance of accuracy from confidence over the bins, weighted by
 * their tiles (Guo et al., ICML 2017, equation 5).
 */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const filled = bins.filter(({ tiles }) => tiles > 0);
  const total = filled.reduce((sum, { tiles }) => sum + tiles, 0);
  return filled.reduce(
    (sum, { tiles, accuracy, confidence }) =>
      sum + (tiles / total) * Math.abs(accuracy - confidence),
    0,
  );
}
