import { mkdir, mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { ResultFile } from '#src/inference/result-file.js';
import { jobRecord } from '#src/inference/job-record.js';
import { ResultLayout, type ResultFields } from '#src/inference/result-columns.js';
import { lineFormat } from '#src/inference/result-format.js';
import { ResultCounts } from '#src/inference/results.js';
import { resume } from '#src/inference/resume.js';
import { openPartial, type PartialOutput } from '#src/storage/partial.js';

const CLASSES = ['a', 'b, "c"'];
const LAYOUT = new ResultLayout({ classes: CLASSES });
const CSV = lineFormat('csv', LAYOUT.columns);
const HEADER = CSV.header;
const BATCH = 4;

function fields(path: string): ResultFields {
  const probabilities = new Float32Array([0.25, 0.75]);
  return LAYOUT.row({ path, status: 'ok', probabilities, row: 0 });
}

function row(path: string): string {
  return CSV.line(fields(path));
}

interface Item {
  path: string;
  state: bigint;
}

function names(count: number): Item[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `tile "${i}",\nof é.jpeg`,
    state: 2n ** 63n + BigInt(i),
  }));
}

function states(items: readonly Item[]): BigUint64Array {
  return BigUint64Array.from(items, ({ state }) => state);
}

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

async function openOutput(output: string): Promise<{ partial: PartialOutput; file: ResultFile }> {
  const partial = await openPartial(output, { fingerprint: 'same', force: false });
  return { partial, file: await ResultFile.open(partial, LAYOUT.columns) };
}

/** Writes rows as far as a process got that was stopped in good order. */
async function stoppedAfter(output: string, items: readonly Item[]): Promise<void> {
  const { partial, file } = await openOutput(output);
  await file.append(
    items.map(({ path }) => fields(path)),
    states(items),
  );
  await file.suspend();
  await partial.release();
}

/** Continues with the inputs of today; gives the file's text at the end, and how many rows were kept. */
async function finish(
  output: string,
  items: readonly Item[],
): Promise<{ text: string; kept: number; counted: number }> {
  const { partial, file } = await openOutput(output);
  const counts = new ResultCounts(LAYOUT);
  const inputs = iterate(items);
  const from = await resume(file, inputs, ({ state }) => Promise.resolve(state), BATCH, counts);
  const counted = counts.rows;
  for (const item of from.pending) await file.append([fields(item.path)], states([item]));
  for await (const item of inputs) await file.append([fields(item.path)], states([item]));
  await file.finish({
    format: 'csv',
    signal: undefined,
    record: (images) =>
      jobRecord({
        toolVersion: '',
        model: { classes: CLASSES, fingerprint: '' },
        settings: {},
        inputs: { images: items.length, paths: '' },
        shard: null,
        rows: items.length,
        images,
        perClass: {},
        perStatus: {},
        outOfDomain: null,
      }),
  });
  await partial.release();
  return { text: await readFile(output, 'utf8'), kept: from.rows, counted };
}

async function outputPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'lungcls-results-')), 'out.csv');
}

function whole(items: readonly Item[]): string {
  return HEADER + items.map(({ path }) => row(path)).join('');
}

for (const written of [0, 1, 4, 5, 8, 10]) {
  test(`a file stopped after ${written} of 10 rows ends up whole`, async (t) => {
    const output = await outputPath();
    const items = names(10);
    await stoppedAfter(output, items.slice(0, written));
    const { text, kept, counted } = await finish(output, items);
    t.is(text, whole(items));
    // All of a batch or nothing of it, but for the last one.
    t.is(kept, written === 10 ? 10 : written - (written % BATCH));
    t.is(counted, kept);
  });
}

test('rows of inputs that are gone, changed or new in between are not kept', async (t) => {
  const items = names(10);
  for (const today of [
    items.slice(0, 3),
    items.slice(0, 8),
    [...items, { path: 'one more', state: 1n }],
    items.map((item, i) => (i === 6 ? { path: 'another', state: item.state } : item)),
    [{ path: 'new first', state: 0n }, ...items],
  ]) {
    const output = await outputPath();
    await stoppedAfter(output, items);
    const { text } = await finish(output, today);
    t.is(text, whole(today));
  }
});

test('rows of images that have changed since are not kept, nor those behind them', async (t) => {
  const items = names(10);
  for (const [changed, kept] of [
    [0, 0],
    [3, 0],
    [4, 4],
    [9, 8],
  ] as const) {
    const output = await outputPath();
    await stoppedAfter(output, items);
    const today = items.map((item, i) => (i === changed ? { ...item, state: 5n } : item));
    const result = await finish(output, today);
    t.is(result.kept, kept);
    t.is(result.text, whole(items));
  }
});

test('states that are cut off vouch for nothing', async (t) => {
  const items = names(10);
  const output = await outputPath();
  await stoppedAfter(output, items);
  await truncate(join(`${output}.partial`, 'states'), 10 * 8 - 1);
  const { text, kept } = await finish(output, items);
  t.is(text, whole(items));
  t.is(kept, 0);
});

test('more rows than states are read at a time', async (t) => {
  const items = names(20_000);
  const output = await outputPath();
  await stoppedAfter(output, items);
  const today = items.map((item, i) => (i === 17_001 ? { ...item, state: 5n } : item));
  t.is((await finish(output, today)).kept, 17_000);
});

test('what the journal does not vouch for is not believed', async (t) => {
  const items = names(10);
  const output = await outputPath();
  await stoppedAfter(output, items.slice(0, 8));
  const data = join(`${output}.partial`, 'results.csv');
  // Half a row, as a kill leaves it behind the last commit.
  await writeFile(data, (await readFile(data, 'utf8')) + row('x').slice(0, 4));
  t.is((await finish(output, items)).text, whole(items));

  const cut = await outputPath();
  await stoppedAfter(cut, items.slice(0, 8));
  await writeFile(join(`${cut}.partial`, 'results.csv'), HEADER);
  const { text, kept } = await finish(cut, items);
  t.is(text, whole(items));
  t.is(kept, 0);

  const torn = await outputPath();
  await stoppedAfter(torn, items.slice(0, 8));
  await writeFile(join(`${torn}.partial`, 'journal.json'), '{"rows": 8');
  t.is((await finish(torn, items)).text, whole(items));
});

test('a journal that cannot be written is a failure of the output', async (t) => {
  const output = join(await mkdtemp(join(tmpdir(), 'lungcls-results-')), 'out.csv');
  const { partial, file } = await openOutput(output);
  await mkdir(partial.path('journal.json'));
  const error = await t.throwsAsync(file.truncate(file.start), { instanceOf: LungclsError });
  t.is(error.code, 'OUTPUT_UNWRITABLE');
  t.is(error.path, output);
  t.true(error.message.startsWith(`Cannot write ${output}: `), error.message);
  await file.suspend();
  await partial.release();
});
