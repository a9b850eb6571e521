import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ResultFile } from '#src/inference/result-file.js';
import { ResultCounts, resultHeader, resultRow } from '#src/inference/results.js';
import { resume } from '#src/inference/resume.js';
import { openPartial, type PartialOutput } from '#src/storage/partial.js';

const CLASSES = ['a', 'b, "c"'];
const HEADER = resultHeader(CLASSES);
const BATCH = 4;

function row(path: string): string {
  return resultRow(path, 'ok', new Float32Array([0.25, 0.75]), CLASSES).line;
}

function names(count: number): { path: string }[] {
  return Array.from({ length: count }, (_, i) => ({ path: `tile "${i}",\nof é.jpeg` }));
}

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

async function openOutput(output: string): Promise<{ partial: PartialOutput; file: ResultFile }> {
  const partial = await openPartial(output, { fingerprint: 'same', force: false });
  return { partial, file: await ResultFile.open(partial, HEADER) };
}

/** Writes rows as far as a process got that was stopped in good order. */
async function stoppedAfter(output: string, items: readonly { path: string }[]): Promise<void> {
  const { partial, file } = await openOutput(output);
  await file.append(items.map(({ path }) => row(path)).join(''), items.length);
  await file.suspend();
  await partial.release();
}

/** Continues with the inputs of today; gives the file's text at the end, and how many rows were kept. */
async function finish(
  output: string,
  items: readonly { path: string }[],
): Promise<{ text: string; kept: number; counted: number }> {
  const { partial, file } = await openOutput(output);
  const counts = new ResultCounts(CLASSES);
  const inputs = iterate(items);
  const from = await resume(file, inputs, BATCH, counts);
  const counted = counts.rows;
  for (const { path } of from.pending) await file.append(row(path), 1);
  for await (const { path } of inputs) await file.append(row(path), 1);
  await file.finish();
  await partial.release();
  return { text: await readFile(output, 'utf8'), kept: from.rows, counted };
}

async function outputPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'lungcls-results-')), 'out.csv');
}

function whole(items: readonly { path: string }[]): string {
  return HEADER + items.map(({ path }) => row(path)).join('');
}

test('a row has the label of the largest probability, the first of equal ones, and seven digits', (t) => {
  const { line, label } = resultRow('x', 'ok', new Float32Array([0.1, 0.9]), CLASSES);
  t.is(label, 'b, "c"');
  t.is(line, 'x,"b, ""c""",0.1,0.9,ok\n');
  t.is(resultRow('x', 'ok', new Float32Array([0.5, 0.5]), CLASSES).label, 'a');
  t.is(resultRow('x', 'ok', new Float32Array([1, 1.5e-12]), CLASSES).line, 'x,a,1,1.5e-12,ok\n');
});

test('a row without a tile has a status, and nothing where numbers would stand', (t) => {
  t.is(resultRow('x', 'IMAGE_DAMAGED', undefined, CLASSES).line, 'x,,,,IMAGE_DAMAGED\n');
});

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
    [...items, { path: 'one more' }],
    items.map((item, i) => (i === 6 ? { path: 'another' } : item)),
    [{ path: 'new first' }, ...items],
  ]) {
    const output = await outputPath();
    await stoppedAfter(output, items);
    const { text } = await finish(output, today);
    t.is(text, whole(today));
  }
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
