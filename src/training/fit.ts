/** The training loop: epochs over stored features, validation, callbacks, checkpoints. */
import { setImmediate } from 'node:timers/promises';
import { LungclsError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import {
  EarlyStopping,
  REDUCE_LR_DEFAULTS,
  ReduceLrOnPlateau,
  targetReached,
} from './callbacks.js';
import type { Checkpoint, EpochProgress, TrainingState } from './checkpoint.js';
import { featureBatches, type BatchSource } from './feature-batches.js';
import { FitProgress } from './fit-progress.js';
import type { AdamConstants } from './head/adam.js';
import type { HeadTrainer } from './head/head.js';
import { RunningMean, type EpochRecord } from './history.js';
import type { TrainSettings } from './options.js';
import { dropoutMasks, epochOrder } from './random.js';
import type { SplitSettings } from './split-options.js';
import type { TensorBoard } from './tensorboard/board.js';

/** What the loop needs of the settings. */
export type FitSettings = Omit<
  TrainSettings,
  | ('base' | 'pixels' | 'features' | 'head' | 'dropout' | 'classWeights')
  | keyof AdamConstants
  | keyof SplitSettings
>;

export interface FitOptions extends TaskOptions {
  readonly head: HeadTrainer;
  readonly source: BatchSource;
  /** Class index of every tile in the features file. */
  readonly labels: ArrayLike<number>;
  /** Tiles to train on, as positions in the features file. */
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly settings: FitSettings;
  /** Factor of each class in the training loss; all 1 if not given. Validation knows none. */
  readonly classWeights?: Float32Array | undefined;
  readonly checkpoint: Checkpoint;
  /** Minutes after which the state is stored within an epoch too; 0, by default: never. */
  readonly checkpointMinutes?: number;
  /** For the record: on which TensorFlow. */
  readonly runsOn: string;
  /** Draws the curves while they grow. */
  readonly board?: TensorBoard | undefined;
}

export interface FitResult {
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights the head has now, 1 for the first. */
  readonly bestEpoch: number;
  readonly stopReason: string;
  /** Of these weights, on the validation part. */
  readonly evaluation: Evaluation;
}

export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  /** Row-major (tiles, classes), in the order of the tiles. */
  readonly probabilities: Float32Array;
}

