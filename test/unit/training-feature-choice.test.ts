import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { precisionIdentity } from '#src/training/feature-base.js';
import { chooseFeatures } from '#src/training/feature-choice.js';
import { resolveSettings } from '#src/training/options.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

test('auto takes 8 bits on a CPU that is fast at them, for enough tiles', (t) => {
  const kind = (tiles: number, hasInt8: boolean, device: 'cpu' | 'cuda' = 'cpu'): string =>
    chooseFeatures('auto', { tiles, device }, () => hasInt8).kind;
  t.is(kind(15_000, true), 'int8');
  t.is(kind(15_000, false), 'fp32');
  t.is(kind(15_000, true, 'cuda'), 'fp32');
  t.is(kind(200, true), 'fp32');
  t.is(chooseFeatures('int8', { tiles: 2, device: 'auto' }, () => false).kind, 'int8');
  t.throws(() => chooseFeatures('int8', { tiles: 2, device: 'cuda' }), {
    code: 'INVALID_OPTION',
    message: /with device cuda/,
  });
  t.is(chooseFeatures('fp32', { tiles: 15_000, device: 'cpu' }, () => true).kind, 'fp32');
});

test('with folds there are no tiles to calibrate on', (t) => {
  const use = { tiles: 15_000, device: 'cpu', folds: true } as const;
  t.is(chooseFeatures('auto', use, () => true).kind, 'fp32');
  t.throws(() => chooseFeatures('int8', use), { code: 'INVALID_OPTION', message: /with folds/ });
});

test('features of another calibration are others; those of float32 keep their identity', (t) => {
  t.deepEqual(precisionIdentity({ kind: 'fp32' }), {});
  const identity = (rows: number[]): unknown =>
    precisionIdentity({ kind: 'int8', calibration: Int32Array.from(rows) });
  t.deepEqual(identity([3, 1]), { precision: 'int8', quantization: 1, calibration: [3, 1] });
  t.notDeepEqual(identity([3, 1]), identity([1, 3]));
});

test('another word for features is refused', (t) => {
  const features = JSON.parse('"int4"') as 'int8';
  t.throws(() => resolveSettings({ store: 's', output: 'o', features }), {
    message: 'Expected one of auto, fp32, int8 for features but received "int4" of type string',
  });
});

interface Recorded {
  splits: { name: string; seeds: { fp32: { own: number }; int8: { own: number } }[] }[];
}

test('what auto relies on has been measured: 8 bits cost at most 0.2 points, in the mean of each split', (t) => {
  const file = join(repositoryRoot, 'bench', 'results', 'int8-features.json');
  const { splits } = JSON.parse(readFileSync(file, 'utf8')) as Recorded;
  t.deepEqual(
    splits.map(({ name }) => name),
    ['random', 'grouped'],
  );
  for (const { name, seeds } of splits) {
    t.true(seeds.length >= 3);
    const cost = seeds.map(({ fp32, int8 }) => 100 * (fp32.own - int8.own));
    t.true(cost.reduce((a, b) => a + b) / cost.length <= 0.2, name);
  }
});
