/** What the measured parts amount to: from the archive to a trained, evaluated model, on both sides. */
import type { KerasRun, OwnRun, Phase } from './phases.js';

export const TARGET = 0.9;
export const EPOCHS = 10;

export type Scenario = 'stop' | 'epochs';

export interface KerasTotal {
  seconds: number;
  epochs: number;
  /** Of them measured; the others count as much as these did, without what building the graphs took. */
  measuredEpochs: number;
  /** Everything but the epochs: import, unzip, read, split, build, judge. */
  setUpAndJudgeSeconds: number;
  /** Without what building the graphs took. */
  secondsPerEpoch: number;
  /** After the last epoch that counts and was measured. */
  accuracy: number;
}

/** Undefined where Keras did not get above the target in the epochs that were measured. */
export function kerasTotal(keras: KerasRun, scenario: Scenario): KerasTotal | undefined {
  const reached = keras.epochs.findIndex(({ valAccuracy }) => valAccuracy > TARGET) + 1;
  if (scenario === 'stop' && reached === 0) return undefined;
  const epochs = scenario === 'stop' ? reached : EPOCHS;
  const counted = keras.epochs.slice(0, epochs);
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const secondsPerEpoch =
    sum(keras.epochs.map(({ seconds, graphSeconds }) => seconds - graphSeconds)) /
    keras.epochs.length;
  const { fit = 0, ...others } = keras.phases;
  const insideFit = fit - sum(keras.epochs.map(({ seconds }) => seconds));
  const setUpAndJudgeSeconds = sum(Object.values(others)) + insideFit;
  return {
    seconds:
      setUpAndJudgeSeconds +
      sum(counted.map(({ seconds }) => seconds)) +
      (epochs - counted.length) * secondsPerEpoch,
    epochs,
    measuredEpochs: counted.length,
    setUpAndJudgeSeconds,
    secondsPerEpoch,
    accuracy: counted.at(-1)?.valAccuracy ?? NaN,
  };
}

export interface OwnTotal {
  /** Of everything that `preprocess` and `train` do. */
  seconds: number;
  /** Without the export of the model, which the recipe in Keras does not do. */
  secondsWithoutExport: number;
  epochs: number;
  accuracy: number;
  peakPrivateMiB: number;
}

export function ownTotal(preprocess: Phase, run: OwnRun): OwnTotal {
  const exported = run.steps.find(({ step }) => step === 'export')?.seconds ?? 0;
  return {
    seconds: preprocess.seconds + run.seconds,
    secondsWithoutExport: preprocess.seconds + run.seconds - exported,
    epochs: run.valAccuracies.length,
    accuracy: run.accuracy,
    peakPrivateMiB: Math.max(preprocess.peakPrivateMiB, run.peakPrivateMiB),
  };
}

/**
 * What is wrong with our result beside Keras's: speed counts for nothing then. Accuracies of two trainings
 * differ by chance; allowed is one point, and two standard errors of a difference on so many tiles.
 */
export function problems(sides: {
  own: OwnTotal;
  run: OwnRun;
  total: KerasTotal;
  keras: KerasRun;
  /** In the validation part. */
  tiles: number;
}): string[] {
  const { own, run, total, keras, tiles } = sides;
  const found: string[] = [];
  if (run.validation !== keras.validation) found.push('other validation tiles');
  const p = Math.min(Math.max(total.accuracy, 0.5), 1 - 1 / tiles);
  const allowed = 0.01 + 2 * Math.sqrt((2 * p * (1 - p)) / tiles);
  if (!(own.accuracy >= total.accuracy - allowed)) {
    found.push(
      `accuracy ${own.accuracy.toFixed(4)}, at least ${(total.accuracy - allowed).toFixed(4)} expected`,
    );
  }
  return found;
}
