/** The temperature of a run: what is held back for it, and what it leaves alone. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { calibrate } from '#src/bundle/calibration.js';
import { openBundle } from '#src/bundle/read.js';
import { numberGroups } from '#src/dataset/groups.js';
import { preprocess } from '#src/dataset/preprocess.js';
import { fitTemperature } from '#src/evaluation/temperature.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { parseCsv } from '#src/storage/csv.js';
import { holdBack } from '#src/training/hold-back.js';
import { resolveSplitSettings } from '#src/training/split-options.js';
import { planSplits } from '#src/training/splits.js';
import type { TrainResult } from '#src/training/train.js';
import { CLASSES, prepare } from '../fixtures/training/small-run.js';

const program = fileURLToPath(new URL('../fixtures/training/small-run.js', import.meta.url));
const PER_CLASS = 100;
const PER_GROUP = 4;

let root = '';
let store = '';
let groups = '';

test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-calibration-'));
  process.env['LUNGCLS_HOME'] = join(root, 'home');
  await prepare(root, CLASSES, PER_CLASS);
  // Every fourth tile of two classes has the label of the other one: there are mistakes, and a temperature.
  const images = join(root, 'images');
  const [first = '', second = ''] = CLASSES;
  for (let i = 1; i <= PER_CLASS; i += 4) {
    const [a, b, c] = [
      join(images, first, `${String(i)}.jpeg`),
      join(images, second, `${String(i)}.jpeg`),
      join(images, 'kept.jpeg'),
    ];
    await rename(a, c);
    await rename(b, a);
    await rename(c, b);
  }
  store = join(root, 'mixed-store');
  await preprocess({ input: images, output: store, size: 75 });
  groups = join(root, 'given.csv');
  const { paths } = await TileStore.open(store);
  const quoted = (path: string): string => `"${path.replaceAll('"', '""')}"`;
  const lines = paths.map((path, i) => `${quoted(path)},g${String(Math.floor(i / PER_GROUP))}`);
  await writeFile(groups, `path,group\n${lines.join('\n')}\n`);
});
test.after.always(async () => {
  await rm(root, { recursive: true, force: true });
});

/** In a process of its own, as training-run.test.ts explains. */
async function runProgram(output: string, options: object): Promise<TrainResult> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      program,
      store,
      output,
      JSON.stringify({ head: 'gap', batchSize: 16, epochs: 10, learningRate: 0.003, ...options }),
    ],
    { maxBuffer: 1 << 24 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as TrainResult;
}

const weightsOf = async (run: string): Promise<unknown> => {
  const { files } = (await openBundle(join(run, 'model'))).metadata;
  return Object.entries(files)
    .filter(([name]) => name.endsWith('.bin'))
    .map(([name, { sha256 }]) => [name, sha256]);
};

