/** What a threshold on the probabilities would do. */
import type { SelectiveLevel } from '../../evaluation/selective.js';
import type { ReportCommon } from '../data.js';
import type { Section } from '../components.js';
import { chartsFigure } from '../figure.js';
import { formatPercent } from '../format.js';
import { html } from '../html.js';

/** The threshold that is read out first. */
const FIRST_THRESHOLD = 90;

export function thresholdSection({ scores, calibration }: ReportCommon): Section | undefined {
  // What predict applies a threshold to.
  const selective = calibration?.selective ?? scores?.selective;
  if (selective === undefined) return undefined;
  return {
    id: 'threshold',
    title: 'Threshold explorer',
    body: html`<p>
        If tiles whose largest probability is below a threshold were left undecided (as
        <code>predict --threshold</code> does): how many would keep a label, and how many of those
        labels would be
        right.${calibration !== undefined && ' Probabilities are those after temperature scaling.'}
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
              description: describeThresholds(selective),
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

function describeThresholds(selective: readonly SelectiveLevel[]): string {
  const shown = selective.filter((_, i) => i % 25 === 0 || i === FIRST_THRESHOLD);
  return `${shown
    .map(
      ({ threshold, kept, accuracy }) =>
        `At ${String(threshold)}: ${formatPercent(kept)} kept, of them ${formatPercent(accuracy)} right`,
    )
    .join('. ')}.`;
}
