/** Loss and accuracy of training and validation, epoch by epoch. */
import type { ReportData, ReportEpoch } from '../data.js';
import { folded, scrollable, type Section } from '../components.js';
import type { CurvesOptions } from '../curves.js';
import { chartsFigure } from '../figure.js';
import { formatDecimal, formatDuration, formatPercent, formatRate, plural } from '../format.js';
import { html, type Html } from '../html.js';

const NAMES = ['training', 'validation'] as const;

export function curvesSection(data: ReportData): Section {
  const { history, bestEpoch } = data;
  if (history.length === 0) {
    return { id: 'curves', title: 'Training', body: html`<p>No epoch was trained.</p>` };
  }
  const kept = Math.max(
    0,
    history.findIndex(({ epoch }) => epoch === bestEpoch),
  );
  return {
    id: 'curves',
    title: 'Training',
    body: html`<p>
        ${plural(history.length, 'epoch')}; the weights of epoch ${bestEpoch} were kept.
        ${data.stopReason !== '' && html`Training ended: ${data.stopReason}.`} Training values are
        means over the epoch while the weights were changing and dropout was on; validation values
        are those of the weights at its end.
      </p>
      ${chartsFigure({
        id: 'curves-figure',
        legend: NAMES.map((label) => html`${label}`),
        charts: [
          { title: 'Accuracy', curves: accuracyOptions(history, bestEpoch) },
          { title: 'Loss', curves: lossOptions(history, bestEpoch) },
        ],
        at: kept,
        slider: 'Show the values of epoch',
      })}
      ${folded('Every epoch in numbers', scrollable('Every epoch in numbers', table(data)))}`,
  };
}

function common(
  history: readonly ReportEpoch[],
  bestEpoch: number,
): Pick<CurvesOptions, 'x' | 'xLabel' | 'mark'> {
  return {
    x: history.map(({ epoch }) => epoch),
    xLabel: 'Epoch',
    mark: { x: bestEpoch, label: 'kept' },
  };
}

function accuracyOptions(history: readonly ReportEpoch[], bestEpoch: number): CurvesOptions {
  const best = history.find(({ epoch }) => epoch === bestEpoch);
  return {
    ...common(history, bestEpoch),
    id: 'accuracy-curves',
    title: 'Accuracy of training and validation by epoch',
    description: `At the kept epoch ${bestEpoch}: training ${formatPercent(best?.accuracy ?? NaN)}, validation ${formatPercent(best?.valAccuracy ?? NaN)}. All values stand in the table below.`,
    yLabel: 'Accuracy',
    curves: [
      { name: NAMES[0], values: history.map(({ accuracy }) => accuracy) },
      { name: NAMES[1], values: history.map(({ valAccuracy }) => valAccuracy) },
    ],
    min: 0,
    max: 1,
    format: (value) => formatPercent(value, 2),
    formatTick: (value) => `${Number((value * 100).toFixed(3))}%`,
  };
}

function lossOptions(history: readonly ReportEpoch[], bestEpoch: number): CurvesOptions {
  const best = history.find(({ epoch }) => epoch === bestEpoch);
  return {
    ...common(history, bestEpoch),
    id: 'loss-curves',
    title: 'Loss of training and validation by epoch',
    description: `At the kept epoch ${bestEpoch}: training ${formatDecimal(best?.loss ?? NaN)}, validation ${formatDecimal(best?.valLoss ?? NaN)}. All values stand in the table below.`,
    yLabel: 'Categorical cross-entropy',
    curves: [
      { name: NAMES[0], values: history.map(({ loss }) => loss) },
      { name: NAMES[1], values: history.map(({ valLoss }) => valLoss) },
    ],
    include: 0,
    min: 0,
    format: (value) => formatDecimal(value),
    formatTick: (value) => String(value),
  };
}

function table({ history, bestEpoch }: ReportData): Html {
  const heads = [
    'Loss',
    'Accuracy',
    'Validation loss',
    'Validation accuracy',
    'Learning rate',
    'Time',
  ];
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Epoch</th>
        ${heads.map((head) => html`<th scope="col" class="number">${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${history.map(
        (row) =>
          html`<tr class="${row.epoch === bestEpoch ? 'kept' : ''}">
            <th scope="row">${row.epoch}${row.epoch === bestEpoch && ' (kept)'}</th>
            <td class="number">${formatDecimal(row.loss)}</td>
            <td class="number">${formatDecimal(row.accuracy)}</td>
            <td class="number">${formatDecimal(row.valLoss)}</td>
            <td class="number">${formatDecimal(row.valAccuracy)}</td>
            <td class="number">${formatRate(row.learningRate)}</td>
            <td class="number">${formatDuration(row.seconds)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
