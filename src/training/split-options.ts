/** The options of train that say which tiles validate. */
import { RECIPE } from '../config.js';
import { expected } from './expected.js';

/** Sizes of a grouped split are within this of what was asked: a point. */
export const DEFAULT_SPLIT_TOLERANCE = 0.01;
const MAX_FOLDS = 100;
export const DEFAULT_CALIBRATION_SHARE = 0.2;

export interface SplitOptions {
  /**
   * Which tiles validate. `random` (by default): scikit-learn's train_test_split, as the recipe.
   * `grouped`: all tiles of a group on one side, classes stratified. Anything else: a CSV file with the
   * columns `path,part` (`train`, `validation`, `unused`) for every tile. A number is short for `random`
   * with this `validationShare`.
   */
  split?: string | number;
  /** Share of the tiles held out for validation, above 0 and below 1; 0.2 by default. */
  validationShare?: number;
  /** `random_state` of the split and of the folds; 2022 by default. */
  splitSeed?: number;
  /** How far a grouped split may be from `validationShare`, of each class and of all; 0.01 by default. */
  splitTolerance?: number;
  /**
   * A CSV that says which tiles come from one original or patient: `path,group`, or one of
   * LC25000-clean's. By default the store's groups.csv, else the column `group` of its index.csv.
   */
  groups?: string;
  /** Also train with the other of the two splits, `random` and `grouped`, and report both scores. */
  compareSplits?: boolean;
  /**
   * Also cross-validate with this many folds, 2 or more: scikit-learn's StratifiedKFold for a random
   * split, its StratifiedGroupKFold for a grouped one.
   */
  folds?: number;
  /**
   * Share of the training tiles that a second head is not trained on, so that they can be used to fit the
   * temperature of the probabilities; 0.2 by default, 0: no temperature. The head that is kept trains on all
   * of them either way.
   */
  calibrationShare?: number;
  /**
   * Where nothing says which tiles come from one original, look for copies of a hundred validation tiles among the
   * training tiles, and report how many have one; true by default.
   */
  leakSample?: boolean;
}

/** The same, complete and checked. */
export interface SplitSettings {
  /** `random`, `grouped`, or a file. */
  readonly split: string;
  /** Null where a file says it. */
  readonly validationShare: number | null;
  readonly splitSeed: number;
  readonly splitTolerance: number;
  readonly compareSplits: boolean;
  /** Null: no cross-validation. */
  readonly folds: number | null;
  /** 0: no temperature is fitted. */
  readonly calibrationShare: number;
  readonly leakSample: boolean;
}

/** Fills in the recipe's values and refuses what makes no sense. @throws LungclsError INVALID_OPTION */
export function resolveSplitSettings(options: SplitOptions): SplitSettings {
  const { split = 'random', splitSeed = RECIPE.splitSeed, compareSplits = false } = options;
  const { splitTolerance = DEFAULT_SPLIT_TOLERANCE, folds, groups } = options;
  const { calibrationShare = DEFAULT_CALIBRATION_SHARE, leakSample = true } = options;
  const isShare = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 1;
  if (typeof split === 'number' ? !isShare(split) : typeof split !== 'string' || split === '') {
    throw expected('random, grouped, a file, or a share above 0 and below 1', 'split', split);
  }
  const share = typeof split === 'number' ? split : options.validationShare;
  if (typeof split === 'number' && options.validationShare !== undefined) {
    throw expected(
      'no value beside a number for split',
      'validationShare',
      options.validationShare,
    );
  }
  if (share !== undefined && !isShare(share)) {
    throw expected('a number above 0 and below 1', 'validationShare', share);
  }
  if (!Number.isInteger(splitSeed) || splitSeed < 0 || splitSeed > 2 ** 32 - 1) {
    throw expected('an integer from 0 to 4294967295', 'splitSeed', splitSeed);
  }
  if (!(splitTolerance >= 0 && splitTolerance < 1)) {
    throw expected('a number from 0 to below 1', 'splitTolerance', splitTolerance);
  }
  if (groups !== undefined && (typeof groups !== 'string' || groups === '')) {
    throw expected('a path', 'groups', groups);
  }
  if (typeof compareSplits !== 'boolean')
    throw expected('true or false', 'compareSplits', compareSplits);
  if (folds !== undefined && !(Number.isInteger(folds) && folds >= 2 && folds <= MAX_FOLDS)) {
    throw expected(`an integer from 2 to ${String(MAX_FOLDS)}`, 'folds', folds);
  }
  if (calibrationShare !== 0 && !isShare(calibrationShare)) {
    throw expected('a number from 0 to below 1', 'calibrationShare', calibrationShare);
  }
  if (typeof leakSample !== 'boolean') throw expected('true or false', 'leakSample', leakSample);
  const kind = typeof split === 'number' ? 'random' : split;
  const fromFile = kind !== 'random' && kind !== 'grouped';
  if (fromFile) {
    const without = { validationShare: share, folds, compareSplits: compareSplits || undefined };
    for (const [name, value] of Object.entries(without)) {
      if (value !== undefined) throw expected('no value beside a file of the split', name, value);
    }
  }
  return {
    split: kind,
    validationShare: fromFile ? null : (share ?? RECIPE.split),
    splitSeed,
    splitTolerance,
    compareSplits,
    folds: folds ?? null,
    calibrationShare,
    leakSample,
  };
}
