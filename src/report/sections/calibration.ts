/** Whether the probabilities can be believed, and what their temperature does to that. */
import type { BeforeAndAfter } from '../../evaluation/calibration-scores.js';
import type { Estimate } from '../../evaluation/bootstrap.js';
import type { ReliabilityBin } from '../../evaluation/reliability.js';
import type { Scores } from '../../evaluation/scores.js';
import type { ReportCalibration, ReportCommon } from '../data.js';
import { folded, isEvaluation, isTraining, note, scrollable, type Section } from '../components.js';
import type { Curve } from '../curves.js';
import { chartsFigure } from '../figure.js';
import { formatCount, formatDecimal, formatPercent, plural } from '../format.js';
import { html, type Html, type Part } from '../html.js';
import { interval } from './intervals.js';

export function calibrationSection(data: ReportCommon): Section | undefined {
  const { scores, calibration } = data;
  if (scores === undefined) return undefined;
  return {
    id: 'calibration',
    title: 'Calibration',
    body: html`<p>
        Tiles by the probability of the class they were given. Where the model can be believed, of
        the tiles given a class with 80% about 80% are of it.
        ${
          calibration === undefined &&
          html`Expected calibration error: ${interval(scores.calibrationError)}; Brier score:
          ${interval(scores.brier)}. The model has no temperature: predict gives the probabilities
          as they are.`
        }
      </p>
      ${calibration === undefined ? uncalibrated(scores) : scaled(data, calibration)}`,
  };
}

function uncalibrated({ reliability }: Scores): Part {
  return html`${reliabilityFigure(
    reliability,
    [
      { name: 'right', values: reliability.map(({ accuracy }) => accuracy) },
      { name: 'promised', values: reliability.map(({ confidence }) => confidence) },
    ],
    [html`share that is right`, html`what the probability promises`],
  )}
  ${folded('Every bin in numbers', scrollable('Reliability bins', bins(reliability)))}`;
}

function scaled(data: ReportCommon, calibration: ReportCalibration): Part {
  const { before, after } = calibration.reliability;
  return html`<p>
      Temperature scaling divides the logits by
      <strong>${formatDecimal(calibration.temperature, 3)}</strong>. ${fittedOn(calibration)}
      <code>predict</code> does so unless <code class="whole">--no-calibrated</code> is given. No
      label changes. ${whereElse(data)}
    </p>
    ${scrollable('Scores before and after temperature scaling', beforeAndAfter(calibration))}
    ${caveat(data, calibration)}
    ${reliabilityFigure(
      before,
      [
        { name: 'before scaling', values: before.map(({ accuracy }) => accuracy) },
        { name: 'after scaling', values: after.map(({ accuracy }) => accuracy) },
        { name: 'promised', values: before.map(({ low, high }) => (low + high) / 2) },
      ],
      [
        html`share that is right, before`,
        html`share that is right, after`,
        html`what the probability promises`,
      ],
    )}
    ${folded(
      'Every bin in numbers',
      html`<h3>Before</h3>
        ${scrollable('Reliability bins before', bins(before))}
        <h3>After</h3>
        ${scrollable('Reliability bins after', bins(after))}`,
    )}`;
}

function fittedOn({ tiles, heldBack, logLossBefore, logLossAfter }: ReportCalibration): string {
  const how = heldBack === 'groups' ? 'groups kept whole' : 'tile by tile';
  return (
    `It was fitted on ${plural(tiles, 'training tile')}, held back (${how}) from a second head ` +
    'trained as the model was; the model itself was trained on all of them. On those tiles the log ' +
    `loss fell from ${formatDecimal(logLossBefore)} to ${formatDecimal(logLossAfter)}.`
  );
}

function whereElse(data: ReportCommon): string {
  if (isEvaluation(data) && data.calibrated) {
    return 'All other probabilities on this page are those after it.';
  }
  return 'Other scores on this page are of the probabilities before it; thresholds are of those after.';
}

/** Where the tiles that judge and the tiles that it was fitted on differ in what had been seen of them. */
function caveat(data: ReportCommon, { heldBack }: ReportCalibration): Html | undefined {
  if (heldBack === 'tiles') {
    return note(
      'caution',
      html`<p>
        It was not known which tiles come from one original: copies of tiles that the temperature
        was fitted on may have been trained on. Then it is too low, and the probabilities are too
        sure on new tissue.
      </p>`,
    );
  }
  const leaked = isTraining(data) ? (data.split.leakage?.tiles ?? 0) : 0;
  if (leaked === 0) return undefined;
  return note(
    'caution',
    html`<p>
      ${plural(leaked, 'validation tile')} have a sibling in training; the tiles that the
      temperature was fitted on had none. It is meant for new originals: on tiles nearly seen in
      training, as here, it makes the model less sure than it might be.
    </p>`,
  );
}

function beforeAndAfter({ logLoss, brier, calibrationError }: ReportCalibration): Html {
  const rows: readonly (readonly [string, BeforeAndAfter])[] = [
    ['Log loss', logLoss],
    ['Brier score', brier],
    ['Expected calibration error', calibrationError],
  ];
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Score (95% interval); 0 is best</th>
        <th scope="col">Before</th>
        <th scope="col">After</th>
        <th scope="col">Change</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([label, { before, after, change }]) =>
          html`<tr>
            <th scope="row">${label}</th>
            <td>${interval(before)}</td>
            <td>${interval(after)}</td>
            <td>${signed(change)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** -0.0123 (-0.0201 to -0.0044), with true minus signs. */
function signed({ value, low, high }: Estimate): Html {
  const text = (x: number): string =>
    x < 0 ? `\u2212${formatDecimal(-x)}` : `${x > 0 ? '+' : ''}${formatDecimal(x)}`;
  return html`${text(value)} <span class="quiet whole">(${text(low)} to ${text(high)})</span>`;
}

function reliabilityFigure(
  all: readonly ReliabilityBin[],
  curves: readonly Curve[],
  legend: readonly Html[],
): Html {
  const middles = all.map(({ low, high }) => Number(((low + high) / 2).toFixed(3)));
  return chartsFigure({
    id: 'reliability-figure',
    legend,
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
          curves,
          include: 1,
          min: 0,
          max: 1,
          format: (value) => formatPercent(value),
          formatTick: (value) => formatPercent(value, 0),
        },
      },
    ],
    at: all.length - 1,
    slider: 'Show a bin',
  });
}

function bins(all: readonly ReliabilityBin[]): Html {
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
      ${all
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
