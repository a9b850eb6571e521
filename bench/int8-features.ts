/**
 * What 8-bit features do to the accuracy: the recipe's head, trained on float32 and on 8-bit features of
 * the same tiles, over several seeds, on a random split and on one by original image. Also each head fed
 * with the other features, as `model.onnx` and `model.int8.onnx` of a run are. Writes
 * `int8-features.json` and `int8-features.md`. What is there already (features beside the tiles, runs
 * in `--work`) is not computed again, so that it can be stopped and continued.
 *
 *   npm run bench:int8-features -- --store STORE [--groups path-group.csv] [--seeds 3] [--epochs 4]
 *     [--note TEXT] [--work build/bench-int8-features] [-o bench/results]
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_BASE } from '#src/config.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { loadBase } from '#src/network/bases.js';
import { sha256 } from '#src/storage/hash.js';
import { CALIBRATION_TILES } from '#src/training/feature-choice.js';
import { ensureFeatures, type StoredFeatures } from '#src/training/features.js';
import { runHead, type HeadRun } from './int8/head-run.js';
import { int8Table, type Int8Results, type SplitResult } from './int8/results.js';
import { groupedSplit, randomSplit, type NamedSplit } from './int8/splits.js';
import { describeMachine } from './machine.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    groups: {
      type: 'string',
      default: join('..', 'shared', 'data', 'lc25000-groups-aca-n.csv'),
    },
    seeds: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '4' },
    note: { type: 'string', default: '' },
    work: { type: 'string', default: join('build', 'bench-int8-features') },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
if (values.store === undefined) throw new Error('Expected --store STORE');
await mkdir(values.work, { recursive: true });
await mkdir(values.output, { recursive: true });

const task = {
  onMessage: (message: string) => {
    console.error(message);
  },
};
const store = await TileStore.open(values.store);
const base = await loadBase(DEFAULT_BASE);
const common = { ...task, store, base, pixels: 'inception' as const, device: 'cpu' as const };

/** From an earlier call, where that made it. */
async function runOnce(
  split: NamedSplit,
  seed: number,
  kind: string,
  features: { trainedOn: StoredFeatures; other: StoredFeatures },
): Promise<HeadRun> {
  const rows = sha256(new Uint8Array(split.train.slice().buffer)).slice(0, 8);
  const name = [split.name, rows, seed, kind, values.epochs].join('-');
  const path = join(values.work, `${name}.json`);
  const earlier = await readFile(path, 'utf8').catch(() => undefined);
  if (earlier !== undefined) return JSON.parse(earlier) as HeadRun;
  const result = await runHead({
    ...features,
    labels: store.labels,
    classes: store.classes.length,
    train: split.train,
    validation: split.validation,
    seed,
    epochs: Number(values.epochs),
    work: join(values.work, name),
  });
  await writeFile(path, JSON.stringify(result));
  console.error(`${name}: ${String(result.own)} ${String(result.other)}`);
  return result;
}

const named = [randomSplit(store), await groupedSplit(store, values.groups)];
const fp32 = await ensureFeatures({ ...common, precision: { kind: 'fp32' } });
const splits: SplitResult[] = named.map(({ name, what, train, validation }) => ({
  name,
  what,
  train: train.length,
  validation: validation.length,
  int8TilesPerSecond: NaN,
  seeds: [],
}));
// Seed by seed, so that the first ones tell something of every split.
for (let seed = 0; seed < Number(values.seeds); seed++) {
  for (const [i, split] of named.entries()) {
    const own = splits[i];
    if (own === undefined) continue;
    const int8 = await ensureFeatures({
      ...common,
      precision: { kind: 'int8', calibration: split.train.subarray(0, CALIBRATION_TILES) },
    });
    own.int8TilesPerSecond = int8.count / int8.seconds;
    const run = (kind: 'fp32' | 'int8'): Promise<HeadRun> =>
      runOnce(split, seed, kind, {
        trainedOn: kind === 'int8' ? int8 : fp32,
        other: kind === 'int8' ? fp32 : int8,
      });
    own.seeds.push({ seed, fp32: await run('fp32'), int8: await run('int8') });
  }
}
const results: Int8Results = {
  machine: describeMachine(),
  date: new Date().toISOString().slice(0, 10),
  tiles: store.count,
  base: base.id,
  calibrationTiles: CALIBRATION_TILES,
  epochs: Number(values.epochs),
  note: values.note,
  splits,
};
store.close();
await writeFile(join(values.output, 'int8-features.json'), `${JSON.stringify(results, null, 2)}\n`);
await writeFile(join(values.output, 'int8-features.md'), int8Table(results));
console.log(int8Table(results));
