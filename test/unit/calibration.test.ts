import test from 'ava';
import { calibrate, isCalibration } from '#src/bundle/calibration.js';
import { compareCalibration } from '#src/evaluation/calibration-scores.js';
import { argmaxRows } from '#src/evaluation/confusion.js';
import { expectedCalibrationError, reliabilityBins } from '#src/evaluation/reliability.js';
import { fitTemperature } from '#src/evaluation/temperature.js';
import { RandomStream } from '#src/training/random.js';

test('no label changes, whatever the temperature', (t) => {
  const random = new RandomStream([3]);
  const rows = 2000;
  const probabilities = new Float32Array(4 * rows);
  for (let row = 0; row < rows; row++) {
    const powers = Array.from({ length: 4 }, () => Math.exp(12 * random.uniform()));
    const sum = powers.reduce((a, b) => a + b, 0);
    probabilities.set(
      powers.map((power) => power / sum),
      4 * row,
    );
  }
  for (const temperature of [0.05, 0.7, 1, 1.9, 20]) {
    const after = calibrate(probabilities, 4, temperature);
    t.deepEqual(argmaxRows(after, 4), argmaxRows(probabilities, 4), String(temperature));
    for (let row = 0; row < rows; row++) {
      const sum = after.subarray(4 * row, 4 * row + 4).reduce((a, b) => a + b, 0);
      t.true(Math.abs(sum - 1) < 1e-6);
    }
  }
});

test('a lead that rounding would take away is kept', (t) => {
  // The next float32 above a half: divided by 20 both logits give the same float32.
  const above = 0.5 + 2 ** -24;
  const close = Float32Array.of(0.5 - 2 ** -25, above);
  t.deepEqual([...argmaxRows(close, 2)], [1]);
  const after = calibrate(close, 2, 20);
  t.deepEqual([...argmaxRows(after, 2)], [1]);
  t.true(Math.abs((after[0] ?? 0) - 0.5) < 1e-6);
});

test('a probability of 0 is one that float32 cannot hold', (t) => {
  const after = calibrate(Float32Array.of(1, 0, 0), 3, 2);
  t.is(after[0], 1);
  // sqrt of the smallest float32.
  t.true(Math.abs((after[1] ?? 0) / Math.sqrt(2 ** -149) - 1) < 1e-5);
  t.deepEqual(calibrate(Float32Array.of(1, 0, 0), 3, 1), Float32Array.of(1, 0, 0));
});

test('the array that was given stays as it was', (t) => {
  const given = Float32Array.of(0.8, 0.2);
  calibrate(given, 2, 3);
  t.deepEqual(given, Float32Array.of(0.8, 0.2));
});

test('where all are right, or none is better than chance, there is no temperature', (t) => {
  const sure = Float32Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 0.9 : 0.1));
  const reason = (truth: number[], probabilities: ArrayLike<number>): string => {
    const fitted = fitTemperature(truth, probabilities, 2);
    return typeof fitted === 'string' ? fitted : `temperature ${String(fitted.temperature)}`;
  };
  t.regex(reason(new Array<number>(10).fill(0), sure), /too few of the 10 tiles/);
  t.regex(reason(new Array<number>(10).fill(1), sure), /say nothing/);
  t.regex(reason([], []), /no tile/);
});

test('a model that is right as often as it says has temperature 1', (t) => {
  const truth = Array.from({ length: 1000 }, (_, i) => (i % 10 < 8 ? 0 : 1));
  const p = Float64Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 0.8 : 0.2));
  const fitted = fitTemperature(truth, p, 2);
  t.true(typeof fitted !== 'string' && Math.abs(fitted.temperature - 1) < 1e-9);
  // Surer than right: log(p) / T has to give 0.8 from 0.95.
  const surer = p.map((value) => (value === 0.8 ? 0.95 : 0.05));
  const scaled = fitTemperature(truth, surer, 2);
  const expected = Math.log(0.95 / 0.05) / Math.log(0.8 / 0.2);
  t.true(typeof scaled !== 'string' && Math.abs(scaled.temperature - expected) < 1e-9);
});

test('scores before and after share their resamples', async (t) => {
  const truth = Array.from({ length: 300 }, (_, i) => (i % 10 < 8 ? 0 : 1));
  const before = Float32Array.from({ length: 600 }, (_, i) => (i % 2 === 0 ? 0.95 : 0.05));
  const after = calibrate(before, 2, Math.log(19) / Math.log(4));
  const groups = truth.map((_, i) => Math.floor(i / 30));
  const scores = await compareCalibration({
    truth,
    before,
    after,
    classes: 2,
    groups,
    resamples: 50,
  });
  const { calibrationError } = scores;
  t.true(Math.abs(calibrationError.before.value - 0.15) < 1e-6);
  t.true(calibrationError.after.value < 1e-6);
  t.is(calibrationError.before.value, expectedCalibrationError(reliabilityBins(truth, before, 2)));
  // Every group is alike: the difference does not vary.
  t.true(calibrationError.change.high - calibrationError.change.low < 1e-12);
  t.deepEqual(scores.selective.length, 101);
});

test('what is no calibration is known', (t) => {
  const good = {
    ...{ method: 'temperature', temperature: 1.5, tiles: 100, heldBack: 'groups' },
    ...{ logLossBefore: 0.5, logLossAfter: 0.4 },
  };
  t.true(isCalibration(good));
  for (const bad of [
    { ...good, temperature: 0 },
    { ...good, temperature: '1' },
    { ...good, temperature: null },
    { ...good, method: 'isotonic' },
    { ...good, heldBack: 'some' },
    { ...good, logLossAfter: undefined },
    null,
    [],
    3,
  ]) {
    t.false(isCalibration(bad), JSON.stringify(bad));
  }
});