/**
 * Trains the head, from the checkpoint where there is one, and leaves it with the weights that are
 * kept. The same settings, backend and thread count give the same weights, interrupted or not.
 * @throws LungclsError TRAINING_DIVERGED | CHECKPOINT_INVALID | ABORTED | DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  const { head, settings, checkpoint } = options;
  let state = (await checkpoint.readState()) ?? firstState(options);
  const begun = state.epoch > 0 || state.underWay !== undefined;
  if (begun && state.stopReason === undefined) {
    const { epoch, underWay } = state;
    const where =
      underWay === undefined
        ? `after epoch ${String(epoch)} of ${String(settings.epochs)}`
        : `in epoch ${String(epoch + 1)} of ${String(settings.epochs)}, after batch ${String(underWay.batches)}`;
    options.onMessage?.(`Continuing ${where}`, 'info');
    if (state.runsOn !== options.runsOn) {
      options.onMessage?.(
        `It began on ${state.runsOn} and continues on ${options.runsOn}: the last digits will differ from an uninterrupted run`,
        'warning',
      );
    }
    await checkpoint.restore(head, state);
  }
  // A kill may have come between the checkpoint and the curves.
  await options.board?.epochs(state.history);
  const progress = progressOf(options);
  let weightsOf: number | undefined;
  let evaluation: Evaluation | undefined;
  while (state.stopReason === undefined) {
    ({ state, evaluation } = await runEpoch(options, state, progress));
    await checkpoint.save(head, state);
    progress.stored();
    await options.board?.epochs(state.history);
    weightsOf = state.epoch;
  }
  const { history, bestEpoch, stopReason } = state;
  if (weightsOf !== bestEpoch) {
    await checkpoint.restoreWeights(head, bestEpoch);
    evaluation = undefined;
  }
  evaluation ??= await evaluateHead(options, options.validation);
  return { history, bestEpoch, stopReason, evaluation };
}

function firstState({ settings, runsOn }: FitOptions): TrainingState {
  return {
    epoch: 0,
    step: 0,
    learningRate: Math.fround(settings.learningRate),
    earlyStopping: new EarlyStopping({ patience: 0 }).state,
    reduceLr: new ReduceLrOnPlateau({ ...REDUCE_LR_DEFAULTS, patience: 0, factor: 0.5 }).state,
    history: [],
    bestEpoch: 0,
    runsOn,
  };
}

function progressOf({ settings, train, validation, onProgress }: FitOptions): FitProgress {
  const { epochs, batchSize, earlyStopping, targetAccuracy } = settings;
  return new FitProgress({
    epochs,
    batchSize,
    trainTiles: train.length,
    validationTiles: validation.length,
    mayEndEarlier: earlyStopping || (targetAccuracy !== false && targetAccuracy < 1),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

async function runEpoch(
  options: FitOptions,
  before: TrainingState,
  progress: FitProgress,
): Promise<{ state: TrainingState; evaluation: Evaluation }> {
  const { settings } = options;
  const epoch = before.epoch + 1;
  const startedAt = performance.now();
  progress.epochBegins(epoch, before.underWay?.batches ?? 0);
  const trained = await trainEpoch(options, before, epoch, progress);
  const validation = await evaluateHead(options, options.validation, progress);
  const record: EpochRecord = {
    epoch,
    loss: trained.loss,
    accuracy: trained.accuracy,
    valLoss: validation.loss,
    valAccuracy: validation.accuracy,
    learningRate: before.learningRate,
    seconds: (performance.now() - startedAt) / 1000 + (before.underWay?.seconds ?? 0),
  };
  options.onMessage?.(describe(record, settings.epochs), 'info');
  const earlyStopping = new EarlyStopping(
    { patience: settings.earlyStoppingPatience, minDelta: settings.earlyStoppingMinDelta },
    structuredClone(before.earlyStopping),
  );
  const reduceLr = new ReduceLrOnPlateau(
    {
      patience: settings.reduceLrPatience,
      factor: settings.reduceLrFactor,
      minDelta: settings.reduceLrMinDelta,
      cooldown: settings.reduceLrCooldown,
      minLearningRate: settings.reduceLrMinLr,
    },
    structuredClone(before.reduceLr),
  );
  const { stop } = earlyStopping.epochEnd(epoch, record.valAccuracy);
  const learningRate = settings.reduceLr
    ? reduceLr.epochEnd(record.valLoss, before.learningRate)
    : before.learningRate;
  const stopReason = reasonToStop(settings, record, settings.earlyStopping && stop);
  const state = {
    epoch,
    step: before.step + trained.steps,
    learningRate,
    earlyStopping: earlyStopping.state,
    reduceLr: reduceLr.state,
    history: [...before.history, record],
    bestEpoch: settings.earlyStopping ? earlyStopping.state.bestEpoch : epoch,
    runsOn: before.runsOn,
    ...(stopReason === undefined ? {} : { stopReason }),
  };
  return { state, evaluation: validation };
}

function reasonToStop(
  settings: FitSettings,
  { epoch, valAccuracy }: EpochRecord,
  noProgress: boolean,
): string | undefined {
  const { targetAccuracy, earlyStoppingPatience, epochs } = settings;
  if (targetAccuracy !== false && targetReached(valAccuracy, targetAccuracy)) {
    return `validation accuracy above ${String(targetAccuracy)}`;
  }
  if (noProgress) {
    return `no better validation accuracy for ${String(earlyStoppingPatience)} epochs`;
  }
  return epoch >= epochs ? 'all epochs done' : undefined;
}

async function trainEpoch(
  options: FitOptions,
  before: TrainingState,
  epoch: number,
  progress: FitProgress,
): Promise<{ loss: number; accuracy: number; steps: number }> {
  const { head, source, labels, settings, classWeights, signal } = options;
  const { batchSize, seed } = settings;
  const order = epochOrder(options.train.length, seed, epoch);
  const tiles = order.map((i) => options.train[i] ?? 0);
  const steps = Math.ceil(tiles.length / batchSize);
  const begun = before.underWay;
  const loss = new RunningMean(begun?.loss);
  const accuracy = new RunningMean(begun?.accuracy);
  let done = begun?.batches ?? 0;
  const startedAt = performance.now();
  let savedAt = startedAt;
  const left = tiles.subarray(done * batchSize);
  for await (const gathered of featureBatches(source, left, batchSize, signal)) {
    const { tiles: chosen, batch, upcoming } = gathered;
    const step = before.step + done;
    const classes = Array.from(chosen, (tile) => labels[tile] ?? 0);
    const result = await head.train({
      batch,
      labels: classes,
      weights: classWeights && Float32Array.from(classes, (c) => classWeights[c] ?? 1),
      masks: dropoutMasks(head.shape.dropouts, batch.rows, seed, step),
      learningRate: before.learningRate,
      step: step + 1,
      upcoming,
    });
    done++;
    if (!Number.isFinite(result.loss)) {
      throw new LungclsError(
        'TRAINING_DIVERGED',
        `The loss is ${String(result.loss)} in epoch ${String(epoch)}, batch ${String(done)} of ${String(steps)}; try a smaller learning rate than ${String(before.learningRate)}`,
      );
    }
    loss.add(result.loss, batch.rows);
    accuracy.addSum(result.hits, batch.rows);
    progress.trained(batch.rows, loss.value, accuracy.value);
    // Before a checkpoint: what is trained again is not drawn again, what is skipped would be missing.
    await options.board?.batch(before.step + done, loss.value, accuracy.value);
    if (done < steps && isDue(options, savedAt)) {
      const underWay: EpochProgress = {
        batches: done,
        loss: loss.state,
        accuracy: accuracy.state,
        seconds: (performance.now() - startedAt) / 1000 + (begun?.seconds ?? 0),
      };
      await options.checkpoint.save(head, { ...before, underWay });
      progress.stored();
      savedAt = performance.now();
    }
    // A step blocks the thread: signals and timers get their turn here.
    await setImmediate();
    throwIfAborted(signal);
  }
  return { loss: loss.value, accuracy: accuracy.value, steps: done };
}

/** Whether the state is to be stored within the epoch, having been stored at `savedAt`. */
function isDue({ checkpointMinutes = 0 }: FitOptions, savedAt: number): boolean {
  return checkpointMinutes > 0 && performance.now() - savedAt >= checkpointMinutes * 60_000;
}

