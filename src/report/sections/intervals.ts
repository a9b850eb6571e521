/** The scores with how far chance alone may have moved them. */
import type { Estimate } from '../../evaluation/bootstrap.js';
import type { Scores } from '../../evaluation/scores.js';
import type { ReportCommon } from '../data.js';
import { judgedTile, note, scrollable, type Section } from '../components.js';
import { formatDecimal, plural } from '../format.js';
import { html, name, type Html, type Part } from '../html.js';

/** More classes than this stand in metrics.json alone. */
const MOST_CLASSES = 40;

export function intervalsSection(data: ReportCommon): Section | undefined {
  const { scores, classes } = data;
  if (scores === undefined) return undefined;
  return {
    id: 'intervals',
    title: 'Scores with 95% intervals',
    body: html` ${howDrawn(scores, judgedTile(data))}
    ${scrollable('Scores with their intervals', overall(scores))}
    ${
      classes.length <= MOST_CLASSES &&
      scrollable('Scores of each class with their intervals', perClass(scores))
    }
    ${scores.pairs.length > 1 && scrollable('ROC areas of pairs of classes', pairTable(scores))}`,
  };
}

function howDrawn({ resampled, units, resamples }: Scores, judged: string): Html {
  const drawn =
    resampled === 'groups'
      ? `the ${plural(units, 'group')} of tiles made from one original`
      : `the ${plural(units, 'tile')} one by one`;
  return html`<p class="quiet">
      On the ${judged}s. Intervals: 2.5th to 97.5th percentile of ${plural(resamples, 'resample')}
      that draw ${drawn} with replacement.
    </p>
    ${
      resampled === 'tiles' &&
      note(
        'caution',
        html`<p>
          It is not known which tiles come from one original. Where several do, they are no
          independent observations, and these intervals are too narrow.
        </p>`,
      )
    }`;
}

/** 0.9763 (0.9701 to 0.9822) */
export function interval({ value, low, high }: Estimate): Html {
  return html`${formatDecimal(value)}
    <span class="quiet whole">(${formatDecimal(low)} to ${formatDecimal(high)})</span>`;
}

function overall(scores: Scores): Html {
  const rows: readonly (readonly [string, Estimate, string])[] = [
    ['Accuracy', scores.accuracy, 'tiles given their own class'],
    ['Balanced accuracy', scores.balancedAccuracy, 'mean recall of the classes'],
    ['Macro F1', scores.macroF1, 'mean F1 of the classes'],
    ['Weighted F1', scores.weightedF1, 'the same, by the classes’ tiles'],
    ['ROC area', scores.macroRocAuc, 'mean of each class against the rest; 0.5 is chance'],
    ['Log loss', scores.logLoss, '0 is best'],
    ['Brier score', scores.brier, 'mean squared error of the probabilities; 0 is best'],
    [
      'Calibration error',
      scores.calibrationError,
      'mean distance of confidence from accuracy; 0 is best',
    ],
  ];
  return table(
    ['Score', 'Value (95% interval)', 'What it is'],
    rows.map(([label, estimate, what]) => [label, interval(estimate), what]),
  );
}

function perClass(scores: Scores): Html {
  return table(
    ['Class', 'Precision', 'Recall', 'F1', 'ROC area', 'Average precision'],
    scores.perClass.map((c) => [
      name(c.name),
      interval(c.precision),
      interval(c.recall),
      interval(c.f1),
      interval(c.rocAuc),
      interval(c.averagePrecision),
    ]),
  );
}

function pairTable(scores: Scores): Html {
  return table(
    ['Pair, its own tiles alone', 'ROC area'],
    scores.pairs.map(({ classes: [a, b], rocAuc }) => [
      html`${name(a)} and ${name(b)}`,
      interval(rocAuc),
    ]),
  );
}

function table(heads: readonly string[], rows: readonly (readonly Part[])[]): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        ${heads.map((head) => html`<th scope="col">${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([first, ...others]) =>
          html`<tr>
            <th scope="row">${first}</th>
            ${others.map((other) => html`<td>${other}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
