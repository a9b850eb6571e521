/** Judges a model on any labelled tile store: `lungcls-fast evaluate`. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { calibrate } from '../bundle/calibration.js';
import { openBundle, type Bundle } from '../bundle/read.js';
import { findGroups, type Groups } from '../dataset/groups.js';
import type { Estimate } from '../evaluation/bootstrap.js';
import { argmaxRows } from '../evaluation/confusion.js';
import { scoreDomain } from '../evaluation/domain-scores.js';
import { scoreTiles } from '../evaluation/scores.js';
import { TileStore } from '../imaging/tile-store.js';
import {
  checkPreprocessing,
  type Device,
  type Engine,
  type Precision,
} from '../inference/classifier.js';
import { recordPath } from '../inference/job-record.js';
import { predict, type PredictResult } from '../inference/predict.js';
import { DOMAIN_COLUMNS, domainFields } from '../inference/result-columns.js';
import { temperatureOf } from '../inference/temperature.js';
import type { EvaluationData } from '../report/data.js';
import { writeEvaluation } from '../report/report.js';
import type { TaskOptions } from '../runtime/progress.js';
import { resolveThreads } from '../runtime/threads.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { fingerprint } from '../storage/hash.js';
import { openPartial, type PartialOutput } from '../storage/partial.js';
import { judgeCalibration } from '../training/calibration.js';
import { examplePictures, type HeatOf } from '../training/examples.js';
import { judge, metricsJson, predictionsCsv } from '../training/run-results.js';
import { classIndices, readClassified, type Classified } from './classified.js';
import { describeEvaluation } from './describe-evaluation.js';
import { HeatModel } from './heat-model.js';

export interface EvaluateOptions extends TaskOptions {
  /** A model bundle: the folder that `train` wrote, or the .onnx in it (then without heat maps). */
  model: string;
  /** A labelled tile store, of the model's preprocessing; its classes are matched by name. */
  store: string;
  /** The folder to make. */
  output: string;
  /** A CSV that says which tiles come from one original or patient, as for `train`. */
  groups?: string;
  /** Probabilities after temperature scaling: as for `predict`. */
  calibrated?: boolean;
  engine?: Engine;
  device?: Device;
  precision?: Precision;
  /** Tiles a run, 1 to 4096; 32 by default. */
  batchSize?: number;
  threads?: number;
  /** Replace an output that is there. */
  force?: boolean;
}

export interface EvaluateResult {
  readonly output: string;
  readonly report: string;
  readonly tiles: number;
  readonly accuracy: Estimate;
  readonly balancedAccuracy: Estimate;
  readonly macroF1: Estimate;
  readonly macroRocAuc: Estimate;
  readonly logLoss: Estimate;
  readonly brier: Estimate;
  readonly calibrationError: Estimate;
  /** What the intervals were drawn over, and how many of them there are. */
  readonly resampled: 'groups' | 'tiles';
  readonly units: number;
  /** By which logits were divided; null: the probabilities are the network's own. */
  readonly temperature: number | null;
  /** Tiles unlike those of training, by what is unlike (`blank`, `colour`, `content`); null: the model cannot tell. */
  readonly outOfDomain: Readonly<Record<string, number>> | null;
  /** Whether the model says that it was trained on this very store; undefined where it does not say. */
  readonly sameStore: boolean | undefined;
  readonly seconds: number;
  readonly resumed: boolean;
}

/** Raised when the same settings would give another result. */
const EVALUATION_VERSION = 2;
const CLASSIFIED_FILE = 'classified.csv';

