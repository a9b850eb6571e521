import test from 'ava';
import { pairedRatios, quantile, relativeNoise, spreadOf } from '#src/bench/statistics.js';

test('quantiles are those of NumPy', (t) => {
  // numpy.quantile([4, 1, 3, 2], [0, 0.25, 0.5, 0.95, 1])
  const found = [0, 0.25, 0.5, 0.95, 1].map((q) => quantile([4, 1, 3, 2], q));
  t.deepEqual(found, [1, 1.75, 2.5, 3.8499999999999996, 4]);
  t.is(quantile([7], 0.99), 7);
  t.true(Number.isNaN(quantile([], 0.5)));
});

test('a spread has the order of its names, and none is undefined', (t) => {
  t.deepEqual(spreadOf([5, 1, 2, 4, 3]), { median: 3, q1: 2, q3: 4, min: 1, max: 5 });
  t.is(spreadOf([]), undefined);
});

test('one disturbed round hardly changes the noise', (t) => {
  const quiet = relativeNoise([100, 101, 99, 100, 102, 98, 100]);
  const disturbed = relativeNoise([100, 101, 99, 10, 102, 98, 100]);
  t.true(quiet > 0 && quiet < 0.03);
  t.true(disturbed < 0.03);
  t.is(relativeNoise([5]), 0);
  // The normal distribution's: the scaled median absolute deviation of its quartiles is its sigma.
  t.true(Math.abs(relativeNoise([1 - 0.6745, 1, 1 + 0.6745]) - 1) < 1e-3);
});

test('ratios pair rounds by their number, and leave out those of one side alone', (t) => {
  const own = [
    { round: 0, rate: 10 },
    { round: 1, rate: 40 },
    { round: 2, rate: 99 },
  ];
  const other = [
    { round: 1, rate: 20 },
    { round: 0, rate: 5 },
    { round: 3, rate: 1 },
  ];
  t.deepEqual(pairedRatios(own, other), [2, 2]);
  t.deepEqual(pairedRatios(own, [{ round: 0, rate: 0 }]), []);
});

test('pairing sees through a machine that slows down: medians alone would not', (t) => {
  // Both halve in the second half; ours is always 1.1 times as fast, but has one round more in the slow half.
  const other = [100, 100, 50, 50, 50].map((rate, round) => ({ round, rate }));
  const own = other.map(({ round, rate }) => ({ round, rate: rate * 1.1 }));
  for (const ratio of pairedRatios(own, other)) t.true(Math.abs(ratio - 1.1) < 1e-12);
});
