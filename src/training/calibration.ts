/**
 * The temperature of a run. The kept head was trained on all training tiles and is too sure on them: they
 * cannot show how sure it may be. So a second head is trained in the same way on most of them, gives
 * probabilities of those held back, and its temperature is taken for the kept head, whose weights stay
 * what they are: scikit-learn's CalibratedClassifierCV does the same with `ensemble=False`.
 */
import { join } from 'node:path';
import { calibrate, type Calibration } from '../bundle/calibration.js';
import { compareCalibration } from '../evaluation/calibration-scores.js';
import { argmaxRows } from '../evaluation/confusion.js';
import { fitTemperature } from '../evaluation/temperature.js';
import type { ReportCalibration } from '../report/data.js';
import type { TaskOptions } from '../runtime/progress.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { CALIBRATION_FOLDER, checkpointOf } from './further-heads.js';
import type { Run, TrainingMeans } from './run.js';
import { predictionsCsv } from './run-results.js';
import { trainHead, type TrainedHead } from './train-head.js';

/**
 * Trains the head for it, for as many epochs as the kept one, and fits the temperature; writes
 * calibration/predictions.csv, what it was fitted on. Without one, says why.
 * @throws LungclsError, those of trainHead
 */
export async function fitCalibration(
  run: Run,
  means: TrainingMeans,
  { fitted }: Pick<TrainedHead, 'fitted'>,
  task: TaskOptions,
): Promise<Calibration | undefined> {
  const { plan, store, settings, partial } = run;
  const { calibration: split } = plan;
  const say = (text: string, level: 'info' | 'warning' = 'info'): void => {
    task.onMessage?.(text, level);
  };
  if (settings.calibrationShare === 0) return undefined;
  if (split === undefined) {
    say(`No temperature: ${plan.calibrationProblem ?? 'no tiles are held back'}`);
    return undefined;
  }
  const { train, validation: heldBack } = split;
  say(
    `For the temperature: a head on ${String(train.length)} of the training tiles, judged on the other ${String(heldBack.length)}`,
  );
  const folder = partial.path(CALIBRATION_FOLDER);
  // The held-back tiles choose nothing: no epoch, no end.
  const epochs = { epochs: fitted.bestEpoch, earlyStopping: false, targetAccuracy: false } as const;
  const { evaluation } = await trainHead(
    { ...run, settings: { ...settings, ...epochs } },
    means,
    { split, checkpoint: checkpointOf(folder) },
    task,
  );
  const { probabilities } = evaluation;
  const width = store.classes.length;
  await writeFileAtomic(
    join(folder, 'predictions.csv'),
    predictionsCsv(store, heldBack, argmaxRows(probabilities, width), probabilities),
  );
  const truth = Array.from(heldBack, (tile) => store.labels[tile] ?? 0);
  const found = fitTemperature(truth, probabilities, width);
  if (typeof found === 'string') {
    say(`No temperature: ${found}`, 'warning');
    return undefined;
  }
  say(`Temperature ${found.temperature.toFixed(3)}`);
  return {
    method: 'temperature',
    ...found,
    tiles: heldBack.length,
    heldBack: plan.groups === undefined ? 'tiles' : 'groups',
  };
}

/** What it does to the probabilities of judged tiles. @throws LungclsError ABORTED */
export async function judgeCalibration(
  calibration: Calibration,
  tiles: {
    readonly truth: readonly number[];
    readonly probabilities: Float32Array;
    readonly classes: number;
    readonly groups: readonly number[] | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<ReportCalibration> {
  const { truth, probabilities: before, classes, groups, signal } = tiles;
  const after = calibrate(before, classes, calibration.temperature);
  const scores = await compareCalibration({ truth, before, after, classes, groups, signal });
  return { ...calibration, ...scores };
}

/** The figures without the points of the curves. */
export type CalibrationSummary = Omit<ReportCalibration, 'reliability' | 'selective'>;

export function summary(calibration: ReportCalibration): CalibrationSummary {
  const { method, temperature, tiles, heldBack, logLossBefore, logLossAfter } = calibration;
  const { logLoss, brier, calibrationError } = calibration;
  return {
    ...{ method, temperature, tiles, heldBack, logLossBefore, logLossAfter },
    ...{ logLoss, brier, calibrationError },
  };
}
