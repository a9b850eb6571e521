/**
 * scikit-learn's classification report, to the last printed digit: precision, recall and F1 of each
 * class, their macro and weighted means (sklearn/metrics/_classification.py, version 1.9).
 */
import { LungclsError } from '../errors.js';
import { formatFixed, numpySum } from './numpy.js';

export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly 'f1-score': number;
  /** Tiles that truly are of the class. */
  readonly support: number;
}

export interface ClassificationReport {
  /** One a class, in class order. */
  readonly perClass: readonly (ClassScores & { readonly name: string })[];
  readonly accuracy: number;
  readonly macro: ClassScores;
  readonly weighted: ClassScores;
}

export interface ReportOptions {
  /** What a quotient with nothing in its denominator counts as. scikit-learn's default: 0. */
  zeroDivision?: 0 | 1;
}

/**
 * The report of a confusion matrix.
 * @param matrix counts, row = true class, column = predicted class
 * @param names one a class; any characters
 * @throws LungclsError INVALID_OPTION where the matrix is not square or has another size than names
 */
export function classificationReport(
  matrix: readonly (readonly number[])[],
  names: readonly string[],
  { zeroDivision = 0 }: ReportOptions = {},
): ClassificationReport {
  if (names.length !== matrix.length || matrix.some((row) => row.length !== names.length)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a confusion matrix of ${names.length} rows and columns, one a class name`,
    );
  }
  const divide = (a: number, b: number): number => (b === 0 ? zeroDivision : a / b);
  const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const perClass = names.map((name, c) => {
    const hits = matrix[c]?.[c] ?? 0;
    const support = total(matrix[c] ?? []);
    const predicted = total(matrix.map((row) => row[c] ?? 0));
    return {
      name,
      precision: divide(hits, predicted),
      recall: divide(hits, support),
      // As scikit-learn: from the counts, not from precision and recall.
      'f1-score': divide(2 * hits, support + predicted),
      support,
    };
  });
  const tiles = total(perClass.map(({ support }) => support));
  const mean = (weights: readonly number[] | undefined): ClassScores => {
    const average = (key: 'precision' | 'recall' | 'f1-score'): number => {
      const values = perClass.map((scores) => scores[key]);
      if (weights === undefined) return numpySum(values) / values.length;
      if (tiles === 0) return zeroDivision;
      return numpySum(values.map((value, i) => value * (weights[i] ?? 0))) / tiles;
    };
    return {
      precision: average('precision'),
      recall: average('recall'),
      'f1-score': average('f1-score'),
      support: tiles,
    };
  };
  return {
    perClass,
    accuracy: divide(total(matrix.map((row, c) => row[c] ?? 0)), tiles),
    macro: mean(undefined),
    weighted: mean(perClass.map(({ support }) => support)),
  };
}

/**
 * The text `sklearn.metrics.classification_report(..., target_names=names, digits=digits)` returns.
 */
export function formatClassificationReport(report: ClassificationReport, digits = 2): string {
  // Python pads by code points.
  const length = (text: string): number => Array.from(text).length;
  const width = Math.max(...report.perClass.map(({ name }) => length(name)), 12, digits);
  const right = (text: string, size: number): string =>
    ' '.repeat(Math.max(0, size - length(text))) + text;
  const line = (name: string, cells: readonly string[]): string =>
    `${right(name, width)} ${cells.map((cell) => ` ${right(cell, 9)}`).join('')}\n`;
  // Where nothing at all was hit, scikit-learn's counts become floats and show it.
  const hits = report.accuracy !== 0;
  const count = (n: number): string => (hits ? String(n) : `${n}.0`);
  const row = (name: string, s: ClassScores): string =>
    line(name, [
      ...[s.precision, s.recall, s['f1-score']].map((value) => formatFixed(value, digits)),
      count(s.support),
    ]);
  return [
    line('', ['precision', 'recall', 'f1-score', 'support']),
    '\n',
    ...report.perClass.map((scores) => row(scores.name, scores)),
    '\n',
    line('accuracy', ['', '', formatFixed(report.accuracy, digits), count(report.macro.support)]),
    row('macro avg', report.macro),
    row('weighted avg', report.weighted),
  ].join('');
}

/**
 * What scikit-learn returns with `output_dict=True`. A class named like an average, such as
 * `accuracy`, is overwritten by it there, and so it is here.
 */
export function reportDictionary(
  report: ClassificationReport,
): Record<string, number | ClassScores> {
  // fromEntries defines own properties: a class may even be called __proto__.
  return Object.fromEntries<number | ClassScores>([
    ...report.perClass.map(({ name, ...scores }): [string, ClassScores] => [name, scores]),
    ['accuracy', report.accuracy],
    ['macro avg', report.macro],
    ['weighted avg', report.weighted],
  ]);
}
