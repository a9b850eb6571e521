import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  classificationReport,
  formatClassificationReport,
  reportDictionary,
} from '#src/evaluation/classification-report.js';
import { accuracy, argmaxRows, confusionMatrix, logLoss } from '#src/evaluation/confusion.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Case {
  names: string[];
  digits: number;
  zeroDivision: 0 | 1;
  truth: number[];
  predicted: number[];
  matrix: number[][];
  accuracy: number;
  text: string;
  dict: Record<string, unknown>;
  probabilities?: number[];
  logLoss?: number;
}

const fixture = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/metrics/metrics.json'), 'utf8'),
) as { cases: Case[] };

test('confusion matrix, accuracy and report are those of scikit-learn, digit for digit', (t) => {
  t.true(fixture.cases.length > 40);
  for (const c of fixture.cases) {
    const matrix = confusionMatrix(c.truth, c.predicted, c.names.length);
    t.deepEqual(matrix, c.matrix);
    t.is(accuracy(c.truth, c.predicted), c.accuracy);
    const report = classificationReport(matrix, c.names, { zeroDivision: c.zeroDivision });
    t.is(formatClassificationReport(report, c.digits), c.text);
    t.deepEqual(reportDictionary(report), c.dict as ReturnType<typeof reportDictionary>);
  }
});

test('log loss and the predicted class are those of scikit-learn and NumPy', (t) => {
  const withProbabilities = fixture.cases.filter((c) => c.probabilities !== undefined);
  t.true(withProbabilities.length > 0);
  for (const {
    truth,
    predicted,
    names,
    probabilities = [],
    logLoss: expected,
  } of withProbabilities) {
    const found = logLoss(truth, probabilities, names.length);
    t.true(Math.abs(found - (expected ?? NaN)) < 1e-12, `${String(found)} ${String(expected)}`);
    t.deepEqual([...argmaxRows(probabilities, names.length)], predicted);
  }
});
