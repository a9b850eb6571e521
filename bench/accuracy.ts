/**
 * How right the heads are on held-out tiles, under the random split and the one that keeps all tiles of one original
 * on one side: each head is trained by `lungcls-fast train` in a fresh process, with the recipe's stop at 0.90 and
 * without. Intervals are drawn over originals. Writes `accuracy.json` and `accuracy.md`. A run that an earlier call made in
 * `--work` is not made again, so that it can be stopped and continued; features are beside the tiles.
 *
 *   npm run bench:accuracy -- --store STORE --groups groups.csv [--targets 0.9,1] [--features int8]
 *     [--note TEXT] [--work build/bench-accuracy] [-o bench/results]
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure } from '#src/bench/measure-process.js';
import type { Scores } from '#src/evaluation/scores.js';
import { HEADS } from '#src/network/head.js';
import type { ReportSplit } from '#src/report/data.js';
import { describeMachine, type Machine } from './machine.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SPLITS = ['random', 'grouped'] as const;

/** What of metrics.json is looked at. */
interface Metrics {
  accuracy: number;
  bestEpoch: number;
  history: unknown[];
  stopReason: string;
  split: ReportSplit;
  scores: Pick<Scores, 'accuracy' | 'balancedAccuracy' | 'resampled' | 'units'>;
  settings: Record<string, unknown>;
  runsOn: { tensorflow: string; onnxRuntime: string };
}

interface Run extends Metrics {
  head: string;
  target: string;
  seconds: number;
  machine: Machine;
}

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: '' },
    /** Of `audit`, or any other CSV that `train --groups` takes. */
    groups: { type: 'string', default: '' },
    targets: { type: 'string', default: '0.9,1' },
    features: { type: 'string', default: 'int8' },
    note: { type: 'string', default: '' },
    work: { type: 'string', default: join('build', 'bench-accuracy') },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
await mkdir(values.work, { recursive: true });
await mkdir(values.output, { recursive: true });

async function trainOnce(head: string, split: string, target: string): Promise<Run> {
  const name = [head, split, target, values.features].join('-');
  const kept = join(values.work, `${name}.json`);
  const earlier = await readFile(kept, 'utf8').catch(() => undefined);
  if (earlier !== undefined) return JSON.parse(earlier) as Run;
  const run = join(values.work, name);
  const args = ['train', values.store, '-o', run, '--head', head, '--split', split, '--quiet'];
  const settings = ['--groups', values.groups, '--features', values.features];
  // The temperature changes no label.
  const rest = ['--target-accuracy', target, '--calibration-share', '0'];
  const { exitCode, seconds } = await measure(process.execPath, [
    program,
    ...args,
    ...settings,
    ...rest,
  ]);
  if (exitCode !== 0) throw new Error(`training ${name} ended with ${String(exitCode)}`);
  const metrics = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as Metrics;
  await rm(run, { recursive: true, force: true });
  const { accuracy, bestEpoch, stopReason, history, scores, runsOn } = metrics;
  const result: Run = {
    ...{ head, target, accuracy, bestEpoch, stopReason, history, runsOn, seconds },
    // Where the groups stand on this machine is nothing to record.
    split: JSON.parse(
      JSON.stringify(metrics.split).replaceAll(values.groups, basename(values.groups)),
    ) as ReportSplit,
    scores: {
      accuracy: scores.accuracy,
      balancedAccuracy: scores.balancedAccuracy,
      resampled: scores.resampled,
      units: scores.units,
    },
    settings: metrics.settings,
    machine: describeMachine(),
  };
  await writeFile(kept, JSON.stringify(result));
  console.error(`${name}: ${accuracy.toFixed(4)}`);
  return result;
}

const runs: Run[] = [];
for (const head of HEADS) {
  for (const target of values.targets.split(',')) {
    for (const split of SPLITS) runs.push(await trainOnce(head, split, target));
  }
}

const [one] = runs;
const machine = one?.machine ?? describeMachine();
const command = `npm run bench:accuracy -- --store STORE --groups ${basename(values.groups)} --targets ${values.targets} --features ${values.features}`;
await writeFile(
  join(values.output, 'accuracy.json'),
  `${JSON.stringify({ machine, command, note: values.note, runs }, null, 2)}\n`,
);

const four = (value: number): string => value.toFixed(4);
const rows = runs.map(({ head, target, split, scores, bestEpoch, history }) => {
  const { accuracy, balancedAccuracy, units, resampled } = scores;
  return [
    `\`${head}\``,
    target === '1' ? 'none' : `above ${target}`,
    split.kind,
    `${String(split.train)}, ${String(split.validation)}`,
    split.leakage === undefined ? 'not known' : String(split.leakage.tiles),
    `${four(accuracy.value)} (${four(accuracy.low)} to ${four(accuracy.high)})`,
    four(balancedAccuracy.value),
    `${String(units)} ${resampled}`,
    `${String(bestEpoch)} of ${String(history.length)}`,
  ];
});
const heads = [
  ...[
    'head',
    'stop at',
    'split',
    'tiles to train on, held out',
    'held out with a sibling in training',
  ],
  ...['accuracy (95 % interval)', 'balanced accuracy', 'interval over', 'kept epoch'],
];
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
await writeFile(
  join(values.output, 'accuracy.md'),
  [
    '# How right the heads are, and where that figure flatters',
    '',
    `Made by \`${command}\`; every figure is in \`accuracy.json\`.`,
    '',
    `Machine: ${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.extensions.join(' ')}; ` +
      `${machine.os}; Node ${machine.node}; commit ${machine.commit}. ${one?.runsOn.tensorflow ?? ''}.`,
    '',
    `Features in ${values.features}; everything else as in the recipe. One run each, of the head's default seed; the held-out tiles also choose the ` +
      'kept epoch. Groups: the originals that `audit` finds, unless the note says otherwise.',
    '',
    line(heads),
    line(heads.map(() => '---')),
    ...rows.map(line),
    '',
    ...(values.note === '' ? [] : [values.note, '']),
  ].join('\n'),
);
