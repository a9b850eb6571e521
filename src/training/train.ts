/** The whole of training, from a tile store to a run folder with the model in it. */
import { join } from 'node:path';
import { TOOL_VERSION } from '../config.js';
import { writeBundle } from '../bundle/write.js';
import { samples } from '../dataset/samples.js';
import { splitCsv } from '../dataset/split-file.js';
import { TileStore } from '../imaging/tile-store.js';
import { MappedRows } from '../native/addon.js';
import { loadBase, type Base } from '../network/bases.js';
import type { ReportData, ReportSplit } from '../report/data.js';
import { writeReport } from '../report/report.js';
import type { TaskOptions } from '../runtime/progress.js';
import { loadTensorflow, type Tensorflow } from '../runtime/tensorflow.js';
import { resolveThreads } from '../runtime/threads.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { fingerprint } from '../storage/hash.js';
import { openPartial, type PartialOutput } from '../storage/partial.js';
import { Checkpoint } from './checkpoint.js';
import type { BatchSource } from './feature-batches.js';
import { ensureFeatures, type StoredFeatures } from './features.js';
import { evaluateHead, fit, type Evaluation, type FitResult } from './fit.js';
import { furtherMetrics, removeFurtherCheckpoints, trainFurtherHeads } from './further-heads.js';
import { chooseFirstLayer, createFirstDense, type FirstLayerChoice } from './head/choose-dense.js';
import { HeadTrainer } from './head/head.js';
import { initialHeadWeights } from './head/initial.js';
import type { HeadShape, HeadWeights } from './head/shape.js';
import { historyCsv, type EpochRecord } from './history.js';
import {
  DEFAULT_CHECKPOINT_MINUTES,
  resolveSettings,
  type TrainOptions,
  type TrainSettings,
} from './options.js';
import { PeakMemory } from './peak-memory.js';
import {
  describeMachine,
  describeStore,
  judge,
  metricsJson,
  predictionsCsv,
  samplePictures,
  type Judgement,
} from './run-results.js';
import {
  announceSplit,
  planSplits,
  splitSentence,
  type PlannedSplit,
  type SplitPlan,
} from './splits.js';

/** Raised when the same settings would give another result. */
const RUN_VERSION = 1;
const UNITS = [256, 128] as const;
/** Held-out tiles on which the exported model must agree with the trained one. */
const CHECK_TILES = 16;
/** Training tiles on which the 8-bit model is calibrated. */
const CALIBRATION_TILES = 64;
/** Held-out tiles on which its classes are compared with the float32 model's: a few seconds. */
const AGREEMENT_TILES = 128;
const SAMPLES_PER_CLASS = 3;

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
  /** Of this process. */
  readonly seconds: number;
  /** Most bytes this process held, mapped files not counted. */
  readonly peakMemoryBytes: number;
  /** True where an earlier process had begun. */
  readonly resumed: boolean;
}

/**
 * Trains the recipe's head on the features of a tile store and writes the run folder: history.csv,
 * metrics.json, predictions.csv (the validation part), split.csv, report.html, checkpoint/ and model/;
 * with `compareSplits` also comparison/, with `folds` also folds/. Features are kept beside the tiles
 * for later runs. Stopped or killed, the same call continues, and ends with the same weights as an
 * uninterrupted one on the same TensorFlow.
 *
 * @throws LungclsError INVALID_OPTION | STORE_INVALID | INPUT_NOT_FOUND | INPUT_UNREADABLE |
 *   TOO_FEW_CLASSES | TOO_FEW_TILES | GROUPS_UNKNOWN | SPLIT_INVALID | SPLIT_IMPOSSIBLE | BASE_MISSING |
 *   BACKEND_UNAVAILABLE | DEVICE_UNAVAILABLE | TRAINING_DIVERGED | EXPORT_MISMATCH | OUTPUT_EXISTS |
 *   OUTPUT_UNWRITABLE | DISK_FULL | BUSY | ABORTED
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const settings = resolveSettings(options);
  const threads = resolveThreads(options.threads);
  const startedAt = performance.now();
  using memory = new PeakMemory();
  const store = await TileStore.open(options.store);
  try {
    const plan = await planSplits(store, settings, options.groups);
    const base = await loadBase(settings.base);
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
      const run = { options, settings, threads, memory, store, plan, base, partial };
      const report = await runTraining(run);
      await partial.commitDirectory();
      await removeFurtherCheckpoints(options.output, plan);
      const { comparison, crossValidation } = report;
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

/** What every step needs. */
interface Run {
  readonly options: TrainOptions;
  readonly settings: TrainSettings;
  readonly threads: number;
  readonly memory: PeakMemory;
  readonly store: TileStore;
  readonly plan: SplitPlan;
  readonly base: Base;
  readonly partial: PartialOutput;
}

interface TrainedHead {
  readonly fitted: FitResult;
  readonly evaluation: Evaluation;
  readonly weights: HeadWeights;
}

