/** The whole of training, from a tile store to a run folder with the model in it. */
import { join } from 'node:path';
import { writeBundle } from '../bundle/write.js';
import { samples } from '../dataset/samples.js';
import { splitCsv } from '../dataset/split-file.js';
import { TileStore } from '../imaging/tile-store.js';
import { loadBase } from '../network/bases.js';
import { describeHead, headGraph } from '../network/head.js';
import type { ReportData, ReportSplit } from '../report/data.js';
import { writeReport } from '../report/report.js';
import type { TaskOptions } from '../runtime/progress.js';
import { loadTensorflow, type Tensorflow } from '../runtime/tensorflow.js';
import { resolveThreads } from '../runtime/threads.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { fingerprint } from '../storage/hash.js';
import { openPartial } from '../storage/partial.js';
import { checkNames } from './class-weights.js';
import { describeRun, SAMPLES_PER_CLASS } from './describe-run.js';
import { fitRunDomain } from './domain.js';
import { fitCalibration, summary, type CalibrationSummary } from './calibration.js';
import { CALIBRATION_TILES, chooseFeatures } from './feature-choice.js';
import { ensureFeatures, readCalibration } from './features.js';
import { furtherMetrics, removeFurtherCheckpoints, trainFurtherHeads } from './further-heads.js';
import { chooseFirstLayer, type FirstLayerChoice } from './head/choose-dense.js';
import { historyCsv, type EpochRecord } from './history.js';
import { sampleLeakage } from './leak-sample.js';
import { resolveSettings, type TrainOptions } from './options.js';
import { PeakMemory } from './peak-memory.js';
import type { Run, TrainingMeans } from './run.js';
import { judge, metricsJson, predictionsCsv } from './run-results.js';
import { announceSample, announceSplit, splitSentence } from './split-words.js';
import { planSplits, type SplitPlan } from './splits.js';
import { describeStudy, intervalMetrics } from './study.js';
import { TensorBoard } from './tensorboard/board.js';
import { trainHead } from './train-head.js';

/** Raised when the same settings would give another result. */
const RUN_VERSION = 1;
/** Held-out tiles on which the exported models are compared: some three seconds; `export` judges on more. */
const CHECK_TILES = 64;

export interface TrainResult {
  readonly output: string;
  /** The model bundle, for `predict`. */
  readonly model: string;
  readonly report: string;
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights were kept, 1 for the first. */
  readonly bestEpoch: number;
  readonly stopReason: string;
  /** Of the kept weights on the validation part, 0 to 1. */
  readonly validationAccuracy: number;
  readonly validationLogLoss: number;
  /** Which tiles that was measured on, and how many of them have siblings in training. */
  readonly split: ReportSplit;
  /** With `compareSplits`: the random and the grouped split, in this order. */
  readonly comparison?: ReportData['comparison'];
  /** With `folds`. */
  readonly crossValidation?: ReportData['crossValidation'];
  /** The temperature of the model's probabilities, and what it does to them; absent where none was fitted. */
  readonly calibration?: CalibrationSummary;
  /** Of this process. */
  readonly seconds: number;
  /** Most bytes this process held, mapped files not counted. */
  readonly peakMemoryBytes: number;
  /** True where an earlier process had begun. */
  readonly resumed: boolean;
}

