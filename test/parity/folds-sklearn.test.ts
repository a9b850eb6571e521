/** k-fold splits are scikit-learn's, index for index: test/fixtures/split/make_folds.py made the values. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { groupedFolds, stratifiedFolds } from '#src/dataset/folds.js';
import { numberGroups } from '#src/dataset/groups.js';
import type { Split } from '#src/dataset/split.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Case {
  k: number;
  seed: number;
  labels: number[];
  folds: string;
}
const fixture = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/split/folds.json'), 'utf8'),
) as { stratified: Case[]; grouped: (Case & { groups: string[] })[] };

/** The fold in which each tile validates, as in the fixture; checks that the rest trains, in order. */
function foldsText(splits: readonly Split[], n: number): string {
  const folds = new Array<string>(n).fill('?');
  for (const [fold, { train, validation }] of splits.entries()) {
    const sides = [...train, ...validation];
    if (new Set(sides).size !== n || sides.length !== n) return `fold ${String(fold)} is not whole`;
    if (!isAscending(train) || !isAscending(validation))
      return `fold ${String(fold)} is out of order`;
    for (const tile of validation) folds[tile] = fold.toString(36);
  }
  return folds.join('');
}

function isAscending(values: Int32Array): boolean {
  return values.every((value, i) => i === 0 || value > (values[i - 1] ?? 0));
}

test('stratified folds are those of StratifiedKFold', (t) => {
  t.is(fixture.stratified.length, 5);
  for (const { k, seed, labels, folds } of fixture.stratified) {
    const splits = stratifiedFolds(Int32Array.from(labels), k, seed);
    t.is(foldsText(splits, labels.length), folds, `${String(k)} folds, seed ${String(seed)}`);
  }
});

test('grouped folds are those of StratifiedGroupKFold', (t) => {
  t.is(fixture.grouped.length, 6);
  for (const { k, seed, labels, groups, folds } of fixture.grouped) {
    const splits = groupedFolds(Int32Array.from(labels), numberGroups('test', groups), k, seed);
    t.is(foldsText(splits, labels.length), folds, `${String(k)} folds, seed ${String(seed)}`);
  }
});

test('folds that cannot be filled are refused', (t) => {
  const labels = Int32Array.of(0, 0, 0, 1, 1, 1);
  t.throws(() => stratifiedFolds(labels, 4, 0), {
    code: 'TOO_FEW_TILES',
    message: /folds \(4\) but the smallest class has 3/,
  });
  t.throws(() => stratifiedFolds(labels, 1, 0), { code: 'INVALID_OPTION', message: /for folds/ });
  const groups = numberGroups('test', ['a', 'a', 'a', 'b', 'b', 'b']);
  t.throws(() => groupedFolds(labels, groups, 3, 0), {
    code: 'SPLIT_IMPOSSIBLE',
    message: /each of 3 folds but the 2 groups fill only 2/,
  });
});
