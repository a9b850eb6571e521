/**
 * Heads that are trained to judge, not to be kept: with the other split, and fold by fold. They train
 * on the features that are there already; each has a checkpoint of its own, so that a killed run goes
 * on with the one it was at.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonRecord } from '../bundle/metadata.js';
import { splitCsv } from '../dataset/split-file.js';
import { writeError } from '../errors.js';
import { accuracy, argmaxRows, logLoss } from '../evaluation/confusion.js';
import type { TileStore } from '../imaging/tile-store.js';
import type { ReportComparedSplit, ReportCrossValidation, ReportData } from '../report/data.js';
import type { TaskOptions } from '../runtime/progress.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { historyCsv } from './history.js';
import type { Evaluation, FitResult } from './fit.js';
import { judge, predictionsCsv, type Judgement } from './run-results.js';
import type { PlannedSplit, SplitPlan } from './splits.js';

const COMPARISON_FOLDER = 'comparison';
const FOLDS_FOLDER = 'folds';
export const CALIBRATION_FOLDER = 'calibration';

export interface JudgedHead {
  readonly fitted: FitResult;
  readonly judgement: Judgement;
}

export interface FurtherHeads {
  readonly store: TileStore;
  readonly plan: SplitPlan;
  /** The head that is kept. */
  readonly main: JudgedHead;
  /** The run folder. */
  readonly directory: string;
  readonly task: TaskOptions;
  /** Trains a head with a split, its checkpoint in a folder, and evaluates it. */
  readonly train: (
    split: PlannedSplit,
    checkpoint: string,
  ) => Promise<{ fitted: FitResult; evaluation: Evaluation }>;
}

/** Trains what the plan has beside its main split, and writes the files of each. */
export async function trainFurtherHeads(
  run: FurtherHeads,
): Promise<Pick<ReportData, 'comparison' | 'crossValidation'>> {
  const { plan, main } = run;
  const { other, folds } = plan;
  const comparison = other && [compared(plan.main, main), await compareWith(run, other)];
  if (plan.main.facts.kind === 'grouped') comparison?.reverse();
  const crossValidation = folds && (await crossValidate(run, folds));
  return {
    ...(comparison === undefined ? {} : { comparison }),
    ...(crossValidation === undefined ? {} : { crossValidation }),
  };
}

/** Removes the checkpoints of a run that is whole: the weights that they hold are no model of it. */
export async function removeFurtherCheckpoints(
  output: string,
  { other, folds = [], calibration }: SplitPlan,
): Promise<void> {
  const folders = [
    ...(other === undefined ? [] : [COMPARISON_FOLDER]),
    ...folds.map((_, fold) => foldFolder(fold)),
    ...(calibration === undefined ? [] : [CALIBRATION_FOLDER]),
  ];
  for (const folder of folders) {
    try {
      await rm(checkpointOf(join(output, folder)), { recursive: true, force: true });
    } catch (error) {
      throw writeError(error, output);
    }
  }
}

const foldFolder = (fold: number): string => join(FOLDS_FOLDER, String(fold + 1));
export const checkpointOf = (folder: string): string => join(folder, 'checkpoint');

async function compareWith(run: FurtherHeads, split: PlannedSplit): Promise<ReportComparedSplit> {
  const { store, task } = run;
  task.onMessage?.(`For comparison, with the ${split.facts.kind} split:`, 'info');
  const folder = join(run.directory, COMPARISON_FOLDER);
  const { fitted, evaluation } = await run.train(split, checkpointOf(folder));
  const judgement = judgeSplit(store, split, evaluation);
  await writeFileAtomic(join(folder, 'history.csv'), historyCsv(fitted.history));
  await writeFileAtomic(join(folder, 'split.csv'), splitCsv(split, store.paths));
  await writeFileAtomic(
    join(folder, 'predictions.csv'),
    predictionsCsv(store, split.validation, judgement.predicted, evaluation.probabilities),
  );
  return compared(split, { fitted, judgement });
}

async function crossValidate(
  run: FurtherHeads,
  folds: readonly PlannedSplit[],
): Promise<ReportCrossValidation> {
  const { store, task } = run;
  const { classes, count } = store;
  const results: ReportComparedSplit[] = [];
  const foldOf = new Int32Array(count);
  const pooled = new Float32Array(count * classes.length);
  for (const [i, split] of folds.entries()) {
    const named = `Fold ${String(i + 1)} of ${String(folds.length)}`;
    task.onMessage?.(`${named}:`, 'info');
    const folder = join(run.directory, foldFolder(i));
    const { fitted, evaluation } = await run.train(split, checkpointOf(folder));
    const result = compared(split, { fitted, judgement: judgeSplit(store, split, evaluation) });
    task.onMessage?.(`${named}: accuracy ${result.accuracy.toFixed(4)}`, 'info');
    await writeFileAtomic(join(folder, 'history.csv'), historyCsv(fitted.history));
    results.push(result);
    for (const [row, tile] of split.validation.entries()) {
      foldOf[tile] = i + 1;
      pooled.set(
        evaluation.probabilities.subarray(row * classes.length, (row + 1) * classes.length),
        tile * classes.length,
      );
    }
  }
  const predicted = argmaxRows(pooled, classes.length);
  const tiles = Int32Array.from(foldOf.keys());
  await writeFileAtomic(
    join(run.directory, FOLDS_FOLDER, 'predictions.csv'),
    predictionsCsv(store, tiles, predicted, pooled, {
      names: ['fold'],
      of: (i) => [String(foldOf[tiles[i] ?? -1] ?? 0)],
    }),
  );
  const mean = meanOf(results.map((fold) => fold.accuracy));
  const { kind, seed } = run.plan.main.facts;
  return {
    kind: kind === 'grouped' ? kind : 'random',
    seed,
    folds: results,
    meanAccuracy: mean,
    standardDeviation: Math.sqrt(meanOf(results.map((fold) => (fold.accuracy - mean) ** 2))),
    pooledAccuracy: accuracy(store.labels, predicted),
    pooledLogLoss: logLoss(store.labels, pooled, classes.length),
  };
}

function judgeSplit(store: TileStore, split: PlannedSplit, evaluation: Evaluation): Judgement {
  const truth = Array.from(split.validation, (tile) => store.labels[tile] ?? 0);
  return judge(truth, evaluation.probabilities, store.classes);
}

function compared({ facts }: PlannedSplit, { fitted, judgement }: JudgedHead): ReportComparedSplit {
  return {
    split: facts,
    accuracy: judgement.accuracy,
    logLoss: judgement.logLoss,
    macroF1: judgement.classificationReport.macro['f1-score'],
    bestEpoch: fitted.bestEpoch,
    stopReason: fitted.stopReason,
  };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

/** The same in few numbers, for the model's metadata. */
export function furtherMetrics({
  comparison,
  crossValidation,
}: Pick<ReportData, 'comparison' | 'crossValidation'>): JsonRecord {
  return {
    ...Object.fromEntries(
      (comparison ?? []).map(({ split, accuracy }) => [`${split.kind}SplitAccuracy`, accuracy]),
    ),
    ...(crossValidation === undefined
      ? {}
      : {
          crossValidation: {
            kind: crossValidation.kind,
            folds: crossValidation.folds.length,
            meanAccuracy: crossValidation.meanAccuracy,
            standardDeviation: crossValidation.standardDeviation,
          },
        }),
  };
}