/**
 * Trains a head on the features of a tile store and writes the run folder: history.csv, metrics.json,
 * predictions.csv (the validation part), split.csv, report.html, checkpoint/ and model/; with
 * `compareSplits` also comparison/, with `folds` also folds/. Features are kept beside the tiles for
 * later runs. Stopped or killed, the same call continues, and ends with the same weights as an
 * uninterrupted one on the same TensorFlow.
 *
 * @throws LungclsError INVALID_OPTION | STORE_INVALID | INPUT_NOT_FOUND | INPUT_UNREADABLE |
 *   TOO_FEW_CLASSES | TOO_FEW_TILES | GROUPS_UNKNOWN | SPLIT_INVALID | SPLIT_IMPOSSIBLE | BASE_MISSING |
 *   BACKEND_UNAVAILABLE | DEVICE_UNAVAILABLE | TRAINING_DIVERGED | EXPORT_MISMATCH | OUTPUT_EXISTS |
 *   OUTPUT_UNWRITABLE | DISK_FULL | BUSY | ABORTED
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const asked = resolveSettings(options);
  const threads = resolveThreads(options.threads);
  const startedAt = performance.now();
  using memory = new PeakMemory();
  const store = await TileStore.open(options.store);
  try {
    checkNames(asked.classWeights, store.classes);
    const { kind: features, reason } = chooseFeatures(asked.features, {
      tiles: store.count,
      device: options.device,
      folds: asked.folds !== null,
    });
    const settings = { ...asked, features };
    options.onMessage?.(`Features in ${features}: ${reason}`, 'info');
    const plan = await planSplits(store, settings, options.groups);
    const base = await loadBase(settings.base);
    const head = headGraph({ ...settings, classes: store.classes.length });
    const partial = await openPartial(options.output, {
      fingerprint: fingerprint({
        version: RUN_VERSION,
        ...settings,
        splits: plan.fingerprint,
        store: store.fingerprint,
        base: base.fingerprint,
      }),
      force: options.force ?? false,
    });
    try {
      const run = { options, settings, threads, memory, store, plan, base, head, partial };
      const report = await runTraining(run);
      await partial.commitDirectory();
      await removeFurtherCheckpoints(options.output, plan);
      const { comparison, crossValidation, calibration } = report;
      return {
        output: options.output,
        model: join(options.output, 'model'),
        report: join(options.output, 'report.html'),
        history: report.history,
        bestEpoch: report.bestEpoch,
        stopReason: report.stopReason,
        validationAccuracy: report.accuracy,
        validationLogLoss: report.logLoss,
        split: report.split,
        ...(comparison === undefined ? {} : { comparison }),
        ...(crossValidation === undefined ? {} : { crossValidation }),
        ...(calibration === undefined ? {} : { calibration: summary(calibration) }),
        seconds: (performance.now() - startedAt) / 1000,
        peakMemoryBytes: memory.bytes,
        resumed: partial.resumed,
      };
    } finally {
      await partial.release();
    }
  } finally {
    store.close();
  }
}

async function runTraining(begun: Run): Promise<ReportData> {
  const { options, settings, store, plan, base, partial, threads, memory } = begun;
  const task = taskOf(options, memory);
  // First of all, so that a missing backend is known before an hour of features.
  const tensorflow = await loadTensorflow();
  const firstLayer = chooseFirstLayer(options.firstLayer ?? 'auto', tensorflow);
  announce(begun, tensorflow, firstLayer, task);
  await using board = await openBoard(begun, task);

  const features = await ensureFeatures({
    ...task,
    store,
    base,
    pixels: settings.pixels,
    precision:
      settings.features === 'int8'
        ? { kind: 'int8', calibration: calibrationTiles(plan) }
        : { kind: 'fp32' },
    device: options.device,
    threads: options.threads,
  });
  const means = { tensorflow, firstLayer, features };
  const run = await withLeakSample(begun, means, task);
  const split = run.plan.main;
  const checkpoint = partial.path('checkpoint');
  const trained = await trainHead(run, means, { split, checkpoint, board }, task);
  const { fitted, evaluation, weights } = trained;
  const truth = Array.from(split.validation, (tile) => store.labels[tile] ?? 0);
  const judgement = judge(truth, evaluation.probabilities, store.classes);
  const further = await trainFurtherHeads({
    ...{ store, plan, task },
    main: { fitted, judgement },
    directory: partial.directory,
    train: (other, folder) => trainHead(run, means, { split: other, checkpoint: folder }, task),
  });
  const calibration = await fitCalibration(run, means, trained, task);
  const domain = settings.domain ? await fitRunDomain(run, means, task) : undefined;
  const judged = { truth, judgement, calibration, domain };
  const data = { ...(await describeRun(run, means, trained, judged)), ...further };

  const exportBegin = performance.now();
  const { agreement } = await writeBundle({
    ...task,
    directory: partial.path('model'),
    base,
    headWeights: weights,
    classes: store.classes,
    spec: store.spec,
    pixels: settings.pixels,
    head: settings.head,
    dropout: settings.dropout,
    training: {
      ...settings,
      store: store.fingerprint,
      splitDescription: splitSentence(split.facts),
      bestEpoch: fitted.bestEpoch,
      stopReason: fitted.stopReason,
    },
    metrics: {
      validationAccuracy: judgement.accuracy,
      validationLogLoss: judgement.logLoss,
      ...furtherMetrics(further),
      ...intervalMetrics(data),
    },
    calibration,
    domain: domain?.model,
    study: describeStudy(data),
    tensorflow,
    checkTiles: await readFirstTiles(store, split.validation, CHECK_TILES),
    quantization: {
      calibrationTiles: await readFirstTiles(store, calibrationTiles(plan), CALIBRATION_TILES),
      // Of the same tiles, as chooseFeatures' calibration is.
      statistics: await readCalibration(features),
    },
  });
  const trainSeconds = fitted.history.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const report: ReportData = {
    ...data,
    exportMaxDifference: agreement.maxDifference,
    // Also of steps that an earlier process did: what the whole took, not what this call did.
    times: [
      { step: 'features at mixed7', seconds: features.seconds, tiles: store.count },
      {
        step: 'training the head',
        seconds: trainSeconds,
        tiles: fitted.history.length * split.train.length,
      },
      { step: 'export', seconds: (performance.now() - exportBegin) / 1000 },
    ],
  };
  await samples({
    store: options.store,
    output: partial.path('samples.png'),
    perClass: SAMPLES_PER_CLASS,
    force: true,
  });
  await writeFileAtomic(partial.path('history.csv'), historyCsv(fitted.history));
  await writeFileAtomic(
    partial.path('predictions.csv'),
    predictionsCsv(store, split.validation, judgement.predicted, evaluation.probabilities),
  );
  await writeFileAtomic(partial.path('split.csv'), splitCsv(split, store.paths));
  await writeReport(partial.path('report.html'), report);
  await writeFileAtomic(
    partial.path('metrics.json'),
    metricsJson(report, { peakMemoryBytes: memory.bytes, resumed: partial.resumed, threads }),
  );
  return report;
}

function announce(
  { store, plan, threads, head, settings }: Run,
  tensorflow: Tensorflow,
  firstLayer: FirstLayerChoice,
  task: TaskOptions,
): void {
  const say = (text: string, level: 'info' | 'warning' = 'info'): void => {
    task.onMessage?.(text, level);
  };
  say(`Training on ${tensorflow.description}, ${String(threads)} threads`);
  for (const { choice, reason } of tensorflow.skipped) say(`Not on ${choice}: ${reason}`);
  say(`The head: ${describeHead(head)}`);
  say(`The head's first layer: ${firstLayer.description}`);
  if (firstLayer.missing !== undefined) {
    say(
      `Not in the native kernel, which is several times faster: ${firstLayer.missing}`,
      'warning',
    );
  }
  const { train, validation, facts } = plan.main;
  say(
    `${String(train.length)} tiles to train on, ${String(validation.length)} for validation, ${String(store.classes.length)} classes`,
  );
  announceSplit(facts, task, settings.leakSample);
}

/** The run, its split known to leak or not: from a sample where no groups say it. */
async function withLeakSample(
  run: Run,
  { features }: TrainingMeans,
  task: TaskOptions,
): Promise<Run> {
  const { plan, settings, store, threads } = run;
  const { main } = plan;
  if (!settings.leakSample || main.facts.leakage !== undefined) return run;
  const sampledLeakage = await sampleLeakage({ ...task, store, split: main, features, threads });
  announceSample(sampledLeakage, task);
  return { ...run, plan: { ...plan, main: { ...main, facts: { ...main.facts, sampledLeakage } } } };
}