/**
 * Classifies every tile of a store, compares with its labels, and writes report.html, metrics.json and
 * predictions.csv. Intervals are drawn over groups where they are known. Stopped or killed, the same call
 * goes on where it was.
 * @throws LungclsError INVALID_OPTION | UNKNOWN_CLASS (the store has a class that the model has not) |
 *   PREPROCESSING_MISMATCH | STORE_INVALID | SPLIT_INVALID | MODEL_INVALID | INPUT_NOT_FOUND |
 *   INPUT_UNREADABLE | OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | BUSY | DEVICE_UNAVAILABLE |
 *   BACKEND_UNAVAILABLE | ABORTED
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluateResult> {
  const { precision } = options;
  const bundle = await openBundle(options.model, { precision });
  const store = await TileStore.open(options.store);
  try {
    const { metadata } = bundle;
    checkPreprocessing(metadata, {
      spec: store.spec,
      fingerprint: store.preprocessingFingerprint,
      name: store.directory,
    });
    const truth = classIndices(store, metadata.classes);
    const groups = await findGroups(store, options.groups);
    const temperature = temperatureOf(metadata, options.calibrated);
    const { engine = 'onnx', device = 'auto', batchSize = null, force = false } = options;
    const partial = await openPartial(options.output, {
      fingerprint: fingerprint({
        version: EVALUATION_VERSION,
        model: JSON.stringify(metadata.files),
        store: store.fingerprint,
        groups: groups === undefined ? null : [...groups.ids],
        ...{ engine, device, batchSize, precision: precision ?? null },
        temperature: temperature ?? null,
      }),
      force,
    });
    try {
      return await run({ options, bundle, store, truth, groups, temperature, partial });
    } finally {
      await partial.release();
    }
  } finally {
    store.close();
  }
}

interface Evaluation {
  readonly options: EvaluateOptions;
  readonly bundle: Bundle;
  readonly store: TileStore;
  /** The model's class of each tile. */
  readonly truth: Int32Array;
  readonly groups: Groups | undefined;
  readonly temperature: number | undefined;
  readonly partial: PartialOutput;
}

async function run(evaluation: Evaluation): Promise<EvaluateResult> {
  const { options, store, groups, temperature, partial, bundle } = evaluation;
  const startedAt = performance.now();
  const { classes } = bundle.metadata;
  if (groups === undefined) {
    options.onMessage?.(
      'Which tiles come from one original or patient is not known: the intervals are over tiles, and too narrow where several do. `lungcls-fast audit` finds copies; --groups names them',
      'warning',
    );
  }
  const classified = await classify(evaluation);
  const read = await readClassified(partial.path(CLASSIFIED_FILE), store.count, classes);
  const { probabilities: own, domain } = read;
  const probabilities =
    temperature === undefined ? own : calibrate(own, classes.length, temperature);
  const data = await assess(evaluation, classified, read, probabilities);
  if (data.model.sameStore === true) {
    options.onMessage?.(
      'This is the store that the model was trained on: it has seen most of these tiles, and the scores flatter',
      'warning',
    );
  }
  await writeFiles(evaluation, data, { probabilities, domain });
  const { scores } = data;
  return {
    output: options.output,
    report: join(options.output, 'report.html'),
    tiles: store.count,
    accuracy: scores.accuracy,
    balancedAccuracy: scores.balancedAccuracy,
    macroF1: scores.macroF1,
    macroRocAuc: scores.macroRocAuc,
    logLoss: scores.logLoss,
    brier: scores.brier,
    calibrationError: scores.calibrationError,
    resampled: scores.resampled,
    units: scores.units,
    temperature: temperature ?? null,
    outOfDomain: data.domain?.outside ?? null,
    sameStore: data.model.sameStore,
    seconds: (performance.now() - startedAt) / 1000,
    resumed: partial.resumed,
  };
}