/**
 * Loss, accuracy and probabilities of tiles with the weights as they are, as Keras's `evaluate`.
 * @param tiles positions in the features file
 */
export async function evaluateHead(
  options: Pick<FitOptions, 'head' | 'source' | 'labels' | 'settings' | 'signal'>,
  tiles: Int32Array,
  progress?: FitProgress,
): Promise<Evaluation> {
  const { head, source, labels, settings, signal } = options;
  const loss = new RunningMean();
  const accuracy = new RunningMean();
  const probabilities = new Float32Array(tiles.length * head.shape.classes);
  let done = 0;
  for await (const { tiles: chosen, batch } of featureBatches(
    source,
    tiles,
    settings.batchSize,
    signal,
  )) {
    const result = await head.evaluate(
      batch,
      Array.from(chosen, (tile) => labels[tile] ?? 0),
    );
    loss.add(result.loss, batch.rows);
    accuracy.addSum(result.hits, batch.rows);
    probabilities.set(result.probabilities, done * head.shape.classes);
    done += batch.rows;
    progress?.validated(batch.rows);
    await setImmediate();
    throwIfAborted(signal);
  }
  return { loss: loss.value, accuracy: accuracy.value, probabilities };
}

function describe(e: EpochRecord, epochs: number): string {
  const four = (value: number): string => value.toFixed(4);
  return (
    `Epoch ${String(e.epoch)}/${String(epochs)}: loss ${four(e.loss)}, accuracy ${four(e.accuracy)}, ` +
    `validation loss ${four(e.valLoss)}, accuracy ${four(e.valAccuracy)}, ` +
    `learning rate ${String(Number(e.learningRate.toPrecision(4)))}, ${e.seconds.toFixed(1)} s`
  );
}
