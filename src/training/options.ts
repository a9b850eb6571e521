/** The options of training, with the recipe as their default. */
import { DEFAULT_BASE, RECIPE } from '../config.js';
import { PIXELS, type Pixels } from '../network/compose.js';
import { HEAD_DROPOUT, HEADS, type HeadKind } from '../network/head.js';
import { parseDevice, type Device } from '../runtime/device.js';
import type { TaskOptions } from '../runtime/progress.js';
import { REDUCE_LR_DEFAULTS } from './callbacks.js';
import { isClassWeights, type ClassWeights } from './class-weights.js';
import { expected } from './expected.js';
import { FEATURE_CHOICES, type FeatureChoice } from './feature-choice.js';
import { ADAM, type AdamConstants } from './head/adam.js';
import { FIRST_LAYERS, type FirstLayer } from './head/choose-dense.js';
import { resolveSplitSettings, type SplitOptions, type SplitSettings } from './split-options.js';

export const DEFAULT_CHECKPOINT_MINUTES = 10;

export interface TrainOptions extends TaskOptions, SplitOptions {
  /** A tile store, as `preprocess` writes it. */
  store: string;
  /** The run folder to make. */
  output: string;
  /** Id of the frozen base. */
  base?: string;
  /** How pixels are fed to the base: RGB scaled to -1..1, or BGR 0..255 as the recipe has it. */
  pixels?: Pixels;
  /**
   * What is trained on the base: the `recipe`'s head, by default, or `gap`: global average pooling, Dense
   * 256 relu, Dense softmax, a 200th of its size.
   */
  head?: HeadKind;
  /** Most epochs; 10 by default. */
  epochs?: number;
  batchSize?: number;
  /** Adam's, before any reduction; 0.001 by default. */
  learningRate?: number;
  /** Adam's decay of the first moment, 0 to below 1; 0.9 by default. */
  beta1?: number;
  /** Adam's decay of the second moment, 0 to below 1; 0.999 by default. */
  beta2?: number;
  /** Adam's epsilon, above 0; 1e-7 by default. */
  epsilon?: number;
  /**
   * Factors of the classes in the training loss, Keras's `class_weight`: `none`, by default,
   * `balanced` (scikit-learn's), or a number of at least 0 by class name, 1 for those not named.
   */
  classWeights?: ClassWeights;
  /** Of the initial weights, the order of the batches, and dropout; 0 by default. */
  seed?: number;
  /** Share of the last hidden layer's outputs that dropout zeroes; 0.3 in the recipe, 0 in `gap`. */
  dropout?: number;
  /**
   * Stop after `earlyStoppingPatience` epochs without a better validation accuracy, and keep the
   * weights of the best epoch; true by default. Off: the weights of the last epoch are kept.
   */
  earlyStopping?: boolean;
  earlyStoppingPatience?: number;
  /** Smallest rise of the validation accuracy that counts; 0 by default. */
  earlyStoppingMinDelta?: number;
  /** Halve the learning rate after `reduceLrPatience` epochs without a lower validation loss; true. */
  reduceLr?: boolean;
  reduceLrPatience?: number;
  /** What the learning rate is multiplied with then; 0.5 by default. */
  reduceLrFactor?: number;
  /** Smallest fall of the validation loss that counts; 0.0001 by default. */
  reduceLrMinDelta?: number;
  /** Epochs after a reduction in which none is counted; 0 by default. */
  reduceLrCooldown?: number;
  /** The learning rate is never made smaller than this; 0 by default. */
  reduceLrMinLr?: number;
  /** Stop once validation accuracy is above this, 0.9 by default; `false`: never for this reason. */
  targetAccuracy?: number | false;
  /**
   * In which numbers the base computes the features: `fp32`, `int8` (calibrated on training tiles; on
   * the CPU), or (`auto`, by default) int8 where that is several times as fast and as good.
   */
  features?: FeatureChoice;
  /** Where features are computed. */
  device?: Device;
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
  /**
   * Also write the curves as TensorBoard event files, while they grow: into this folder, or `true`:
   * into `tensorboard/` of the run folder. They are in the layout of Keras's callback; a run that goes
   * on adds to them.
   */
  tensorboard?: string | boolean;
  /** The model tells tiles unlike those of training from others (`in_domain`); true by default. */
  domain?: boolean;
  /** With `tensorboard`: loss and accuracy also every so many batches; 0, the default: each epoch alone. */
  tensorboardBatches?: number;
  /** Replace a run folder that is there. */
  force?: boolean;
}

