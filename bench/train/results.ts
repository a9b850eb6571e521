/** train.json and train.md. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine.js';
import {
  EPOCHS,
  kerasTotal,
  ownTotal,
  problems,
  TARGET,
  type KerasTotal,
  type OwnTotal,
  type Scenario,
} from './compare.js';
import type { KerasRun, OwnRun, Phase } from './phases.js';

export interface Own {
  readonly variant: string;
  readonly scenario: Scenario;
  readonly run?: OwnRun;
  readonly failed?: string;
}

export interface Trial {
  readonly machine: Machine;
  readonly note: string;
  readonly kerasEpochs: number;
  preprocess?: Phase;
  keras?: KerasRun;
  readonly own: Own[];
  /** False while parts of the trial are still to come. */
  complete: boolean;
}

interface Comparison {
  readonly scenario: Scenario;
  readonly variant: string;
  readonly own: OwnTotal;
  readonly keras?: KerasTotal;
  readonly timesFaster?: number;
  readonly timesFasterWithoutExport?: number;
  readonly problems: readonly string[];
}

const TITLES: Readonly<Record<Scenario, string>> = {
  stop: `the recipe's stop at ${TARGET.toFixed(2)}`,
  epochs: `${String(EPOCHS)} epochs`,
};

function compare({ preprocess, keras, own }: Trial): Comparison[] {
  return own.flatMap(({ variant, scenario, run }): Comparison[] => {
    if (run === undefined || preprocess === undefined) return [];
    const ours = ownTotal(preprocess, run);
    const total = keras === undefined ? undefined : kerasTotal(keras, scenario);
    if (keras === undefined || total === undefined) {
      return [{ scenario, variant, own: ours, problems: [] }];
    }
    const tiles = keras.tiles.validation;
    return [
      {
        scenario,
        variant,
        own: ours,
        keras: total,
        timesFaster: total.seconds / ours.seconds,
        timesFasterWithoutExport: total.seconds / ours.secondsWithoutExport,
        problems: problems({ own: ours, run, total, keras, tiles }),
      },
    ];
  });
}

/** @returns whether nothing is wrong with what was compared so far */
export async function writeResults(folder: string, trial: Trial): Promise<boolean> {
  const comparisons = compare(trial);
  await writeFile(
    join(folder, 'train.json'),
    `${JSON.stringify({ ...trial, comparisons }, null, 2)}\n`,
  );
  await writeFile(join(folder, 'train.md'), markdown(trial, comparisons));
  return comparisons.every((comparison) => comparison.problems.length === 0);
}

const s = (value: number): string => value.toFixed(1);

/** How Keras's total came about, in words: what was not measured is called so. */
function origin({
  epochs,
  measuredEpochs,
  secondsPerEpoch,
  setUpAndJudgeSeconds,
}: KerasTotal): string {
  const parts = `set-up and judging ${s(setUpAndJudgeSeconds)} s, ${s(secondsPerEpoch)} s an epoch`;
  return measuredEpochs === epochs
    ? `measured (${parts})`
    : `**extrapolated**: ${String(epochs)} epochs from ${String(measuredEpochs)} measured (${parts})`;
}

function rows(trial: Trial, comparisons: readonly Comparison[], scenario: Scenario): string[] {
  const { keras } = trial;
  const total = keras === undefined ? undefined : kerasTotal(keras, scenario);
  const peer =
    keras === undefined
      ? []
      : total === undefined
        ? [
            `| Keras | | | | | | ${String(keras.peakPrivateMiB)} | not above ${TARGET.toFixed(2)} in the ${String(keras.epochs.length)} epochs that were measured |`,
          ]
        : [
            `| Keras | ${String(total.epochs)} | ${s(total.seconds)} | 1.0 | 1.0 | ${total.accuracy.toFixed(4)} | ${String(keras.peakPrivateMiB)} | ${origin(total)} |`,
          ];
  const own = trial.own
    .filter((entry) => entry.scenario === scenario)
    .map(({ variant, run, failed }) => {
      const found = comparisons.find((c) => c.scenario === scenario && c.variant === variant);
      if (found === undefined || run === undefined) {
        return `| ours, ${variant} features | | | | | | | not measured: ${failed ?? ''} |`;
      }
      const wrong = found.problems.length > 0;
      const times = [found.timesFaster, found.timesFasterWithoutExport]
        .map((ratio) =>
          ratio === undefined ? '' : `${ratio.toFixed(1)}${wrong ? ' **(wrong)**' : ''}`,
        )
        .join(' | ');
      const steps = run.steps.map(({ step, seconds }) => `${step} ${s(seconds)} s`).join(', ');
      return [
        `| ours, ${variant} features`,
        String(found.own.epochs),
        s(found.own.seconds),
        times,
        found.own.accuracy.toFixed(4),
        String(found.own.peakPrivateMiB),
        `${wrong ? `**${found.problems.join('; ')}**; ` : ''}preprocess ${s(trial.preprocess?.seconds ?? NaN)} s, ${steps} |`,
      ].join(' | ');
    });
  return [
    `## With ${TITLES[scenario]}`,
    '',
    '| | epochs | seconds | times faster | without export | validation accuracy | peak memory, MiB (mapped files not counted) | of which |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...peer,
    ...own,
    '',
  ];
}

function markdown(trial: Trial, comparisons: readonly Comparison[]): string {
  const { machine, keras, kerasEpochs } = trial;
  const loads = [trial.preprocess, keras, ...trial.own.map(({ run }) => run)].map((phase) =>
    phase === undefined ? '-' : phase.loadBefore.toFixed(1),
  );
  return [
    '# From the archive to a trained, evaluated model',
    '',
    'Made by `npm run bench:train`; every figure is in `train.json`.',
    '',
    `Machine: ${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.extensions.join(' ')}; ` +
      `${machine.os}; Node ${machine.node}; commit ${machine.commit}. Load before each part: ${loads.join(', ')}.`,
    '',
    ...(trial.complete ? [] : ['**Not complete: parts of the trial are still to come.**', '']),
    ...(keras === undefined
      ? []
      : [
          `Keras ${keras.versions['keras'] ?? '?'} on TensorFlow ${keras.versions['tensorflow'] ?? '?'}, ` +
            `OpenCV ${keras.versions['opencv'] ?? '?'}: ${String(keras.tiles.train)} tiles to train on, ${String(keras.tiles.validation)} for ` +
            'validation, the same on both sides, and the same base. The base runs in every epoch, as a user writes it; ' +
            'ours computes its features once, and also exports the model and writes the report. ' +
            `Keras trained ${String(kerasEpochs)} epochs in one process; with the recipe’s stop it counts up to the epoch that reaches it.`,
          '',
        ]),
    ...rows(trial, comparisons, 'stop'),
    ...rows(trial, comparisons, 'epochs'),
    ...(trial.note === '' ? [] : [trial.note, '']),
  ].join('\n');
}
