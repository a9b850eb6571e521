import test from 'ava';
import { fitScale, type ScaleRun } from '#src/bench/scale-fit.js';

const run = (tiles: number, seconds: number, peakPrivateBytes = 1e8): ScaleRun => ({
  ...{ tiles, seconds, peakPrivateBytes },
  peakRssBytes: 2 * peakPrivateBytes,
  files: 4,
  bytes: 10 * tiles,
});

test('a start and a time a tile are found again', (t) => {
  const fit = fitScale([1000, 10_000, 100_000].map((n) => run(n, 2 + 0.003 * n)));
  t.true(Math.abs(fit.startSeconds - 2) < 1e-6);
  t.true(Math.abs(fit.secondsPerTile - 0.003) < 1e-9);
  // What it takes to start makes it less than linear.
  t.true(fit.exponent !== null && fit.exponent > 0.95 && fit.exponent < 1);
  t.true(fit.linear);
  t.true(fit.flat);
  t.is(fit.memoryBytesPerTile, 0);
  t.is(fit.diskBytesPerTile, 10);
});

test('time that grows faster than the tiles is not called linear', (t) => {
  const fit = fitScale([1000, 10_000].map((n) => run(n, 1e-6 * n ** 1.5)));
  t.is(fit.exponent?.toFixed(3), '1.500');
  t.false(fit.linear);
});

test('memory that grows with the tiles is not called flat', (t) => {
  const fit = fitScale([run(1000, 1, 1e8), run(100_000, 100, 1.6e8)]);
  t.false(fit.flat);
  t.true(Math.abs((fit.memoryBytesPerTile ?? 0) - 6e7 / 99_000) < 1e-6);
  t.true(fitScale([run(1000, 1, 1e8), run(100_000, 100, 1.2e8)]).flat);
});

test('a start below nothing is none', (t) => {
  const fit = fitScale([run(1000, 1), run(10_000, 11)]);
  t.is(fit.startSeconds, 0);
  t.true(fit.secondsPerTile > 0.001 && fit.secondsPerTile < 0.0011);
});

test('one size: the time a tile, and nothing about growth', (t) => {
  const fit = fitScale([run(500, 5)]);
  t.is(fit.secondsPerTile, 0.01);
  t.is(fit.exponent, null);
  t.is(fit.memoryBytesPerTile, null);
  t.true(fit.linear && fit.flat);
  t.throws(() => fitScale([]), { instanceOf: RangeError });
});
