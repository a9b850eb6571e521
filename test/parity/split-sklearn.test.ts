/** The split is scikit-learn's, index for index: test/fixtures/split/make_split.py made the values. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { MersenneTwister } from '#src/dataset/random-state.js';
import { trainTestSplit } from '#src/dataset/split.js';
import { sha256 } from '#src/storage/hash.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Part {
  count: number;
  sha256: string;
  indices?: number[];
  first?: number[];
}
interface Fixture {
  cases: { n: number; testSize: number; seed: number; train: Part; validation: Part }[];
  refused: { n: number; testSize: number }[];
  randomSample2022: number[];
}

const fixture = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/split/split.json'), 'utf8'),
) as Fixture;

function described(indices: Int32Array): Part {
  const part = {
    count: indices.length,
    sha256: sha256(new Uint8Array(indices.buffer, indices.byteOffset, indices.byteLength)),
  };
  return indices.length <= 10
    ? { ...part, indices: [...indices] }
    : { ...part, first: [...indices.slice(0, 10)] };
}

test('every size, share and seed gives the indices of train_test_split', (t) => {
  t.true(fixture.cases.length > 100);
  for (const { n, testSize, seed, train, validation } of fixture.cases) {
    const split = trainTestSplit(n, testSize, seed);
    const name = `n ${String(n)}, share ${String(testSize)}, seed ${String(seed)}`;
    t.deepEqual(described(split.train), train, name);
    t.deepEqual(described(split.validation), validation, name);
  }
});

test('what train_test_split refuses is refused', (t) => {
  t.true(fixture.refused.length > 3);
  for (const { n, testSize } of fixture.refused) {
    t.throws(() => trainTestSplit(n, testSize, 0), { code: 'TOO_FEW_TILES' });
  }
});

test('random() is random_sample()', (t) => {
  const twister = new MersenneTwister(2022);
  t.deepEqual(
    fixture.randomSample2022.map(() => twister.random()),
    fixture.randomSample2022,
  );
});

test('wrong options name the field and what came', (t) => {
  t.throws(() => trainTestSplit(10, 1, 0), {
    code: 'INVALID_OPTION',
    message: /testSize.* 1 of type number/,
  });
  t.throws(() => trainTestSplit(10, 0, 0), { code: 'INVALID_OPTION' });
  t.throws(() => trainTestSplit(10, Number.NaN, 0), { code: 'INVALID_OPTION' });
  t.throws(() => trainTestSplit(2.5, 0.2, 0), { code: 'INVALID_OPTION', message: /for n/ });
  t.throws(() => trainTestSplit(10, 0.2, -1), { code: 'INVALID_OPTION', message: /for seed/ });
  t.throws(() => trainTestSplit(10, 0.2, 2 ** 32), { code: 'INVALID_OPTION' });
});
