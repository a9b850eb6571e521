import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { calibrate } from '#src/bundle/calibration.js';
import { compareCalibration } from '#src/evaluation/calibration-scores.js';
import { fitTemperature } from '#src/evaluation/temperature.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Case {
  classes: number;
  truth: number[];
  probabilities: number[];
  temperature: number;
  sklearnTemperature: number;
  logLossBefore: number;
  logLossAfter: number;
  after: number[];
  sklearn: { logLoss: number; brier: number };
}

const { cases } = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/temperature/temperature.json'), 'utf8'),
) as { cases: Case[] };

for (const [i, { classes, truth, ...expected }] of cases.entries()) {
  const name = `case ${String(i + 1)}, ${String(classes)} classes, T = ${expected.temperature.toFixed(3)}`;
  const probabilities = Float32Array.from(expected.probabilities);

  test(`the temperature is scipy's and scikit-learn's: ${name}`, (t) => {
    const fitted = fitTemperature(truth, probabilities, classes);
    if (typeof fitted === 'string') {
      t.fail(fitted);
      return;
    }
    const off = (value: number): number => Math.abs(fitted.temperature / value - 1);
    // scipy stops at a loss that no longer changes, which is half of the digits.
    t.true(off(expected.temperature) < 1e-6, String(off(expected.temperature)));
    t.true(off(expected.sklearnTemperature) < 1e-4, String(off(expected.sklearnTemperature)));
    t.true(Math.abs(fitted.logLossBefore - expected.logLossBefore) < 1e-9);
    t.true(fitted.logLossAfter <= expected.logLossAfter + 1e-12, 'a minimum at least as low');
  });

  test(`the probabilities after it are softmax(log p / T): ${name}`, (t) => {
    const after = calibrate(probabilities, classes, expected.temperature);
    t.is(after.length, expected.after.length);
    for (const [k, value] of after.entries()) {
      t.true(Math.abs(value - (expected.after[k] ?? NaN)) < 2e-7, `${String(k)}: ${String(value)}`);
    }
  });

  test(`their scores are scikit-learn's: ${name}`, async (t) => {
    const after = calibrate(probabilities, classes, expected.temperature);
    const scores = await compareCalibration({
      ...{ truth, before: probabilities, after, classes, resamples: 20 },
    });
    t.true(Math.abs(scores.logLoss.after.value - expected.sklearn.logLoss) < 1e-6);
    t.true(Math.abs(scores.brier.after.value - expected.sklearn.brier) < 1e-6);
    t.is(scores.logLoss.change.value, scores.logLoss.after.value - scores.logLoss.before.value);
  });
}
