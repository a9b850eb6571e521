import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Ranking } from '#src/evaluation/ranking.js';
import { Scorer } from '#src/evaluation/scorer.js';
import { scoreTiles } from '#src/evaluation/scores.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface ScoreValues {
  accuracy: number;
  balancedAccuracy: number;
  macroF1: number;
  weightedF1: number;
  logLoss: number;
  brier: number;
  precision: number[];
  recall: number[];
  f1: number[];
  rocAuc: number[];
  averagePrecision: number[];
}

type Series = (number | null)[];

interface Case {
  classes: number;
  truth: number[];
  probabilities: number[];
  weights: number[];
  plain: ScoreValues;
  weighted: ScoreValues;
  curves: { roc: [Series, Series, Series]; precisionRecall: [Series, Series, Series] }[];
  pairs: number[];
}

const { cases } = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/scores/scores.json'), 'utf8'),
) as { cases: Case[] };

/** scikit-learn computes some of them in float32. */
const FLOAT32 = 1e-6;

function near(
  t: ExecutionContext,
  found: number | undefined,
  expected: number,
  what: string,
): void {
  t.true(
    Math.abs((found ?? NaN) - expected) < FLOAT32,
    `${what}: ${String(found)} ${String(expected)}`,
  );
}

function compare(t: ExecutionContext, found: readonly number[], expected: ScoreValues): void {
  const overall = [
    expected.accuracy,
    expected.balancedAccuracy,
    expected.macroF1,
    expected.weightedF1,
    expected.rocAuc.reduce((a, b) => a + b) / expected.rocAuc.length,
    expected.logLoss,
    expected.brier,
  ];
  for (const [i, value] of overall.entries())
    near(t, found[i], value, `overall score ${String(i)}`);
  for (const c of expected.recall.keys()) {
    const own = [
      expected.precision,
      expected.recall,
      expected.f1,
      expected.rocAuc,
      expected.averagePrecision,
    ];
    for (const [i, values] of own.entries()) {
      near(t, found[8 + 5 * c + i], values[c] ?? NaN, `class ${String(c)}, score ${String(i)}`);
    }
  }
}

test('scores are those of scikit-learn, also of weighted tiles', (t) => {
  for (const { classes, truth, probabilities, weights, plain, weighted } of cases) {
    const scorer = new Scorer(truth, new Float32Array(probabilities), classes);
    compare(t, scorer.values(new Float64Array(truth.length).fill(1)), plain);
    compare(t, scorer.values(new Float64Array(weights)), weighted);
  }
});

test('curves are those of scikit-learn, point for point', (t) => {
  const same = (found: readonly number[], expected: Series | undefined, what: string): void => {
    t.is(found.length, expected?.length ?? -1, what);
    for (const [i, value] of found.entries()) {
      const other = expected?.[i] ?? Infinity;
      t.true(value === other || Math.abs(value - other) < 1e-12, `${what} ${String(i)}`);
    }
  };
  for (const { classes, truth, probabilities, curves } of cases) {
    for (const [c, { roc, precisionRecall }] of curves.entries()) {
      const ranking = new Ranking(
        truth.map((label) => label === c),
        truth.map((_, i) => probabilities[i * classes + c] ?? NaN),
      );
      const found = ranking.rocCurve();
      same(found.falsePositiveRate, roc[0], 'false positive rate');
      same(found.truePositiveRate, roc[1], 'true positive rate');
      same(found.thresholds, roc[2], 'threshold');
      const other = ranking.precisionRecallCurve();
      same(other.precision, precisionRecall[0], 'precision');
      same(other.recall, precisionRecall[1], 'recall');
      same(other.thresholds, precisionRecall[2], 'threshold');
    }
  }
});

test('the areas of pairs of classes are the means of both directions', async (t) => {
  for (const { classes, truth, probabilities, pairs } of cases) {
    const { pairs: found } = await scoreTiles({
      truth,
      probabilities: new Float32Array(probabilities),
      classes: Array.from({ length: classes }, (_, c) => `class ${String(c)}`),
      resamples: 2,
    });
    t.is(found.length, pairs.length);
    for (const [i, { rocAuc }] of found.entries()) near(t, rocAuc.value, pairs[i] ?? NaN, 'pair');
  }
});