/** What the result depends on, complete and checked. The field names go into metrics.json. */
export interface TrainSettings extends SplitSettings, AdamConstants {
  readonly base: string;
  readonly pixels: Pixels;
  readonly head: HeadKind;
  /** `auto` until the store is known. */
  readonly features: FeatureChoice;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly classWeights: ClassWeights;
  readonly seed: number;
  readonly dropout: number;
  readonly earlyStopping: boolean;
  readonly earlyStoppingPatience: number;
  readonly earlyStoppingMinDelta: number;
  readonly reduceLr: boolean;
  readonly reduceLrPatience: number;
  readonly reduceLrFactor: number;
  readonly reduceLrMinDelta: number;
  readonly reduceLrCooldown: number;
  readonly reduceLrMinLr: number;
  readonly targetAccuracy: number | false;
  readonly domain: boolean;
}

/** Fills in the recipe's values and refuses what makes no sense. @throws LungclsError INVALID_OPTION */
export function resolveSettings(options: TrainOptions): TrainSettings {
  path(options.store, 'store');
  path(options.output, 'output');
  const head = options.head ?? 'recipe';
  if (!HEADS.includes(head)) throw expected(`one of ${HEADS.join(', ')}`, 'head', head);
  const settings: TrainSettings = {
    base: options.base ?? DEFAULT_BASE,
    pixels: options.pixels ?? 'inception',
    head,
    features: options.features ?? 'auto',
    epochs: options.epochs ?? RECIPE.epochs,
    batchSize: options.batchSize ?? RECIPE.batchSize,
    learningRate: options.learningRate ?? RECIPE.learningRate,
    beta1: options.beta1 ?? ADAM.beta1,
    beta2: options.beta2 ?? ADAM.beta2,
    epsilon: options.epsilon ?? ADAM.epsilon,
    classWeights: options.classWeights ?? 'none',
    ...resolveSplitSettings(options),
    seed: options.seed ?? 0,
    dropout: options.dropout ?? HEAD_DROPOUT[head],
    earlyStopping: options.earlyStopping ?? true,
    earlyStoppingPatience: options.earlyStoppingPatience ?? RECIPE.earlyStoppingPatience,
    earlyStoppingMinDelta: options.earlyStoppingMinDelta ?? 0,
    reduceLr: options.reduceLr ?? true,
    reduceLrPatience: options.reduceLrPatience ?? RECIPE.reduceLrPatience,
    reduceLrFactor: options.reduceLrFactor ?? RECIPE.reduceLrFactor,
    reduceLrMinDelta: options.reduceLrMinDelta ?? REDUCE_LR_DEFAULTS.minDelta,
    reduceLrCooldown: options.reduceLrCooldown ?? REDUCE_LR_DEFAULTS.cooldown,
    reduceLrMinLr: options.reduceLrMinLr ?? REDUCE_LR_DEFAULTS.minLearningRate,
    targetAccuracy: options.targetAccuracy ?? RECIPE.targetAccuracy,
    domain: options.domain ?? true,
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
  parseDevice(options.device ?? 'auto');
  if (options.firstLayer !== undefined && !FIRST_LAYERS.includes(options.firstLayer)) {
    throw expected(`one of ${FIRST_LAYERS.join(', ')}`, 'firstLayer', options.firstLayer);
  }
  if (typeof options.tensorboard === 'string') path(options.tensorboard, 'tensorboard');
  const every = options.tensorboardBatches ?? 0;
  if (!Number.isSafeInteger(every) || every < 0) {
    throw expected('an integer of at least 0', 'tensorboardBatches', every);
  }
  if (!isClassWeights(settings.classWeights)) {
    throw expected(
      'none, balanced or a number of at least 0 a class',
      'classWeights',
      settings.classWeights,
    );
  }
  const minutes = options.checkpointMinutes ?? DEFAULT_CHECKPOINT_MINUTES;
  if (typeof minutes !== 'number' || !Number.isFinite(minutes) || minutes < 0) {
    throw expected('a number of at least 0', 'checkpointMinutes', minutes);
  }
  integer('epochs', 1, 1e6, 'a positive integer up to 1000000');
  integer('batchSize', 1, 65_536, 'a positive integer up to 65536');
  integer('seed', 0, Number.MAX_SAFE_INTEGER, 'an integer of at least 0');
  integer('earlyStoppingPatience', 0, 1e6, 'an integer of at least 0');
  integer('reduceLrPatience', 0, 1e6, 'an integer of at least 0');
  integer('reduceLrCooldown', 0, 1e6, 'an integer of at least 0');
  for (const name of ['earlyStoppingMinDelta', 'reduceLrMinDelta', 'reduceLrMinLr'] as const) {
    number(name, (x) => x >= 0 && Number.isFinite(x), 'a number of at least 0');
  }
  number('beta1', (x) => x >= 0 && x < 1, 'a number from 0 to below 1');
  number('beta2', (x) => x >= 0 && x < 1, 'a number from 0 to below 1');
  number('epsilon', (x) => x > 0 && Number.isFinite(x), 'a positive number');
  number('learningRate', (x) => x > 0 && Number.isFinite(x), 'a positive number');
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
