/** Whether the probabilities can be believed, and what a threshold on them would do. */
import type { Scores } from '../../evaluation/scores.js';
import type { ReportData } from '../data.js';
import { folded, scrollable, type Section } from '../components.js';
import { chartsFigure } from '../figure.js';
import { formatCount, formatDecimal, formatPercent } from '../format.js';
import { html, type Html } from '../html.js';
import { interval } from './intervals.js';

/** The threshold that is read out first. */
const FIRST_THRESHOLD = 90;

export function calibrationSection({ scores }: ReportData): Section | undefined {
  if (scores === undefined) return undefined;
  return {
    id: 'calibration',
    title: 'Calibration',
    body: html`<p>
        Tiles by the probability of the class they were given. Where the model can be believed, of
        the tiles given a class with 80% about 80% are of it. Expected calibration error:
        ${interval(scores.calibrationError)}; Brier score: ${interval(scores.brier)}.
      </p>
      ${reliabilityFigure(scores)}
      ${folded('Every bin in numbers', scrollable('Reliability bins', bins(scores)))}`,
  };
}

export function thresholdSection({ scores }: ReportData): Section | undefined {
  if (scores === undefined) return undefined;
  const { selective } = scores;
  return {
    id: 'threshold',
    title: 'Threshold explorer',
    body: html`<p>
        If tiles whose largest probability is below a threshold were left undecided (as
        <code>predict --threshold</code> does): how many would keep a label, and how many of those
        labels would be right.
      </p>
      ${chartsFigure({
        id: 'threshold-figure',
        legend: [html`labels that are right`, html`tiles that keep a label`],
        charts: [
          {
            title: 'Tiles kept, and how right they are',
            curves: {
              id: 'threshold-curves',
              title: 'Accuracy and share of the kept tiles by threshold',
              description: describeThresholds(scores),
              xLabel: 'Threshold',
              yLabel: 'Share of the tiles',
              x: selective.map(({ threshold }) => threshold),
              xTicks: 11,
              curves: [
                { name: 'right', values: selective.map(({ accuracy }) => accuracy) },
                { name: 'kept', values: selective.map(({ kept }) => kept) },
              ],
              max: 1,
              format: (value) => formatPercent(value),
              formatTick: (value) => formatPercent(value, 0),
            },
          },
        ],
        at: Math.min(FIRST_THRESHOLD, selective.length - 1),
        slider: 'Show a threshold',
      })}`,
  };
}

function describeThresholds({ selective }: Scores): string {
  const shown = selective.filter((_, i) => i % 25 === 0 || i === FIRST_THRESHOLD);
  return `${shown
    .map(
      ({ threshold, kept, accuracy }) =>
        `At ${String(threshold)}: ${formatPercent(kept)} kept, of them ${formatPercent(accuracy)} right`,
    )
    .join('. ')}.`;
}

function reliabilityFigure({ reliability }: Scores): Html {
  const middles = reliability.map(({ low, high }) => Number(((low + high) / 2).toFixed(3)));
  return chartsFigure({
    id: 'reliability-figure',
    legend: [html`share that is right`, html`what the probability promises`],
    charts: [
      {
        title: 'Reliability diagram',
        curves: {
          id: 'reliability-curves',
          title: 'Accuracy by predicted probability',
          description: 'All values stand in the table below.',
          xLabel: 'Largest probability, middle of the bin',
          yLabel: 'Share of its tiles',
          x: middles,
          curves: [
            { name: 'right', values: reliability.map(({ accuracy }) => accuracy) },
            { name: 'promised', values: reliability.map(({ confidence }) => confidence) },
          ],
          include: 1,
          min: 0,
          max: 1,
          format: (value) => formatPercent(value),
          formatTick: (value) => formatPercent(value, 0),
        },
      },
    ],
    at: reliability.length - 1,
    slider: 'Show a bin',
  });
}

function bins({ reliability }: Scores): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Largest probability</th>
        <th scope="col" class="number">Tiles</th>
        <th scope="col" class="number">Mean probability</th>
        <th scope="col" class="number">Right</th>
      </tr>
    </thead>
    <tbody>
      ${reliability
        .filter(({ tiles }) => tiles > 0)
        .map(
          (bin) =>
            html`<tr>
              <th scope="row">${formatDecimal(bin.low, 2)} to ${formatDecimal(bin.high, 2)}</th>
              <td class="number">${formatCount(bin.tiles)}</td>
              <td class="number">${formatDecimal(bin.confidence)}</td>
              <td class="number">${formatPercent(bin.accuracy)}</td>
            </tr>`,
        )}
    </tbody>
  </table>`;
}