test.serial(
  'the weights are those of a run without it; what it was fitted on gives it again',
  async (t) => {
    const [plain, calibrated] = [join(root, 'plain'), join(root, 'calibrated')];
    const without = await runProgram(plain, { calibrationShare: 0, groups });
    const result = await runProgram(calibrated, { calibrationShare: 0.5, groups });
    t.deepEqual(await weightsOf(calibrated), await weightsOf(plain));
    const predictions = (run: string): Promise<string> =>
      readFile(join(run, 'predictions.csv'), 'utf8');
    t.is(await predictions(calibrated), await predictions(plain));
    t.is(without.calibration, undefined);
    t.false((await readdir(plain)).includes('calibration'));
    t.deepEqual(await readdir(join(calibrated, 'calibration')), ['predictions.csv']);

    const { metadata } = await openBundle(join(calibrated, 'model'));
    const calibration = metadata.calibration;
    t.is(result.calibration?.temperature, calibration?.temperature);
    if (calibration === undefined) {
      t.fail('no temperature was found');
      return;
    }
    const rows = parseCsv(
      await readFile(join(calibrated, 'calibration', 'predictions.csv'), 'utf8'),
    ).slice(1);
    t.is(rows.length, calibration.tiles);
    t.is(calibration.heldBack, 'groups');
    const fitted = fitTemperature(
      rows.map(([, label = '']) => CLASSES.indexOf(label)),
      rows.flatMap((row) => row.slice(3, 3 + CLASSES.length).map(Number)),
      CLASSES.length,
    );
    // The file has seven digits.
    t.true(
      typeof fitted !== 'string' &&
        Math.abs(fitted.temperature / calibration.temperature - 1) < 1e-4,
    );

    // None of them validates, and none of a validating tile's group trained the head that judged them.
    const held = new Set(rows.map(([path]) => path));
    const split = parseCsv(await readFile(join(calibrated, 'split.csv'), 'utf8')).slice(1);
    t.is(split.filter(([path, part]) => held.has(path) && part === 'train').length, held.size);

    const metrics = JSON.parse(await readFile(join(calibrated, 'metrics.json'), 'utf8')) as {
      logLoss: number;
      calibration: { temperature: number; logLoss: { before: { value: number } } };
    };
    t.true(Math.abs(metrics.calibration.logLoss.before.value - metrics.logLoss) < 1e-6);
    const html = await readFile(join(calibrated, 'report.html'), 'utf8');
    t.true(html.includes('Temperature scaling divides the logits by'));
    t.regex(
      await readFile(join(calibrated, 'model', 'MODEL_CARD.md'), 'utf8'),
      /Temperature \d+\.\d{3}/,
    );
    t.is(calibrate(Float32Array.of(1, 0), 2, calibration.temperature)[0], 1);
  },
);

test.serial('the splits that are trained on do not depend on it', async (t) => {
  const opened = await TileStore.open(store);
  const plan = async (calibrationShare: number) =>
    await planSplits(opened, resolveSplitSettings({ calibrationShare }), groups);
  const [none, half, little] = [await plan(0), await plan(0.5), await plan(0.2)];
  t.deepEqual(half.main, none.main);
  t.is(none.calibration, undefined);
  t.not(half.fingerprint, none.fingerprint);
  const { train, validation } = half.calibration ?? { train: [], validation: [] };
  t.deepEqual(Int32Array.from([...train, ...validation]).sort(), none.main.train.slice().sort());
  t.regex(little.calibrationProblem ?? '', /48 tiles held back would be too few/);
  opened.close();
  for (const calibrationShare of [-0.1, 1, NaN]) {
    t.throws(() => resolveSplitSettings({ calibrationShare }), { code: 'INVALID_OPTION' });
  }
});

test('groups are held back whole, also where the tiles to train on were chosen one by one', (t) => {
  const tiles = 400;
  const labels = Int32Array.from({ length: tiles }, (_, i) => (i < 200 ? 0 : 1));
  const names = Array.from({ length: tiles }, (_, i) =>
    i % 50 === 0 ? undefined : `g${String(i >> 3)}`,
  );
  const all = numberGroups('here', names);
  // Every third tile is not trained on: groups are torn apart already.
  const train = Int32Array.from({ length: tiles }, (_, i) => i).filter((i) => i % 3 !== 0);
  const common = { train, labels, classes: ['a', 'b'], seed: 1 };
  const split = holdBack({ ...common, groups: all, share: 0.25 });
  if (typeof split === 'string') {
    t.fail(split);
    return;
  }
  t.deepEqual(Int32Array.from([...split.train, ...split.validation]).sort(), train);
  const groupsOf = (part: Int32Array): Set<string | undefined> =>
    new Set([...part].map((tile) => names[tile]).filter((name) => name !== undefined));
  t.deepEqual(
    [...groupsOf(split.train)].filter((name) => groupsOf(split.validation).has(name)),
    [],
  );
  t.true(Math.abs(split.validation.length / train.length - 0.25) < 0.05);

  const alone = holdBack({ ...common, groups: undefined, share: 0.25 });
  t.true(typeof alone !== 'string' && alone.validation.length === Math.ceil(train.length / 4));
  const one = numberGroups('here', labels.length > 0 ? names.map(() => 'one') : []);
  t.is(
    typeof holdBack({ ...common, groups: one, share: 0.25 }),
    'string',
    'one group cannot be cut',
  );
});
