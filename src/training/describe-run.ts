/** A trained run as its report tells it. */
import { TOOL_VERSION } from '../config.js';
import { scoreDomain } from '../evaluation/domain-scores.js';
import { scoreTiles } from '../evaluation/scores.js';
import { describeHead } from '../network/head.js';
import type { ReportData } from '../report/data.js';
import type { Calibration } from '../bundle/calibration.js';
import { judgeCalibration } from './calibration.js';
import { classWeightsText } from './class-weights.js';
import type { FittedDomain } from './domain.js';
import { examplePictures, storedHeat } from './examples.js';
import type { Run, TrainingMeans } from './run.js';
import { describeMachine, describeStore, samplePictures, type Judgement } from './run-results.js';
import type { TrainedHead } from './train-head.js';

/** Tiles of each class that the page shows. */
export const SAMPLES_PER_CLASS = 3;

/** The validation part, judged. */
export interface JudgedValidation {
  /** Class index of each tile. */
  readonly truth: readonly number[];
  readonly judgement: Judgement;
  readonly calibration: Calibration | undefined;
  readonly domain: FittedDomain | undefined;
}

/**
 * Everything the report says that is known before the export.
 * @throws LungclsError ABORTED
 */
export async function describeRun(
  run: Run,
  { tensorflow, features }: TrainingMeans,
  { fitted, evaluation, weights }: TrainedHead,
  { truth, judgement, calibration, domain }: JudgedValidation,
): Promise<Omit<ReportData, 'times'>> {
  const { options, settings, threads, store, plan, base, head } = run;
  const { probabilities } = evaluation;
  const { signal } = options;
  const { validation } = plan.main;
  const groupOf = plan.groups?.ids;
  const groups = groupOf && Array.from(validation, (tile) => groupOf[tile] ?? -1);
  const tiles = { truth, probabilities, groups, signal };

  const heat = storedHeat(features, head, weights);
  const examples = await examplePictures({
    ...{ store, rows: validation, truth, probabilities, classes: store.classes.length },
    ...{ heatOf: heat.heatOf, signal },
  }).finally(() => {
    heat.close();
  });
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
    head: describeHead(head),
    settings: { ...settings, classWeights: classWeightsText(settings.classWeights) },
    ...fitted,
    split: plan.main.facts,
    accuracy: judgement.accuracy,
    logLoss: judgement.logLoss,
    confusionMatrix: judgement.confusionMatrix,
    classificationReport: judgement.classificationReport,
    scores: await scoreTiles({ ...tiles, classes: store.classes }),
    ...(calibration && {
      calibration: await judgeCalibration(calibration, {
        ...tiles,
        classes: store.classes.length,
      }),
    }),
    ...(domain && {
      domain: scoreDomain(
        domain.model,
        domain.validation,
        truth,
        judgement.predicted,
        store.classes.length,
      ),
    }),
    examples,
    runsOn: describeMachine(tensorflow.description, features.runsOn, threads),
    hashes: [
      { name: 'store', value: store.fingerprint },
      { name: 'preprocessing', value: store.preprocessingFingerprint },
      { name: 'base', value: baseFingerprint },
    ],
  };
}
