/** Every score of a set of classified tiles, each with its 95 % interval. */
import { LungclsError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import { bootstrapIntervals, type Estimate } from './bootstrap.js';
import type { Labels } from './confusion.js';
import type { PrecisionRecallCurve, RocCurve } from './ranking.js';
import { reliabilityBins, type ReliabilityBin } from './reliability.js';
import { Scorer } from './scorer.js';
import { selectiveAccuracy, type SelectiveLevel } from './selective.js';

export interface ClassScoresWithIntervals {
  readonly name: string;
  readonly precision: Estimate;
  readonly recall: Estimate;
  readonly f1: Estimate;
  /** Area under the ROC curve, this class against the rest. */
  readonly rocAuc: Estimate;
  /** Area under the precision-recall curve, this class against the rest. */
  readonly averagePrecision: Estimate;
  readonly roc: RocCurve;
  readonly precisionRecall: PrecisionRecallCurve;
}

export interface PairScore {
  readonly classes: readonly [string, string];
  /**
   * Area under the ROC curve among the tiles of these two classes alone: the mean of the areas by
   * the first one's probability and by the second one's (Hand and Till 2001; scikit-learn's
   * `roc_auc_score(multi_class="ovo")` for one pair).
   */
  readonly rocAuc: Estimate;
}

export interface Scores {
  /** Of the accuracy of the most probable class, 0 to 1. */
  readonly accuracy: Estimate;
  /** Mean of the classes' recalls; classes without tiles are left out. */
  readonly balancedAccuracy: Estimate;
  readonly macroF1: Estimate;
  readonly weightedF1: Estimate;
  /** Mean of the classes' areas; classes without tiles are left out. */
  readonly macroRocAuc: Estimate;
  readonly logLoss: Estimate;
  readonly brier: Estimate;
  /** Expected calibration error of the most probable class. */
  readonly calibrationError: Estimate;
  readonly perClass: readonly ClassScoresWithIntervals[];
  /** Every pair of classes; empty with more than 10. */
  readonly pairs: readonly PairScore[];
  readonly reliability: readonly ReliabilityBin[];
  /** What a threshold on the largest probability would keep, and how right it would be. */
  readonly selective: readonly SelectiveLevel[];
  /** What was drawn with replacement for the intervals. */
  readonly resampled: 'groups' | 'tiles';
  /** How many of them there are. */
  readonly units: number;
  readonly resamples: number;
}

export interface ScoreOptions {
  /** Class index of each tile. */
  readonly truth: Labels;
  /** Row-major (tiles, classes), rows summing to 1. */
  readonly probabilities: Float32Array;
  readonly classes: readonly string[];
  /** The group of each tile, where known: intervals are then over groups, which is honest. */
  readonly groups?: readonly (string | number)[] | undefined;
  /** 1000 by default. */
  readonly resamples?: number | undefined;
  /** Of the resampling, 0 to 2^32 - 1; 0 by default. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Scores of tiles, as scikit-learn defines them, and 95 % percentile intervals by bootstrap.
 * @throws LungclsError INVALID_OPTION (lengths differ, no tiles, not a number) | ABORTED
 */
export async function scoreTiles(options: ScoreOptions): Promise<Scores> {
  const { truth, probabilities, classes, groups, signal } = options;
  check(options);
  throwIfAborted(signal);
  const scorer = new Scorer(truth, probabilities, classes.length);
  const { estimates, units, resamples } = await bootstrapIntervals({
    tiles: truth.length,
    statistic: (weights) => scorer.values(weights),
    groups,
    resamples: options.resamples,
    seed: options.seed,
    signal,
  });
  const all = [...estimates];
  const next = (): Estimate => {
    const estimate = all.shift();
    if (estimate === undefined) throw new LungclsError('INTERNAL', 'a score is missing');
    return estimate;
  };
  // In the order of Scorer.values: overall, then class by class, then pair by pair.
  const overall = {
    accuracy: next(),
    balancedAccuracy: next(),
    macroF1: next(),
    weightedF1: next(),
    macroRocAuc: next(),
    logLoss: next(),
    brier: next(),
    calibrationError: next(),
  };
  return {
    ...overall,
    perClass: classes.map((name, c) => ({
      name,
      precision: next(),
      recall: next(),
      f1: next(),
      rocAuc: next(),
      averagePrecision: next(),
      ...scorer.curves(c),
    })),
    pairs: scorer.pairs.map(({ a, b }) => ({
      classes: [classes[a] ?? '', classes[b] ?? ''],
      rocAuc: next(),
    })),
    reliability: reliabilityBins(truth, probabilities, classes.length),
    selective: selectiveAccuracy(truth, probabilities, classes.length),
    resampled: groups === undefined ? 'tiles' : 'groups',
    units,
    resamples,
  };
}

function check({ truth, probabilities, classes, groups }: ScoreOptions): void {
  const tiles = truth.length;
  if (tiles === 0) throw new LungclsError('INVALID_OPTION', 'Expected at least one tile to score');
  if (probabilities.length !== tiles * classes.length) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected ${String(tiles * classes.length)} probabilities, ${String(classes.length)} a tile, but received ${String(probabilities.length)}`,
    );
  }
  if (groups !== undefined && groups.length !== tiles) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one group a tile, ${String(tiles)}, but received ${String(groups.length)}`,
    );
  }
}
