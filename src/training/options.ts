/** The options of training, with the recipe as their default. */
import { DEFAULT_BASE, RECIPE } from '../config.js';
import { LungclsError } from '../errors.js';
import { PIXELS, type Pixels } from '../network/compose.js';
import type { TaskOptions } from '../runtime/progress.js';
import { FEATURE_CHOICES, type FeatureChoice } from './feature-choice.js';
import { FIRST_LAYERS, type FirstLayer } from './head/choose-dense.js';

const DEVICES = ['auto', 'cpu', 'cuda'] as const;

export const DEFAULT_CHECKPOINT_MINUTES = 10;

export interface TrainOptions extends TaskOptions {
  /** A tile store, as `preprocess` writes it. */
  store: string;
  /** The run folder to make. */
  output: string;
  /** Id of the frozen base. */
  base?: string;
  /** How pixels are fed to the base: RGB scaled to -1..1, or BGR 0..255 as the recipe has it. */
  pixels?: Pixels;
  /** Most epochs; 10 by default. */
  epochs?: number;
  batchSize?: number;
  /** Adam's, before any reduction; 0.001 by default. */
  learningRate?: number;
  /** Share of the tiles held out for validation, above 0 and below 1; 0.2 by default. */
  split?: number;
  /** `random_state` of scikit-learn's train_test_split; 2022 by default. */
  splitSeed?: number;
  /** Of the initial weights, the order of the batches, and dropout; 0 by default. */
  seed?: number;
  /** Share of the second layer's outputs that dropout zeroes; 0.3 by default. */
  dropout?: number;
  /**
   * Stop after `earlyStoppingPatience` epochs without a better validation accuracy, and keep the
   * weights of the best epoch; true by default. Off: the weights of the last epoch are kept.
   */
  earlyStopping?: boolean;
  earlyStoppingPatience?: number;
  /** Halve the learning rate after `reduceLrPatience` epochs without a lower validation loss; true. */
  reduceLr?: boolean;
  reduceLrPatience?: number;
  /** What the learning rate is multiplied with then; 0.5 by default. */
  reduceLrFactor?: number;
  /** Stop once validation accuracy is above this, 0.9 by default; `false`: never for this reason. */
  targetAccuracy?: number | false;
  /**
   * In which numbers the base computes the features: `fp32`, `int8` (calibrated on training tiles; on
   * the CPU), or (`auto`, by default) int8 where that is several times as fast and as good.
   */
  features?: FeatureChoice;
  /** Where features are computed. */
  device?: (typeof DEVICES)[number];
  /**
   * What computes the head's first layer, which holds 99.9 % of its weights: the addon's `native`
   * kernel, `tfjs` like the rest, or (`auto`, by default) the kernel where it is there and TensorFlow
   * does not run on a GPU. Results differ in rounding only.
   */
  firstLayer?: FirstLayer;
  /** CPU threads for decoding, features and the native kernel; all by default. */
  threads?: number;
  /**
   * Minutes after which the state is stored within an epoch too, for long ones; 10 by default, 0: only
   * after each epoch.
   */
  checkpointMinutes?: number;
  /** Replace a run folder that is there. */
  force?: boolean;
}

/** What the result depends on, complete and checked. The field names go into metrics.json. */
export interface TrainSettings {
  readonly base: string;
  readonly pixels: Pixels;
  /** `auto` until the store is known. */
  readonly features: FeatureChoice;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly split: number;
  readonly splitSeed: number;
  readonly seed: number;
  readonly dropout: number;
  readonly earlyStopping: boolean;
  readonly earlyStoppingPatience: number;
  readonly reduceLr: boolean;
  readonly reduceLrPatience: number;
  readonly reduceLrFactor: number;
  readonly targetAccuracy: number | false;
}

