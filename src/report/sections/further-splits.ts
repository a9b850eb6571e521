/** The scores of the same recipe under other splits: side by side, and fold by fold. */
import type { ReportComparedSplit, ReportCrossValidation, ReportData } from '../data.js';
import { scrollable, type Section } from '../components.js';
import { formatCount, formatDecimal, formatPercent } from '../format.js';
import { html, type Html, type Part } from '../html.js';

export function furtherSplitsSection(data: ReportData): Section | undefined {
  const { comparison, crossValidation } = data;
  if (comparison === undefined && crossValidation === undefined) return undefined;
  return {
    id: 'further-splits',
    title: 'Other splits of the same tiles',
    body: html`<p class="quiet">
        Trained anew with the same settings on the same features; only the split differs. The model
        of this run, and everything else on this page, is that of the split above.
      </p>
      ${comparison !== undefined && comparisonPart(comparison)}
      ${crossValidation !== undefined && crossValidationPart(crossValidation)}`,
  };
}

function comparisonPart(rows: readonly ReportComparedSplit[]): Html {
  return html`<h3>Random and grouped</h3>
    ${scrollable(
      'Scores of the random and of the grouped split',
      table(
        'Split',
        rows.map((row) => [row.split.kind === 'random' ? 'Random' : 'Grouped', row] as const),
      ),
    )}
    ${difference(rows)}`;
}

function difference([random, grouped]: readonly ReportComparedSplit[]): Html | undefined {
  if (random === undefined || grouped === undefined) return undefined;
  const points = 100 * (random.accuracy - grouped.accuracy);
  const unknown = grouped.split.leakage?.unknown ?? 0;
  return html`<p>
    The random split's accuracy is ${Math.abs(points).toFixed(1)} points
    ${points < 0 ? 'below' : 'above'} the grouped one's.
    ${
      unknown > 0
        ? `The grouped one is an upper bound too: ${formatCount(unknown)} of its validation tiles stand in no group, and copies of them may have been trained on.`
        : 'With groups kept apart the model is judged on originals that it has not seen: that is the figure to quote.'
    }
  </p>`;
}

function crossValidationPart(data: ReportCrossValidation): Html {
  const { folds, kind, seed, meanAccuracy, standardDeviation } = data;
  return html`<h3>${folds.length}-fold cross-validation</h3>
    <p>
      Accuracy <strong>${formatPercent(meanAccuracy, 2)}</strong> with a standard deviation of
      ${(100 * standardDeviation).toFixed(2)} points over the folds;
      ${formatPercent(data.pooledAccuracy, 2)} of all tiles, log loss
      ${formatDecimal(data.pooledLogLoss)}. The folds are scikit-learn's
      ${kind === 'grouped' ? 'StratifiedGroupKFold' : 'StratifiedKFold'}, shuffled with seed
      ${seed}.
    </p>
    ${scrollable(
      'Scores of each fold',
      table(
        'Fold',
        folds.map((fold, i) => [i + 1, fold] as const),
      ),
    )}`;
}

function table(title: string, rows: readonly (readonly [Part, ReportComparedSplit])[]): Html {
  const columns = [
    'Accuracy',
    'Log loss',
    'Macro F1',
    'Training',
    'Validation',
    'Leaked',
    'Kept epoch',
  ];
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">${title}</th>
        ${columns.map((column) => html`<th scope="col" class="number">${column}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([label, { split, ...scores }]) =>
          html`<tr>
            <th scope="row">${label}</th>
            <td class="number">${formatPercent(scores.accuracy, 2)}</td>
            <td class="number">${formatDecimal(scores.logLoss)}</td>
            <td class="number">${formatDecimal(scores.macroF1)}</td>
            <td class="number">${formatCount(split.train)}</td>
            <td class="number">${formatCount(split.validation)}</td>
            <td class="number">${leaked(split)}</td>
            <td class="number">${scores.bestEpoch}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function leaked({ leakage }: ReportComparedSplit['split']): string {
  if (leakage === undefined) return 'not known';
  return `${leakage.unknown > 0 ? 'at least ' : ''}${formatPercent(leakage.share)}`;
}
