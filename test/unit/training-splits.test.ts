/** Training on splits of every kind: what is kept apart, what is said, what is written, and a kill. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { estimateLeakage } from '#src/dataset/leakage.js';
import { LungclsError } from '#src/errors.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { parseCsv } from '#src/storage/csv.js';
import { resolveSplitSettings, type SplitOptions } from '#src/training/split-options.js';
import { announceSample, announceSplit } from '#src/training/split-words.js';
import { planSplits, type SplitPlan } from '#src/training/splits.js';
import type { TrainResult } from '#src/training/train.js';
import { CLASSES, prepare } from '../fixtures/training/small-run.js';

const program = fileURLToPath(new URL('../fixtures/training/small-run.js', import.meta.url));
const PER_CLASS = 30;
const PER_GROUP = 3;
const TILES = CLASSES.length * PER_CLASS;
const OPTIONS = { split: 'grouped', compareSplits: true, folds: 3, batchSize: 16 };

let root = '';
let store = '';
let groups = '';

test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-splits-'));
  process.env['LUNGCLS_HOME'] = join(root, 'home');
  store = await prepare(root, CLASSES, PER_CLASS);
  groups = join(root, 'given.csv');
  const { paths } = await TileStore.open(store);
  const lines = paths.map((path, tile) => `"${path.replaceAll('"', '""')}",${groupOf(tile)}`);
  await writeFile(groups, `path,group\n${lines.join('\n')}\n`);
});
test.after.always(async () => {
  await rm(root, { recursive: true, force: true });
});

function groupOf(tile: number): string {
  return `g${String(Math.floor(tile / PER_GROUP))}`;
}

const argumentsOf = (output: string): string[] => [
  ...[program, store, output],
  JSON.stringify({ ...OPTIONS, groups }),
];

/** In a process of its own, as training-run.test.ts explains. */
async function runProgram(output: string): Promise<TrainResult> {
  const { stdout } = await promisify(execFile)(process.execPath, argumentsOf(output), {
    maxBuffer: 1 << 24,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as TrainResult;
}

const csv = async (...path: string[]): Promise<string[][]> =>
  parseCsv(await readFile(join(...path), 'utf8')).slice(1);

test.serial('grouped, compared with random, and in folds', async (t) => {
  const run = join(root, 'run');
  const result = await runProgram(run);
  const parts = await csv(run, 'split.csv');
  t.is(parts.length, TILES);
  for (const [tile, [, part]] of parts.entries()) {
    t.is(part, parts[tile - (tile % PER_GROUP)]?.[1], groupOf(tile));
  }
  t.is(parts.filter(([, part]) => part === 'validation').length, TILES / 5);

  t.is(result.split.kind, 'grouped');
  t.deepEqual(
    result.split.validationPerClass,
    CLASSES.map(() => PER_CLASS / 5),
  );
  t.deepEqual(result.split.leakage, { tiles: 0, share: 0, groups: 0, unknown: 0 });
  const [random, grouped] = result.comparison ?? [];
  t.is(random?.split.kind, 'random');
  t.true((random?.split.leakage?.share ?? 0) > 0.8);
  t.is(grouped?.split.kind, 'grouped');
  t.is(grouped?.accuracy, result.validationAccuracy);

  // Every tile validated once, in a fold that had not trained on its group.
  const pooled = await csv(run, 'folds', 'predictions.csv');
  t.is(new Set(pooled.map(([path]) => path)).size, TILES);
  const folds = new Map<string, string | undefined>();
  for (const [tile, record] of pooled.entries()) {
    const fold = record.at(-1);
    t.is(folds.get(groupOf(tile)) ?? fold, fold);
    folds.set(groupOf(tile), fold);
  }
  const { crossValidation } = result;
  const accuracies = (crossValidation?.folds ?? []).map(({ accuracy }, i) => {
    const own = pooled.filter((record) => record.at(-1) === String(i + 1));
    t.is(accuracy, own.filter(([, label, predicted]) => label === predicted).length / own.length);
    return accuracy;
  });
  t.is(accuracies.length, 3);
  const mean = accuracies.reduce((a, b) => a + b, 0) / 3;
  t.is(crossValidation?.meanAccuracy, mean);
  const variance = accuracies.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3;
  t.is(crossValidation?.standardDeviation, Math.sqrt(variance));

  // Of what only judges nothing is left that weighs.
  t.deepEqual(await readdir(join(run, 'folds', '2')), ['history.csv']);
  t.deepEqual((await readdir(join(run, 'comparison'))).sort(), [
    'history.csv',
    'predictions.csv',
    'split.csv',
  ]);
  const metrics = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as TrainResult;
  t.deepEqual(metrics.comparison, result.comparison);
  t.deepEqual(metrics.crossValidation, crossValidation);
  t.deepEqual(metrics.split, result.split);
  const card = await readFile(join(run, 'model', 'MODEL_CARD.md'), 'utf8');
  t.regex(card, /Grouped split, seed 2022.*No validation tile has a known sibling in training/);
  const html = await readFile(join(run, 'report.html'), 'utf8');
  t.true(html.includes('Grouped: all tiles of a group on the same side'));
  t.true(html.includes('3-fold cross-validation'));
});

test.serial('killed in a fold, the same call ends with the same files', async (t) => {
  const output = join(root, 'killed');
  const child = spawn(process.execPath, argumentsOf(output), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (/Fold 2 of 3:[^]*train 2 /.test(text)) break;
  }
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  t.true(text.includes('Fold 2 of 3'));
  const first = join(`${output}.partial`, 'folds', '1', 'checkpoint', 'state.json');
  const before = await readFile(first, 'utf8');
  const result = await runProgram(output);
  t.true(result.resumed);
  t.true(before.includes('stopReason'), 'the first fold was not trained again');
  for (const name of [
    'predictions.csv',
    'split.csv',
    'folds/predictions.csv',
    'comparison/predictions.csv',
    'model/lungcls.json',
  ]) {
    const [one, other] = await Promise.all(
      [output, join(root, 'run')].map((run) => readFile(join(run, name), 'utf8')),
    );
    t.is(one, other, name);
  }
});

async function plan(options: SplitOptions): Promise<{ plan: SplitPlan; said: string[] }> {
  const opened = await TileStore.open(store);
  try {
    const made = await planSplits(opened, resolveSplitSettings(options), options.groups);
    const said: string[] = [];
    announceSplit(made.main.facts, {
      onMessage: (message, level) => void said.push(`${level}: ${message}`),
    });
    return { plan: made, said };
  } finally {
    opened.close();
  }
}

test.serial('a random split says how much of it leaks, as far as that is known', async (t) => {
  const unknown = await plan({});
  t.is(unknown.said.length, 1);
  t.regex(unknown.said[0] ?? '', /^warning: The split is random.*`lungcls-fast audit`/);
  const leaky = await plan({ groups });
  t.is(leaky.said.length, 1);
  t.regex(
    leaky.said[0] ?? '',
    /^warning: The split leaks: \d+ of 18 validation tiles \(\d+\.\d%\).*--split grouped/,
  );
  t.deepEqual(leaky.plan.main.validation, unknown.plan.main.validation);
  const honest = await plan({ groups, split: 'grouped' });
  t.regex(honest.said.join(), /^info: Grouped split, seed 2022/);
});

test('what a sample says of leaks is said, loudly where there are any', (t) => {
  const said: string[] = [];
  const onMessage = (message: string, level: string): void =>
    void said.push(`${level}: ${message}`);
  announceSample(estimateLeakage(99, 100, 12_000), { onMessage });
  announceSample(estimateLeakage(0, 100, 12_000), { onMessage });
  t.regex(
    said[0] ?? '',
    /^warning: The split leaks: of 100 validation tiles looked at, at least 99 \(99\.0%, 95% interval 94\.6 to 99\.8%\) have a copy among 12000 training tiles/,
  );
  t.regex(
    said[1] ?? '',
    /^info: No leak found: of 100 .* none has a copy among 12000 .*: fewer than 3\.7%/,
  );
});

test.serial('tiles without a group count as groups of their own, with a warning', async (t) => {
  const some = join(root, 'some.csv');
  await writeFile(some, (await readFile(groups, 'utf8')).split('\n').slice(0, 31).join('\n'));
  const { plan: made, said } = await plan({ groups: some, split: 'grouped' });
  t.regex(said[0] ?? '', /^warning: 60 tiles have no group in .*some\.csv/);
  t.is(made.main.facts.groups?.unknownTiles, 60);
  t.is(made.main.facts.leakage?.tiles, 0);
  t.is(made.main.facts.leakage?.unknown, 12);
});

test.serial('without groups a grouped split, and whatever needs one, is refused', async (t) => {
  for (const options of [{ split: 'grouped' }, { compareSplits: true }]) {
    const error = await t.throwsAsync(plan(options), { instanceOf: LungclsError });
    t.is(error.code, 'GROUPS_UNKNOWN');
    t.regex(error.message, /run `lungcls-fast audit .*store`, or give --groups FILE/);
  }
});

test.serial('a split of a file is taken as it is', async (t) => {
  const { plan: random } = await plan({ groups });
  const file = join(root, 'run', 'split.csv');
  const { plan: given } = await plan({ split: file, groups });
  t.is(given.main.facts.kind, 'file');
  t.deepEqual(given.main.facts.leakage, { tiles: 0, share: 0, groups: 0, unknown: 0 });
  t.is(given.main.validation.length, TILES / 5);
  t.not(given.fingerprint, random.fingerprint);
  await t.throwsAsync(plan({ split: 'gruoped' }), {
    code: 'INVALID_OPTION',
    message: /^Expected random, grouped or a CSV file for split but received "gruoped"/,
  });
});
