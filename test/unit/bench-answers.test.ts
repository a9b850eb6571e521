import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compareAnswers, readAnswers, type Answers, type Check } from '#src/bench/answers.js';
import { writeNpy } from '#src/storage/npy.js';

const tiles = (...values: number[]): Answers => ({
  shape: [1, values.length],
  values: Uint8Array.from(values),
});
const rows = (...values: number[]): Answers => ({
  shape: [values.length / 3, 3],
  values: Float32Array.from(values),
});

const EXACT: Check = { kind: 'exact' };
const WITHIN: Check = { kind: 'within', maxDifference: 1e-4 };
const CLASSES: Check = { kind: 'classes', sameClass: 0.95, maxDifference: 0.05 };
const PICTURE: Check = { kind: 'picture', meanDifference: 2 };

test('exact means every number', (t) => {
  t.true(compareAnswers(tiles(1, 2, 3), tiles(1, 2, 3), EXACT, 'a').ok);
  const off = compareAnswers(tiles(1, 2, 4), tiles(1, 2, 3), EXACT, 'a');
  t.false(off.ok);
  t.is(off.maxDifference, 1);
  t.is(off.found, 'differs by up to 1');
});

test('a tolerance is a largest difference, and the classes are told beside it', (t) => {
  const reference = rows(0.8, 0.1, 0.1, 0.2, 0.7, 0.1);
  const near = compareAnswers(rows(0.80005, 0.1, 0.1, 0.2, 0.7, 0.1), reference, WITHIN, 'a');
  t.true(near.ok);
  t.is(near.sameClass, 1);
  const far = compareAnswers(rows(0.8, 0.1, 0.1, 0.7, 0.2, 0.1), reference, WITHIN, 'a');
  t.false(far.ok);
  t.is(far.sameClass, 0.5);
});

test('8 bits are held to the classes', (t) => {
  const reference = rows(0.8, 0.1, 0.1, 0.2, 0.7, 0.1);
  t.true(compareAnswers(rows(0.5, 0.3, 0.2, 0.3, 0.5, 0.2), reference, CLASSES, 'a').ok);
  t.false(compareAnswers(rows(0.5, 0.3, 0.2, 0.5, 0.3, 0.2), reference, CLASSES, 'a').ok);
  // Where two classes are nearly as likely, rounding decides.
  const tie = rows(0.45, 0.44, 0.11);
  t.true(compareAnswers(rows(0.44, 0.45, 0.11), tie, CLASSES, 'a').ok);
});

test('another filter gives nearly the same picture; another picture is wrong', (t) => {
  t.true(compareAnswers(tiles(10, 20, 32), tiles(10, 20, 30), PICTURE, 'a').ok);
  t.false(compareAnswers(tiles(30, 20, 10), tiles(10, 20, 30), PICTURE, 'a').ok);
});

test('nothing, no number and another shape are never right', (t) => {
  const reference = rows(0.8, 0.1, 0.1);
  for (const check of [EXACT, WITHIN, CLASSES, PICTURE]) {
    t.false(compareAnswers(rows(), rows(), check, 'a').ok, check.kind);
    t.false(compareAnswers(rows(NaN, 0.1, 0.1), reference, check, 'a').ok, check.kind);
    t.false(
      compareAnswers(rows(0.8, 0.1, 0.1, 0.8, 0.1, 0.1), reference, check, 'a').ok,
      check.kind,
    );
  }
});

test('what is not compared says so', (t) => {
  const result = compareAnswers(
    rows(1, 2, 3),
    rows(4, 5, 6),
    { kind: 'none', why: 'own weights' },
    'a',
  );
  t.true(result.ok);
  t.is(result.found, 'not compared: own weights');
  t.is(result.compared, 0);
});

test('answers are read from an .npy of either type', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-answers-'));
  const path = join(folder, 'a.npy');
  const values = Float32Array.of(0.5, 0.25);
  await writeNpy(path, { dtype: '<f4', shape: [1, 2] }, new Uint8Array(values.buffer));
  t.deepEqual(await readAnswers(path), { shape: [1, 2], values });
  await writeNpy(path, { dtype: '|u1', shape: [2, 1] }, Uint8Array.of(7, 8));
  t.deepEqual(await readAnswers(path), { shape: [2, 1], values: Uint8Array.of(7, 8) });
  await writeFile(path, 'no array');
  await t.throwsAsync(readAnswers(path), { code: 'INPUT_UNREADABLE' });
});
