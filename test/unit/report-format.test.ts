import test from 'ava';
import { linearScale, niceTicks, thinnedIndices } from '#src/report/axis.js';
import {
  formatBytes,
  formatCount,
  formatDecimal,
  formatDuration,
  formatPercent,
  formatRate,
  formatTime,
  plural,
} from '#src/report/format.js';

test('a percentage never says none or all where it was not', (t) => {
  t.is(formatPercent(0), '0.0%');
  t.is(formatPercent(0.0003), '<0.1%');
  t.is(formatPercent(0.97566), '97.6%');
  t.is(formatPercent(0.99999), '>99.9%');
  t.is(formatPercent(0.99999, 2), '>99.99%');
  t.is(formatPercent(1), '100.0%');
  t.is(formatPercent(0 / 0), 'n/a');
});

test('numbers', (t) => {
  t.is(formatCount(15000), '15,000');
  t.is(formatDecimal(0.97566), '0.9757');
  t.is(formatDecimal(Infinity), 'n/a');
  t.is(formatRate(0.001), '0.001');
  t.is(formatRate(0.00003125), '3.125e-5');
  t.is(formatRate(0), '0');
  t.is(formatBytes(512), '512 bytes');
  t.is(formatBytes(16 * 2 ** 30), '16.0 GiB');
  t.is(plural(1, 'tile'), '1 tile');
  t.is(plural(2, 'class', 'classes'), '2 classes');
});

test('durations carry over into the next unit', (t) => {
  t.is(formatDuration(0.844), '0.84 s');
  t.is(formatDuration(9.999), '10.0 s');
  t.is(formatDuration(59.96), '1 min 0 s');
  t.is(formatDuration(83), '1 min 23 s');
  t.is(formatDuration(3599.6), '1 h 0 min');
  t.is(formatDuration(7384), '2 h 3 min');
});

test('times are given in UTC, and what is no time is left alone', (t) => {
  t.is(formatTime('2025-11-23T04:10:00Z'), '23 November 2025 at 04:10 UTC');
  t.is(formatTime('yesterday'), 'yesterday');
});

test('ticks are round, ascending and cover the values', (t) => {
  t.deepEqual(niceTicks(0.9162, 0.9891), [0.9, 0.92, 0.94, 0.96, 0.98, 1]);
  t.deepEqual(niceTicks(0, 0.2543), [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
  for (const [min, max] of [
    [0.5, 0.5],
    [0, 0],
    [1, 1],
    [-3, 8],
    [1e-7, 3e-7],
    [0, 123456],
  ] as const) {
    const ticks = niceTicks(min, max);
    const [first = NaN] = ticks;
    const last = ticks.at(-1) ?? NaN;
    t.true(first <= min && last >= max && ticks.length >= 2 && ticks.length <= 12, `${min} ${max}`);
    t.deepEqual(
      ticks,
      [...new Set(ticks)].sort((a, b) => a - b),
    );
  }
});

test('few indices are all kept, many are thinned evenly', (t) => {
  t.deepEqual(thinnedIndices(3, 10), [0, 1, 2]);
  t.deepEqual(thinnedIndices(25, 10), [0, 3, 6, 9, 12, 15, 18, 21, 24]);
  t.deepEqual(thinnedIndices(0, 10), []);
});

test('a scale is linear, and an empty interval goes to the middle', (t) => {
  t.is(linearScale([0, 2], [10, 20])(1), 15);
  t.is(linearScale([0, 2], [20, 10])(2), 10);
  t.is(linearScale([5, 5], [10, 20])(5), 15);
});
