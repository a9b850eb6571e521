/** What is recorded about 8-bit features, and its table. */
import type { Machine } from '../machine.js';
import type { HeadRun } from './head-run.js';

export interface SplitResult {
  name: string;
  what: string;
  train: number;
  validation: number;
  int8TilesPerSecond: number;
  seeds: { seed: number; fp32: HeadRun; int8: HeadRun }[];
}

export interface Int8Results {
  machine: Machine;
  date: string;
  tiles: number;
  base: string;
  calibrationTiles: number;
  epochs: number;
  note: string;
  splits: SplitResult[];
}

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;
const four = (value: number): string => value.toFixed(4);
const points = (value: number): string => `${value >= 0 ? '+' : ''}${(100 * value).toFixed(2)}`;

export function int8Table(results: Int8Results): string {
  const { machine, date, tiles, base, calibrationTiles, epochs, note, splits } = results;
  return [
    '# 8-bit features beside float32 ones',
    '',
    'Made by `npm run bench:int8-features`; every figure is in `int8-features.json`.',
    '',
    `${String(tiles)} tiles, base ${base}, the recipe's head, at most ${String(epochs)} epochs, the best kept; ` +
      `8 bits calibrated on ${String(calibrationTiles)} training tiles of each split. ${date}, commit ${machine.commit}, ` +
      `${machine.cpu} (${machine.extensions.join(', ')}).`,
    '',
    'Validation accuracy by what the head was trained on and what it is fed.',
    '',
    '| split | seed | trained fp32, fed fp32 | trained int8, fed int8 | difference, points | trained int8, fed fp32 (`model.onnx`) | trained fp32, fed int8 (`model.int8.onnx`) |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...splits.flatMap(({ name, seeds }) => [
      ...seeds.map(({ seed, fp32, int8 }) => line(name, String(seed), fp32, int8)),
      line(name, '**mean**', average(seeds.map((s) => s.fp32)), average(seeds.map((s) => s.int8))),
    ]),
    '',
    ...splits.map(
      ({ name, what, train, validation }) =>
        `- ${name}: ${what}; ${String(train)} tiles to train on, ${String(validation)} held out.`,
    ),
    '',
    ...(note === '' ? [] : [note, '']),
  ].join('\n');
}

function line(name: string, seed: string, fp32: HeadRun, int8: HeadRun): string {
  const cells = [
    name,
    seed,
    four(fp32.own),
    four(int8.own),
    points(int8.own - fp32.own),
    four(int8.other),
    four(fp32.other),
  ];
  return `| ${cells.join(' | ')} |`;
}

function average(runs: readonly HeadRun[]): HeadRun {
  return {
    own: mean(runs.map(({ own }) => own)),
    other: mean(runs.map(({ other }) => other)),
    epochs: mean(runs.map(({ epochs }) => epochs)),
  };
}
