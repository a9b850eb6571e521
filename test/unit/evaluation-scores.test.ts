import test from 'ava';
import { bootstrapIntervals } from '#src/evaluation/bootstrap.js';
import { Ranking } from '#src/evaluation/ranking.js';
import {
  brierScore,
  expectedCalibrationError,
  reliabilityBins,
} from '#src/evaluation/reliability.js';
import { scoreTiles } from '#src/evaluation/scores.js';
import { selectiveAccuracy } from '#src/evaluation/selective.js';

/** The mean of 400 tiles of which a share is 1, in groups of 20 that are all 0 or all 1. */
const GROUPED = Array.from({ length: 400 }, (_, i) => (Math.floor(i / 20) % 4 === 0 ? 1 : 0));
const mean = (weights: Float64Array): number[] => {
  let [sum, total] = [0, 0];
  for (const [i, weight] of weights.entries()) {
    sum += weight * (GROUPED[i] ?? 0);
    total += weight;
  }
  return [sum / total];
};

test('tiles of one group are drawn together, which widens the interval as it should', async (t) => {
  const tiles = GROUPED.length;
  const groups = GROUPED.map((_, i) => `group ${String(Math.floor(i / 20))}`);
  const alone = await bootstrapIntervals({ tiles, statistic: mean, resamples: 2000 });
  const together = await bootstrapIntervals({ tiles, statistic: mean, groups, resamples: 2000 });
  t.is(alone.units, 400);
  t.is(together.units, 20);
  const width = ({ estimates: [e] }: typeof alone): number => (e?.high ?? NaN) - (e?.low ?? NaN);
  // The standard error of a share of 0.25: of 400 tiles 0.0217, of 20 groups 0.0968; times 2 * 1.96.
  t.true(Math.abs(width(alone) - 0.085) < 0.01, String(width(alone)));
  t.true(Math.abs(width(together) - 0.38) < 0.06, String(width(together)));
  t.is(together.estimates[0]?.value, 0.25);
});

test('the same seed gives the same intervals, another one others', async (t) => {
  const intervals = (seed: number): Promise<unknown> =>
    bootstrapIntervals({ tiles: 400, statistic: mean, resamples: 50, seed });
  t.deepEqual(await intervals(3), await intervals(3));
  t.notDeepEqual(await intervals(3), await intervals(4));
});

test('the bootstrap can be stopped', async (t) => {
  const controller = new AbortController();
  const running = bootstrapIntervals({
    tiles: 400,
    resamples: 1e6,
    signal: controller.signal,
    statistic: (weights) => {
      controller.abort();
      return mean(weights);
    },
  });
  await t.throwsAsync(running, { code: 'ABORTED' });
});

test('a calibration error is the weighted distance of confidence and accuracy', (t) => {
  // Two bins: four tiles at 0.6 of which two are right, one at 0.9 that is right.
  const p = new Float64Array([0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.9, 0.1]);
  const bins = reliabilityBins([0, 0, 1, 1, 0], p, 2, undefined, 10);
  t.deepEqual(
    bins.filter(({ tiles }) => tiles > 0).map(({ low, tiles, accuracy }) => [low, tiles, accuracy]),
    [
      [0.5, 4, 0.5],
      [0.8, 1, 1],
    ],
  );
  const expected = (4 / 5) * 0.1 + (1 / 5) * 0.1;
  t.true(Math.abs(expectedCalibrationError(bins) - expected) < 1e-12);
});

test('a probability of exactly 0 or 1 has a bin', (t) => {
  const [first] = reliabilityBins([0], [0, 0], 2);
  t.is(first?.tiles, 1);
  t.is(reliabilityBins([0], [1, 0], 2).at(-1)?.tiles, 1);
});

test('the Brier score is halved with two classes alone', (t) => {
  t.is(brierScore([0], [0, 1], 2), 1);
  t.is(brierScore([0], [0, 1, 0], 3), 2);
});

test('where a class has no tiles, its areas are not a number and nothing else is', async (t) => {
  const scores = await scoreTiles({
    truth: [0, 0, 1, 1],
    probabilities: new Float32Array([0.8, 0.1, 0.1, 0.3, 0.6, 0.1, 0.2, 0.8, 0, 0.1, 0.9, 0]),
    classes: ['a', 'b', 'c'],
    resamples: 20,
  });
  t.is(scores.accuracy.value, 0.75);
  t.is(scores.balancedAccuracy.value, 0.75);
  t.is(scores.perClass[2]?.recall.value, 0);
  t.is(scores.perClass[2]?.rocAuc.value, NaN);
  t.is(scores.perClass[0]?.rocAuc.value, 1);
  t.is(scores.macroRocAuc.value, 1);
});

test('what cannot be scored is refused', async (t) => {
  const one = { truth: [0], probabilities: new Float32Array([1, 0]), classes: ['a', 'b'] };
  await t.throwsAsync(scoreTiles({ ...one, truth: [] }), { message: /at least one tile/ });
  await t.throwsAsync(scoreTiles({ ...one, probabilities: new Float32Array(3) }), {
    message: /Expected 2 probabilities, 2 a tile, but received 3/,
  });
  await t.throwsAsync(scoreTiles({ ...one, groups: ['a', 'b'] }), {
    message: /one group a tile, 1/,
  });
  await t.throwsAsync(scoreTiles({ ...one, resamples: 0 }), {
    message: /resamples but received 0/,
  });
  t.throws(() => new Ranking([true], [NaN]), { message: /finite score for tile 0/ });
});

test('a threshold keeps the tiles that are sure enough', (t) => {
  const p = new Float64Array([0.6, 0.4, 0.3, 0.7, 0.9, 0.1, 0.2, 0.8]);
  t.deepEqual(selectiveAccuracy([1, 1, 0, 0], p, 2, [0, 0.65, 0.9, 1]), [
    { threshold: 0, kept: 1, accuracy: 0.5 },
    { threshold: 0.65, kept: 0.75, accuracy: 2 / 3 },
    { threshold: 0.9, kept: 0.25, accuracy: 1 },
    { threshold: 1, kept: 0, accuracy: NaN },
  ]);
});