async function runTraining(run: Run): Promise<ReportData> {
  const { options, settings, store, plan, base, partial, threads, memory } = run;
  const split = plan.main;
  const task = taskOf(options, memory);
  // First of all, so that a missing backend is known before an hour of features.
  const tensorflow = await loadTensorflow();
  const firstLayer = chooseFirstLayer(options.firstLayer ?? 'auto', tensorflow);
  announce(run, tensorflow, firstLayer, task);

  const features = await ensureFeatures({
    ...task,
    store,
    base,
    pixels: settings.pixels,
    device: options.device,
    threads: options.threads,
  });
  const found = { tensorflow, firstLayer, features };
  const { fitted, evaluation, weights } = await trainHead(
    run,
    found,
    { split, checkpoint: partial.path('checkpoint') },
    task,
  );
  const truth = Array.from(split.validation, (tile) => store.labels[tile] ?? 0);
  const judgement = judge(truth, evaluation.probabilities, store.classes);
  const further = await trainFurtherHeads({
    ...{ store, plan, task },
    main: { fitted, judgement },
    directory: partial.directory,
    train: (other, checkpoint) => trainHead(run, found, { split: other, checkpoint }, task),
  });
  const data = {
    ...(await assemble(run, { tensorflow, features, fitted, judgement })),
    ...further,
  };

  const exportBegin = performance.now();
  const { agreement } = await writeBundle({
    ...task,
    directory: partial.path('model'),
    base,
    headWeights: weights,
    classes: store.classes,
    spec: store.spec,
    pixels: settings.pixels,
    training: {
      ...settings,
      splitDescription: splitSentence(split.facts),
      bestEpoch: fitted.bestEpoch,
      stopReason: fitted.stopReason,
    },
    metrics: {
      validationAccuracy: judgement.accuracy,
      validationLogLoss: judgement.logLoss,
      ...furtherMetrics(further),
    },
    tensorflow,
    checkTiles: await readFirstTiles(store, split.validation, CHECK_TILES),
    // A split is in random order: its first tiles are a sample of it.
    quantization: {
      calibrationTiles: await readFirstTiles(store, split.train, CALIBRATION_TILES),
      checkTiles: await readFirstTiles(store, split.validation, AGREEMENT_TILES),
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
  { store, plan, threads }: Run,
  tensorflow: Tensorflow,
  firstLayer: FirstLayerChoice,
  task: TaskOptions,
): void {
  const say = (text: string, level: 'info' | 'warning' = 'info'): void => {
    task.onMessage?.(text, level);
  };
  say(`Training on ${tensorflow.description}, ${String(threads)} threads`);
  for (const { choice, reason } of tensorflow.skipped) say(`Not on ${choice}: ${reason}`);
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
  announceSplit(facts, task);
}

/** Trains, keeps the best weights and evaluates them; frees the tensors. */
async function trainHead(
  { options, settings, threads, store }: Run,
  found: { tensorflow: Tensorflow; firstLayer: FirstLayerChoice; features: StoredFeatures },
  { split, checkpoint }: { split: PlannedSplit; checkpoint: string },
  task: TaskOptions,
): Promise<TrainedHead> {
  const { tensorflow, firstLayer, features } = found;
  const shape: HeadShape = {
    features: features.shape.reduce((a, b) => a * b, 1),
    units: UNITS,
    classes: store.classes.length,
    dropout: settings.dropout,
  };
  const initial = initialHeadWeights(shape, settings.seed);
  const head = new HeadTrainer(tensorflow.tf, shape, initial, {
    createFirstDense: (kernel) => createFirstDense(firstLayer, tensorflow, kernel, threads),
  });
  const rows = MappedRows.open(features.path, {
    offset: features.dataOffset,
    rowBytes: (2 * shape.features) / head.blocks,
    rows: features.count * head.blocks,
  });
  const source: BatchSource = { rows, blocks: head.blocks, features: shape.features };
  try {
    const common = { ...task, head, source, labels: store.labels, settings };
    const fitted = await fit({
      ...common,
      train: split.train,
      validation: split.validation,
      checkpoint: new Checkpoint(checkpoint),
      checkpointMinutes: options.checkpointMinutes ?? DEFAULT_CHECKPOINT_MINUTES,
      runsOn: `${tensorflow.description}, first layer: ${firstLayer.description}`,
    });
    const evaluation = await evaluateHead(common, split.validation);
    return { fitted, evaluation, weights: await head.weights() };
  } finally {
    rows.close();
    head.dispose();
  }
}

/** Everything the report says that is known before the export. */
async function assemble(
  { options, settings, threads, store, plan, base }: Run,
  found: {
    tensorflow: Tensorflow;
    features: StoredFeatures;
    fitted: FitResult;
    judgement: Judgement;
  },
): Promise<Omit<ReportData, 'times'>> {
  const { tensorflow, features, fitted, judgement } = found;
  const { id, name, source, licence, fingerprint: baseFingerprint } = base;
  return {
    title: `Training on ${options.store}`,
    createdAt: new Date().toISOString(),
    toolVersion: TOOL_VERSION,
    classes: store.classes,
    store: await describeStore(store, options.store),
    samples: await samplePictures(store, SAMPLES_PER_CLASS),
    base: { id, name, source, licence, fingerprint: baseFingerprint },
    pixels: settings.pixels,
    settings: { ...settings },
    ...fitted,
    split: plan.main.facts,
    accuracy: judgement.accuracy,
    logLoss: judgement.logLoss,
    confusionMatrix: judgement.confusionMatrix,
    classificationReport: judgement.classificationReport,
    runsOn: describeMachine(tensorflow.description, features.runsOn, threads),
    hashes: [
      { name: 'store', value: store.fingerprint },
      { name: 'preprocessing', value: store.preprocessingFingerprint },
      { name: 'base', value: baseFingerprint },
    ],
  };
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
