import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseClassWeights } from '#src/cli/options.js';
import {
  balancedWeights,
  checkNames,
  describeFactors,
  factorsOf,
} from '#src/training/class-weights.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

const CLASSES = ['toString', 'b, c', 'd=1'];

test("balanced weights are scikit-learn's", (t) => {
  const { cases } = JSON.parse(
    readFileSync(join(repositoryRoot, 'test/fixtures/training/class-weights.json'), 'utf8'),
  ) as { cases: { counts: number[]; weights: Record<string, number> }[] };
  t.is(cases.length, 5);
  for (const { counts, weights } of cases) {
    const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
    const found = balancedWeights(counts.length, labels);
    for (const [label, weight] of Object.entries(weights)) {
      t.is(found[Number(label)], Math.fround(weight));
    }
  }
});

test('factors by name; a class that is not named has 1', (t) => {
  t.is(factorsOf('none', CLASSES, [0, 1, 2]), undefined);
  t.deepEqual(factorsOf({ 'b, c': 2.5 }, CLASSES, []), Float32Array.of(1, 2.5, 1));
  t.deepEqual(factorsOf('balanced', ['a', 'b'], [0, 0, 0, 1]), Float32Array.of(4 / 6, 2));
  t.notThrows(() => {
    checkNames({ 'd=1': 2 }, CLASSES);
  });
  t.throws(
    () => {
      checkNames({ other: 1 }, CLASSES);
    },
    {
      code: 'INVALID_OPTION',
      message: /"other"/,
    },
  );
  t.is(describeFactors(Float32Array.of(2 / 3, 2), ['a', 'b']), 'a 0.6667, b 2');
});

test('class weights on the command line', (t) => {
  t.is(parseClassWeights('none'), 'none');
  t.is(parseClassWeights('balanced'), 'balanced');
  t.deepEqual(parseClassWeights('lung_n=1,lung_aca=2.5'), { lung_n: 1, lung_aca: 2.5 });
  t.deepEqual(parseClassWeights('b, c=1e-1,d=1=3'), { 'b, c': 0.1, 'd=1': 3 });
  for (const wrong of ['', 'a', 'a=', '=1', 'a=x', 'a=1,b', 'a=1-', 'a=1,a=2']) {
    t.throws(() => parseClassWeights(wrong), { code: 'USAGE', message: /--class-weights/ }, wrong);
  }
});
