/** The flags of `train` that say which tiles validate, and what is printed of them. */
import { RECIPE } from '../config.js';
import type { TrainResult } from '../training/train.js';

export const SPLIT_FLAGS = {
  split: {
    type: 'string',
    requiresArg: true,
    default: 'random',
    describe:
      'Which tiles validate. random: as the recipe. grouped: copies of one original kept on one side. Else a CSV file: path,part (train, validation or unused)',
  },
  'validation-share': {
    type: 'number',
    requiresArg: true,
    defaultDescription: String(RECIPE.split),
    describe: 'Share of the tiles held out for validation',
  },
  'split-seed': {
    type: 'number',
    requiresArg: true,
    default: RECIPE.splitSeed,
    describe: "Of the split: random_state of scikit-learn's train_test_split",
  },
  'split-tolerance': {
    type: 'number',
    requiresArg: true,
    default: 0.01,
    describe: 'How far a grouped split may be from --validation-share, of each class',
  },
  groups: {
    type: 'string',
    requiresArg: true,
    describe:
      "CSV that says which tiles come from one original: path,group, or LC25000-clean's. Default: the store's groups.csv, which `audit` writes, else its index.csv",
  },
  'compare-splits': {
    type: 'boolean',
    default: false,
    describe:
      'Train with the random and the grouped split and report both scores; the model is that of --split',
  },
  folds: {
    type: 'number',
    requiresArg: true,
    describe:
      'Also cross-validate with this many folds, grouped where --split is; they only judge: the model is that of --split',
  },
  'calibration-share': {
    type: 'number',
    requiresArg: true,
    default: 0.2,
    describe:
      'Share of the training tiles held back from a second head to fit the temperature of the probabilities; the model itself trains on all. 0: none',
  },
  'leak-sample': {
    type: 'boolean',
    default: true,
    describe:
      'Where nothing says which tiles come from one original: look for copies of 100 validation tiles in training, and report how many have one; --no-leak-sample: do not',
  },
} as const;

interface SplitArguments {
  readonly split: string;
  readonly validationShare?: number | undefined;
  readonly splitSeed: number;
  readonly splitTolerance: number;
  readonly groups?: string | undefined;
  readonly compareSplits: boolean;
  readonly folds?: number | undefined;
  readonly calibrationShare: number;
  readonly leakSample: boolean;
}

/** What the flags say, as the library's options; `--split 0.2` is a number. */
export function splitOptions(argv: SplitArguments) {
  const { split, validationShare, splitSeed, splitTolerance, groups, compareSplits, folds } = argv;
  const { calibrationShare, leakSample } = argv;
  const share = Number(split);
  return {
    ...{ validationShare, splitSeed, splitTolerance, groups, compareSplits, folds },
    ...{ calibrationShare, leakSample },
    split: Number.isNaN(share) ? split : share,
  };
}

/** What was held out, what of it leaked, and the scores of the other splits. */
export function splitLines(result: TrainResult): string[] {
  const { split, comparison, crossValidation, calibration } = result;
  const { validation, train, unused = 0, kind } = split;
  const held = ((100 * validation) / (validation + train + unused)).toFixed(0);
  const how = { random: 'at random', grouped: 'by groups', file: 'by a file' }[kind];
  const lines = [`  on ${held}% held out ${how}; ${leakText(split)}`];
  for (const { split: own, accuracy, logLoss } of comparison ?? []) {
    const name = own.kind === 'random' ? 'Random split: ' : 'Grouped split:';
    lines.push(`${name} accuracy ${accuracy.toFixed(4)}, log loss ${logLoss.toFixed(4)}`);
  }
  if (crossValidation !== undefined) {
    const { folds, meanAccuracy, standardDeviation } = crossValidation;
    lines.push(
      `${folds.length} ${crossValidation.kind} folds: accuracy ${meanAccuracy.toFixed(4)}, standard deviation ${standardDeviation.toFixed(4)}`,
    );
  }
  if (calibration !== undefined) {
    const { temperature, calibrationError } = calibration;
    const [before, after] = [calibrationError.before.value, calibrationError.after.value];
    lines.push(
      `Temperature ${temperature.toFixed(3)}: calibration error ${before.toFixed(4)} before, ${after.toFixed(4)} after`,
    );
  }
  return lines;
}

function leakText({ leakage, sampledLeakage, validation }: TrainResult['split']): string {
  if (leakage === undefined) {
    if (sampledLeakage === undefined) return 'copies of one original may stand on both sides';
    const { tiles, sampled } = sampledLeakage;
    return `${tiles} of ${sampled} looked at have a copy in training${tiles === 0 ? '' : ': `audit`, then --split grouped, gives an honest figure'}`;
  }
  const { tiles, share, unknown } = leakage;
  const rest = unknown > 0 ? `, of ${unknown} it is not known` : '';
  if (tiles === 0) return `none of them has a known sibling in training${rest}`;
  return `${tiles} of the ${validation} tiles (${(100 * share).toFixed(1)}%) have a sibling in training${rest}: --split grouped gives an honest figure`;
}
