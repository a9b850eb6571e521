import { join } from 'node:path';
import test from 'ava';
import { loadClassifier } from '#src/inference/classifier.js';
import { SYMMETRIES, turnTiles, withTta } from '#src/inference/tta.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { MINI_SIZE, writeMiniModel } from '../fixtures/mini-model.js';

const BYTES = MINI_SIZE * MINI_SIZE * 3;

function tiles(count: number): Uint8Array {
  return Uint8Array.from({ length: count * BYTES }, (_, i) => (i * i + (i >> 3)) % 251);
}

function turned(from: Uint8Array, symmetry: number, size = MINI_SIZE): Uint8Array {
  const out = new Uint8Array(from.length);
  turnTiles(from, from.length / (size * size * 3), size, symmetry, out);
  return out;
}

test('the eight symmetries of a tile of four pixels', (t) => {
  // ab      a pixel is three times its letter
  // cd
  const tile = new Uint8Array(Buffer.from('aaabbbcccddd', 'latin1'));
  const shown = Array.from({ length: SYMMETRIES }, (_, symmetry) => {
    const letters = String.fromCharCode(...turned(tile, symmetry, 2));
    t.regex(letters, /^(?:(.)\1\1){4}$/, 'channels stay together');
    return letters.replaceAll(/(.)\1\1/g, '$1');
  });
  t.deepEqual(shown, ['abcd', 'badc', 'cdab', 'dcba', 'acbd', 'cadb', 'bdac', 'dbca']);
});

test('they are a group: those of a turned tile are those of the tile', (t) => {
  const all = (tile: Uint8Array): string[] =>
    Array.from({ length: SYMMETRIES }, (_, k) =>
      Buffer.from(turned(tile, k)).toString('hex'),
    ).sort();
  const tile = tiles(1);
  t.is(new Set(all(tile)).size, SYMMETRIES);
  for (let k = 0; k < SYMMETRIES; k++) t.deepEqual(all(turned(tile, k)), all(tile));
});

test('each tile of a batch is turned by itself', (t) => {
  const both = turned(tiles(2), 5);
  t.deepEqual(both.subarray(0, BYTES), turned(tiles(2).slice(0, BYTES), 5));
  t.deepEqual(both.subarray(BYTES), turned(tiles(2).slice(BYTES), 5));
});

test('with d4 the probabilities are the mean over the symmetries, and the same for a turned tile', async (t) => {
  const model = join(await temporaryFolder(t), 'mini.onnx');
  await writeMiniModel(model);
  const plain = await loadClassifier(model, { batchSize: 2 });
  const all = tiles(3);
  const expected = new Float64Array(9);
  for (let k = 0; k < SYMMETRIES; k++) {
    (await plain.classifyTiles(turned(all, k), 3)).forEach(
      (p, i) => (expected[i]! += p / SYMMETRIES),
    );
  }
  const first = await plain.classifyTiles(all, 3);
  const other = await plain.classifyTiles(turned(all, 6), 3);
  const differs = first.some((p, i) => Math.abs(p - (other[i] ?? NaN)) > 1e-3);
  t.true(differs, 'without it, a turned tile has other probabilities');
  t.is(withTta(plain, undefined), plain);

  const classifier = withTta(plain, 'd4');
  t.regex(classifier.description, /8 flips and rotations/);
  for (let k = 0; k < SYMMETRIES; k++) {
    const buffer = turned(all, k);
    const promise = classifier.classifyTiles(buffer, 3);
    buffer.fill(0);
    const mean = await promise;
    mean.forEach((p, i) => {
      t.true(Math.abs(p - (expected[i] ?? NaN)) < 1e-6, `symmetry ${k}`);
    });
  }
  const running = classifier.classifyTiles(all, 3);
  await classifier.close();
  t.is((await running).length, 9, 'close waits for all eight');
  await t.throwsAsync(classifier.classifyTiles(all, 3), { code: 'CLOSED' });
});