/** Fills in the recipe's values and refuses what makes no sense. @throws LungclsError INVALID_OPTION */
export function resolveSettings(options: TrainOptions): TrainSettings {
  path(options.store, 'store');
  path(options.output, 'output');
  const settings: TrainSettings = {
    base: options.base ?? DEFAULT_BASE,
    pixels: options.pixels ?? 'inception',
    features: options.features ?? 'auto',
    epochs: options.epochs ?? RECIPE.epochs,
    batchSize: options.batchSize ?? RECIPE.batchSize,
    learningRate: options.learningRate ?? RECIPE.learningRate,
    split: options.split ?? RECIPE.split,
    splitSeed: options.splitSeed ?? RECIPE.splitSeed,
    seed: options.seed ?? 0,
    dropout: options.dropout ?? RECIPE.dropout,
    earlyStopping: options.earlyStopping ?? true,
    earlyStoppingPatience: options.earlyStoppingPatience ?? RECIPE.earlyStoppingPatience,
    reduceLr: options.reduceLr ?? true,
    reduceLrPatience: options.reduceLrPatience ?? RECIPE.reduceLrPatience,
    reduceLrFactor: options.reduceLrFactor ?? RECIPE.reduceLrFactor,
    targetAccuracy: options.targetAccuracy ?? RECIPE.targetAccuracy,
  };
  const integer = (name: keyof TrainSettings, least: number, most: number, what: string): void => {
    const value = settings[name];
    const fine = Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
    if (!fine) throw expected(what, name, value);
  };
  const number = (name: keyof TrainSettings, fine: (x: number) => boolean, what: string): void => {
    const value = settings[name];
    if (typeof value !== 'number' || !fine(value)) throw expected(what, name, value);
  };
  if (typeof settings.base !== 'string' || settings.base === '') {
    throw expected('the name of a base', 'base', settings.base);
  }
  if (!PIXELS.includes(settings.pixels)) {
    throw expected(`one of ${PIXELS.join(', ')}`, 'pixels', settings.pixels);
  }
  if (!FEATURE_CHOICES.includes(settings.features)) {
    throw expected(`one of ${FEATURE_CHOICES.join(', ')}`, 'features', settings.features);
  }
  if (options.device !== undefined && !DEVICES.includes(options.device)) {
    throw expected(`one of ${DEVICES.join(', ')}`, 'device', options.device);
  }
  if (options.firstLayer !== undefined && !FIRST_LAYERS.includes(options.firstLayer)) {
    throw expected(`one of ${FIRST_LAYERS.join(', ')}`, 'firstLayer', options.firstLayer);
  }
  const minutes = options.checkpointMinutes ?? DEFAULT_CHECKPOINT_MINUTES;
  if (typeof minutes !== 'number' || !Number.isFinite(minutes) || minutes < 0) {
    throw expected('a number of at least 0', 'checkpointMinutes', minutes);
  }
  integer('epochs', 1, 1e6, 'a positive integer up to 1000000');
  integer('batchSize', 1, 65_536, 'a positive integer up to 65536');
  integer('splitSeed', 0, 2 ** 32 - 1, 'an integer from 0 to 4294967295');
  integer('seed', 0, Number.MAX_SAFE_INTEGER, 'an integer of at least 0');
  integer('earlyStoppingPatience', 0, 1e6, 'an integer of at least 0');
  integer('reduceLrPatience', 0, 1e6, 'an integer of at least 0');
  number('learningRate', (x) => x > 0 && Number.isFinite(x), 'a positive number');
  number('split', (x) => x > 0 && x < 1, 'a number above 0 and below 1');
  number('dropout', (x) => x >= 0 && x < 1, 'a number from 0 to below 1');
  number('reduceLrFactor', (x) => x > 0 && x < 1, 'a number above 0 and below 1');
  if (settings.targetAccuracy !== false) {
    number('targetAccuracy', (x) => x >= 0 && x <= 1, 'a number from 0 to 1, or false,');
  }
  for (const name of ['earlyStopping', 'reduceLr'] as const) {
    if (typeof settings[name] !== 'boolean') throw expected('true or false', name, settings[name]);
  }
  return settings;
}

function path(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '') throw expected('a path', name, value);
}

function expected(what: string, name: string, value: unknown): LungclsError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new LungclsError(
    'INVALID_OPTION',
    `Expected ${what} for ${name} but received ${shown} of type ${typeof value}`,
  );
}
