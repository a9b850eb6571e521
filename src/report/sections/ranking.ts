/** ROC and precision-recall curves, each class against the rest. */
import type { ClassScoresWithIntervals } from '../../evaluation/scores.js';
import type { ReportCommon } from '../data.js';
import type { Section } from '../components.js';
import type { CurvesOptions } from '../curves.js';
import { chartsFigure } from '../figure.js';
import { formatDecimal } from '../format.js';
import { html, name } from '../html.js';

/** As many as a chart can tell apart. */
const MOST_CURVES = 4;
/** Both curves are drawn at shares of 0, 0.01, ... 1. */
const SHARES = Array.from({ length: 101 }, (_, i) => i / 100);
/** The place that is read out first: 5 % false alarms, 95 % recall. */
const FIRST_SHARE = { roc: 5, precisionRecall: 95 } as const;

export function rankingSection({ scores }: ReportCommon): Section | undefined {
  if (scores === undefined) return undefined;
  // The worst ranked ones, where not all can be shown.
  const shown = [...scores.perClass]
    .filter(({ rocAuc }) => Number.isFinite(rocAuc.value))
    .sort((a, b) => a.rocAuc.value - b.rocAuc.value)
    .slice(0, MOST_CURVES)
    .sort((a, b) => scores.perClass.indexOf(a) - scores.perClass.indexOf(b));
  if (shown.length === 0) return undefined;
  const legend = shown.map((c) => html`${name(c.name)}`);
  return {
    id: 'ranking',
    title: 'ROC and precision-recall curves',
    body: html`<p>
        Each class against the rest, by its probability.
        ${
          shown.length < scores.perClass.length &&
          `The ${String(shown.length)} classes that are told apart worst; metrics.json has the areas of all.`
        }
      </p>
      <div class="columns">
        ${chartsFigure({
          id: 'roc-figure',
          legend,
          charts: [{ title: 'ROC', curves: rocOptions(shown) }],
          at: FIRST_SHARE.roc,
          slider: 'Show the true positive rate at a false positive rate',
        })}
        ${chartsFigure({
          id: 'precision-recall-figure',
          legend,
          charts: [{ title: 'Precision and recall', curves: precisionRecallOptions(shown) }],
          at: FIRST_SHARE.precisionRecall,
          slider: 'Show the precision at a recall',
        })}
      </div>`,
  };
}

const AXES = {
  x: SHARES,
  xTicks: 11,
  include: 0,
  min: 0,
  max: 1,
  format: (value: number) => formatDecimal(value),
  formatTick: (value: number) => String(value),
};

function areas(
  classes: readonly ClassScoresWithIntervals[],
  which: 'rocAuc' | 'averagePrecision',
): string {
  return classes.map((c) => `${c.name} ${formatDecimal(c[which].value)}`).join(', ');
}

function rocOptions(classes: readonly ClassScoresWithIntervals[]): CurvesOptions {
  return {
    ...AXES,
    id: 'roc-curves',
    title: 'ROC curves',
    description: `Areas: ${areas(classes, 'rocAuc')}.`,
    xLabel: 'False positive rate',
    yLabel: 'True positive rate',
    curves: classes.map(({ name: label, roc }) => ({
      name: label,
      values: SHARES.map((share) =>
        interpolate(roc.falsePositiveRate, roc.truePositiveRate, share),
      ),
    })),
  };
}

function precisionRecallOptions(classes: readonly ClassScoresWithIntervals[]): CurvesOptions {
  return {
    ...AXES,
    id: 'precision-recall-curves',
    title: 'Precision-recall curves',
    description: `Average precisions: ${areas(classes, 'averagePrecision')}.`,
    xLabel: 'Recall',
    yLabel: 'Precision',
    curves: classes.map(({ name: label, precisionRecall: { precision, recall } }) => ({
      name: label,
      // Precision where this recall is first reached: the points go from recall 1 down to 0.
      values: SHARES.map((share) => precision[recall.findLastIndex((r) => r >= share)] ?? NaN),
    })),
  };
}

/** `ys` at x, linear between points; the last of several points with the same x counts. */
function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  const i = xs.findLastIndex((value) => value <= x);
  const [x0 = NaN, x1 = x0, y0 = NaN, y1 = y0] = [xs[i], xs[i + 1], ys[i], ys[i + 1]];
  return x1 === x0 ? y0 : y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}