/** The curves for TensorBoard, where they are asked for. */
async function openBoard(
  { options, partial }: Run,
  task: TaskOptions,
): Promise<TensorBoard | undefined> {
  const { tensorboard = false, tensorboardBatches = 0, force = false } = options;
  if (tensorboard === false) return undefined;
  const board = await TensorBoard.open({
    directory: tensorboard === true ? partial.path('tensorboard') : tensorboard,
    run: partial.fingerprint,
    resumed: partial.resumed,
    force,
    everyBatches: tensorboardBatches,
  });
  task.onMessage?.(`Curves: tensorboard --logdir ${board.directory}`, 'info');
  return board;
}

/** Tiles that neither split holds out. A split is in random order: its first tiles are a sample of it. */
function calibrationTiles({ main, other }: SplitPlan): Int32Array {
  const heldOut = new Set(other?.validation);
  return main.train.filter((tile) => !heldOut.has(tile)).subarray(0, CALIBRATION_TILES);
}

async function readFirstTiles(
  store: TileStore,
  part: Int32Array,
  count: number,
): Promise<Uint8Array> {
  const rows = part.subarray(0, count);
  const tiles = new Uint8Array(rows.length * store.tileBytes);
  await store.readTiles(rows, tiles);
  return tiles;
}

/** The caller's callbacks, with memory looked at on the way. */
function taskOf({ onProgress, onMessage, signal }: TrainOptions, memory: PeakMemory): TaskOptions {
  return {
    onProgress: (progress) => {
      memory.sample();
      onProgress?.(progress);
    },
    ...(onMessage === undefined ? {} : { onMessage }),
    ...(signal === undefined ? {} : { signal }),
  };
}
