/** What temperature scaling does to the scores that it can change. */
import { bootstrapIntervals, type BootstrapOptions, type Estimate } from './bootstrap.js';
import type { Labels } from './confusion.js';
import { LungclsError } from '../errors.js';
import {
  brierScore,
  expectedCalibrationError,
  reliabilityBins,
  type ReliabilityBin,
} from './reliability.js';
import { selectiveAccuracy, type SelectiveLevel } from './selective.js';

/** A score before and after, and by how much it changed: that interval is of the difference itself. */
export interface BeforeAndAfter {
  readonly before: Estimate;
  readonly after: Estimate;
  /** After minus before. */
  readonly change: Estimate;
}

export interface CalibrationScores {
  readonly logLoss: BeforeAndAfter;
  readonly brier: BeforeAndAfter;
  /** Expected calibration error of the most probable class. */
  readonly calibrationError: BeforeAndAfter;
  readonly reliability: {
    readonly before: readonly ReliabilityBin[];
    readonly after: readonly ReliabilityBin[];
  };
  /** By thresholds on the largest probability after. */
  readonly selective: readonly SelectiveLevel[];
}

export interface CalibrationScoreOptions extends Pick<
  BootstrapOptions,
  'groups' | 'resamples' | 'seed' | 'signal'
> {
  /** Class index of each tile. */
  readonly truth: Labels;
  /** Row-major (tiles, classes), rows summing to 1. */
  readonly before: Float32Array;
  readonly after: Float32Array;
  readonly classes: number;
}

/**
 * Log loss, Brier score and calibration error of both, with 95 % percentile intervals by bootstrap: the
 * same resamples for both, so that the interval of the change is as narrow as it can be.
 * @throws LungclsError INVALID_OPTION | ABORTED
 */
export async function compareCalibration(
  options: CalibrationScoreOptions,
): Promise<CalibrationScores> {
  const { truth, before, after, classes, groups, resamples, seed, signal } = options;
  const scoresOf = [before, after].map((probabilities) => scorer(truth, probabilities, classes));
  const { estimates } = await bootstrapIntervals({
    ...{ tiles: truth.length, groups, resamples, seed, signal },
    statistic: (weights) => {
      const [a = [], b = []] = scoresOf.map((scores) => scores(weights));
      return [...a, ...b, ...b.map((value, i) => value - (a[i] ?? NaN))];
    },
  });
  const nth = (i: number): BeforeAndAfter => {
    const [b, a, change] = [estimates[i], estimates[i + 3], estimates[i + 6]];
    if (b === undefined || a === undefined || change === undefined) {
      throw new LungclsError('INTERNAL', 'a score is missing');
    }
    return { before: b, after: a, change };
  };
  return {
    logLoss: nth(0),
    brier: nth(1),
    calibrationError: nth(2),
    reliability: {
      before: reliabilityBins(truth, before, classes),
      after: reliabilityBins(truth, after, classes),
    },
    selective: selectiveAccuracy(truth, after, classes),
  };
}

/** Log loss, Brier score and calibration error under any weights. */
function scorer(
  truth: Labels,
  probabilities: Float32Array,
  classes: number,
): (weights: Float64Array) => number[] {
  // Clipped as scikit-learn's log_loss does for float32.
  const losses = Float64Array.from(truth, (label, i) => {
    const p = probabilities[i * classes + label] ?? 0;
    return -Math.log(Math.min(Math.max(p, 2 ** -23), 1 - 2 ** -23));
  });
  return (weights) => {
    let [loss, total] = [0, 0];
    for (const [i, weight] of weights.entries()) {
      loss += weight * (losses[i] ?? 0);
      total += weight;
    }
    return [
      loss / total,
      brierScore(truth, probabilities, classes, weights),
      expectedCalibrationError(reliabilityBins(truth, probabilities, classes, weights)),
    ];
  };
}
