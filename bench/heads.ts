/**
 * How accurate the heads are on a tile store, by how much training and how large a model: each head is
 * trained by `lungcls-fast train` in a fresh process, for some seeds, without the stop at a target.
 * Features are computed by the first run, or were by an earlier one. Writes `heads.json` and `heads.md`.
 *
 *   npm run bench:heads -- <store> [--seeds 0,1,2] [--epochs 10] [--note TEXT] [-o bench/results]
 */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HEADS } from '#src/network/head.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { describeMachine } from './machine.js';
import { measure } from '#src/bench/measure-process.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What of metrics.json is looked at. */
interface Metrics {
  head: string;
  accuracy: number;
  logLoss: number;
  bestEpoch: number;
  stopReason: string;
  history: { valAccuracy: number; seconds: number }[];
  split: Record<string, unknown>;
  runsOn: { tensorflow: string };
  hashes: { name: string; value: string }[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '0,1,2' },
    epochs: { type: 'string', default: '10' },
    /** What a reader must know, such as what else the machine was doing. */
    note: { type: 'string', default: '' },
    work: { type: 'string', default: join('build', 'bench-heads') },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
const [store = ''] = positionals;
const opened = await TileStore.open(store);
const { classes, count } = opened;
opened.close();
await mkdir(values.work, { recursive: true });
await mkdir(values.output, { recursive: true });
const machine = describeMachine();

async function trainOnce(head: (typeof HEADS)[number], seed: number) {
  const run = join(values.work, `${head}-${String(seed)}`);
  await rm(run, { recursive: true, force: true });
  const args = ['train', store, '-o', run, '--head', head, '--seed', String(seed)];
  const options = [
    '--epochs',
    values.epochs,
    '--target-accuracy',
    '1',
    '--features',
    'fp32',
    '--quiet',
  ];
  const measured = await measure(process.execPath, [program, ...args, ...options]);
  if (measured.exitCode !== 0)
    throw new Error(`training ${head} ended with ${String(measured.exitCode)}`);
  const metrics = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as Metrics;
  const { size } = await stat(join(run, 'model', 'model.onnx'));
  await rm(run, { recursive: true, force: true });
  const result = {
    head,
    seed,
    layers: metrics.head,
    accuracy: metrics.accuracy,
    logLoss: metrics.logLoss,
    bestEpoch: metrics.bestEpoch,
    stopReason: metrics.stopReason,
    valAccuracy: metrics.history.map((epoch) => epoch.valAccuracy),
    secondsPerEpoch: metrics.history.map((epoch) => epoch.seconds),
    seconds: measured.seconds,
    peakPrivateMiB: measured.peakPrivateMiB,
    modelBytes: size,
    split: metrics.split,
    runsOn: metrics.runsOn,
    hashes: metrics.hashes,
  };
  console.error(`${head}, seed ${String(seed)}: ${result.accuracy.toFixed(4)}`);
  return result;
}

const results: Awaited<ReturnType<typeof trainOnce>>[] = [];
for (const seed of values.seeds.split(',').map(Number)) {
  for (const head of HEADS) results.push(await trainOnce(head, seed));
}
await rm(values.work, { recursive: true, force: true });

const report = {
  machine,
  tiles: count,
  classes,
  epochs: Number(values.epochs),
  note: values.note,
  results,
};
await writeFile(join(values.output, 'heads.json'), `${JSON.stringify(report, null, 2)}\n`);

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((a, b) => a + b, 0) / numbers.length;
const rows = HEADS.map((head) => {
  const own = results.filter((result) => result.head === head);
  const accuracies = own.map(({ accuracy }) => accuracy);
  const epochs = own.flatMap(({ secondsPerEpoch }) => secondsPerEpoch);
  const [first] = own;
  return [
    `\`${head}\`: ${first?.layers ?? ''}`,
    accuracies.map((a) => a.toFixed(4)).join(', '),
    mean(own.map(({ logLoss }) => logLoss)).toFixed(4),
    own
      .map(({ bestEpoch, valAccuracy }) => `${String(bestEpoch)} of ${String(valAccuracy.length)}`)
      .join(', '),
    mean(epochs).toFixed(1),
    ((first?.modelBytes ?? 0) / 1e6).toFixed(0),
  ];
});
const [one] = results;
await writeFile(
  join(values.output, 'heads.md'),
  [
    '# How accurate the heads are',
    '',
    'Made by `npm run bench:heads`; every figure is in `heads.json`.',
    '',
    `Machine: ${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.extensions.join(' ')}; ` +
      `${machine.os}; Node ${machine.node}; commit ${machine.commit}. ${one?.runsOn.tensorflow ?? ''}.`,
    '',
    `${String(count)} tiles of ${String(classes.length)} classes; split: ${JSON.stringify(one?.split ?? {})}. At most ${values.epochs} epochs, ` +
      `callbacks as in the recipe but for the stop at a target; float32 features; seeds ${values.seeds}. Validation accuracy of the kept weights.`,
    '',
    '| head | validation accuracy, a seed each | mean log loss | best epoch | seconds an epoch | model.onnx, MB |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...(values.note === '' ? [] : [values.note, '']),
  ].join('\n'),
);