/** All tiles through `predict`: that is what can be stopped and goes on. */
async function classify({ options, partial }: Evaluation): Promise<PredictResult> {
  const { model, store, engine, device, precision, batchSize, threads } = options;
  const { onMessage, onProgress, signal } = options;
  return await predict({
    ...{ model, inputs: [store], output: partial.path(CLASSIFIED_FILE), calibrated: false },
    ...(engine && { engine }),
    ...(device && { device }),
    ...(precision && { precision }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(threads === undefined ? {} : { threads }),
    ...(onMessage && { onMessage }),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
}

/** What the report says. */
async function assess(
  evaluation: Evaluation,
  classified: PredictResult,
  { probabilities: own, domain }: Classified,
  probabilities: Float32Array,
): Promise<EvaluationData & { readonly scores: NonNullable<EvaluationData['scores']> }> {
  const { options, bundle, store, groups, temperature } = evaluation;
  const { classes, calibration } = bundle.metadata;
  const { signal } = options;
  const truth = [...evaluation.truth];
  const groupOf = groups && [...groups.ids];
  const scoresAt = performance.now();
  const scores = await scoreTiles({ truth, probabilities, classes, groups: groupOf, signal });
  const scaled =
    calibration &&
    (await judgeCalibration(calibration, {
      ...{ truth, probabilities: own, classes: classes.length, groups: groupOf, signal },
    }));
  const heatAt = performance.now();
  const { examples, runsOn } = await pictures(evaluation, truth, probabilities);
  const common = await describeEvaluation({ options, bundle, store, groups, temperature });
  const judgement = judge(truth, probabilities, classes);
  return {
    ...common,
    accuracy: judgement.accuracy,
    logLoss: judgement.logLoss,
    confusionMatrix: judgement.confusionMatrix,
    classificationReport: judgement.classificationReport,
    scores,
    ...(scaled && { calibration: scaled }),
    ...(bundle.domain &&
      domain && {
        domain: scoreDomain(bundle.domain, domain, truth, judgement.predicted, classes.length),
      }),
    examples,
    runsOn: {
      ...common.runsOn,
      onnxRuntime: classified.seconds > 0 ? classified.runsOn : (runsOn ?? classified.runsOn),
    },
    times: [
      ...(classified.seconds > 0
        ? [
            {
              step: 'classifying',
              seconds: classified.seconds,
              tiles: classified.rows - classified.resumedRows,
            },
          ]
        : []),
      { step: 'scores and their intervals', seconds: (heatAt - scoresAt) / 1000 },
      {
        step: 'heat maps',
        seconds: (performance.now() - heatAt) / 1000,
        tiles: examples.length,
      },
    ],
  };
}

async function pictures(
  { options, bundle, store }: Evaluation,
  truth: readonly number[],
  probabilities: Float32Array,
): Promise<{ examples: NonNullable<EvaluationData['examples']>; runsOn?: string }> {
  const { signal } = options;
  const classes = bundle.metadata.classes.length;
  const common = { store, truth, probabilities, classes, signal };
  if (bundle.tfjsPath === undefined) {
    options.onMessage?.('No heat maps: a lone .onnx has no weights to look into', 'info');
    return { examples: await examplePictures({ ...common, heatOf: undefined }) };
  }
  const threads = resolveThreads(options.threads);
  const heat = await HeatModel.open(bundle, { device: options.device, threads, signal });
  try {
    const heatOf: HeatOf = async ({ pixels }, classIndex) =>
      heat.heat(await heat.features(pixels), classIndex);
    return { examples: await examplePictures({ ...common, heatOf }), runsOn: heat.description };
  } finally {
    await heat.close();
  }
}

async function writeFiles(
  { bundle, store, truth, partial }: Evaluation,
  data: EvaluationData,
  { probabilities, domain }: Classified,
): Promise<void> {
  const { classes } = bundle.metadata;
  const rows = Int32Array.from(store.paths.keys());
  const predicted = argmaxRows(probabilities, classes.length);
  await writeFileAtomic(
    partial.path('predictions.csv'),
    predictionsCsv({ classes, paths: store.paths, labels: truth }, rows, predicted, probabilities, {
      names: DOMAIN_COLUMNS,
      of: (i) => domainFields(domain?.[i]),
    }),
  );
  await writeEvaluation(partial.path('report.html'), data);
  await writeFileAtomic(partial.path('metrics.json'), metricsJson(data, { kind: 'evaluation' }));
  for (const file of [CLASSIFIED_FILE, recordPath(CLASSIFIED_FILE)]) {
    await rm(partial.path(file), { force: true });
  }
  await partial.commitDirectory();
}
