/** What a model carries away from its run: figures with their intervals, and the facts of its card. */
import type { JsonRecord } from '../bundle/metadata.js';
import type { Figure, StudyFacts } from '../bundle/study.js';
import type { Estimate } from '../evaluation/bootstrap.js';
import type { ReportData } from '../report/data.js';
import { splitSentence } from './split-words.js';

type Judged = Pick<
  ReportData,
  | ('store' | 'split' | 'scores' | 'confusionMatrix' | 'calibration')
  | ('comparison' | 'crossValidation')
>;

/** For lungcls.json; an end of an interval that is not there is null. */
export function intervalMetrics({ scores, calibration }: Judged): JsonRecord {
  if (scores === undefined) return {};
  const { resampled, units, resamples } = scores;
  const number = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const json = ({ value, low, high }: Estimate): JsonRecord => ({
    ...{ value: number(value), low: number(low), high: number(high) },
  });
  const { accuracy, balancedAccuracy, macroF1, weightedF1, macroRocAuc } = scores;
  const overall = { accuracy, balancedAccuracy, macroF1, weightedF1, macroRocAuc };
  const { logLoss, brier, calibrationError } = scores;
  const entries = Object.entries({ ...overall, logLoss, brier, calibrationError });
  return {
    intervals: {
      ...{ resampled, units, resamples },
      ...Object.fromEntries(entries.map(([name, estimate]) => [name, json(estimate)])),
      ...(calibration === undefined
        ? {}
        : {
            afterTemperature: {
              logLoss: json(calibration.logLoss.after),
              brier: json(calibration.brier.after),
              calibrationError: json(calibration.calibrationError.after),
            },
          }),
    },
  };
}

/** For MODEL_CARD.md; undefined where there are no scores. */
export function describeStudy(data: Judged): StudyFacts | undefined {
  const { store, split, scores, calibration } = data;
  if (scores === undefined) return undefined;
  const { leakage, groups } = split;
  return {
    tiles: store.tiles,
    perClass: store.perClass,
    failed: store.failed,
    store: store.fingerprint,
    train: split.train,
    validation: split.validation,
    validationPerClass: split.validationPerClass ?? [],
    split: splitSentence(split),
    groups: groups?.count,
    leaked: leakage === undefined || leakage.unknown > 0 ? undefined : leakage.tiles,
    resampled: scores.resampled,
    units: scores.units,
    resamples: scores.resamples,
    overall: [
      figure('Accuracy', scores.accuracy),
      figure('Balanced accuracy', scores.balancedAccuracy),
      figure('Macro F1', scores.macroF1),
      figure('Weighted F1', scores.weightedF1),
      figure('ROC area, mean of the classes', scores.macroRocAuc),
      figure('Log loss', scores.logLoss),
      figure('Brier score', scores.brier),
      figure('Calibration error', scores.calibrationError),
    ],
    perClassFigures: scores.perClass.map((c) => [
      figure('precision', c.precision),
      figure('recall', c.recall),
      figure('F1', c.f1),
      figure('ROC area', c.rocAuc),
      figure('average precision', c.averagePrecision),
    ]),
    confusionMatrix: data.confusionMatrix,
    calibration:
      calibration === undefined
        ? []
        : (
            [
              ['Log loss', calibration.logLoss],
              ['Brier score', calibration.brier],
              ['Calibration error', calibration.calibrationError],
            ] as const
          ).map(([name, { before, after }]) => ({
            before: figure(name, before),
            after: figure(name, after),
          })),
    further: furtherLines(data),
  };
}

function figure(name: string, { value, low, high }: Estimate): Figure {
  return { name, value, low, high };
}

function furtherLines({ comparison, crossValidation }: Judged): string[] {
  const lines: string[] = [];
  if (comparison !== undefined) {
    const parts = comparison.map(
      ({ split, accuracy }) => `${split.kind} split ${accuracy.toFixed(4)}`,
    );
    lines.push(`Accuracy of the same recipe by the split: ${parts.join(', ')}.`);
  }
  if (crossValidation !== undefined) {
    const { folds, kind, meanAccuracy, standardDeviation } = crossValidation;
    lines.push(
      `Cross-validation, ${String(folds.length)} ${kind} folds: accuracy ${meanAccuracy.toFixed(4)}, ` +
        `standard deviation ${standardDeviation.toFixed(4)}.`,
    );
  }
  return lines;
}
