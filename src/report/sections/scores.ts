/** The classification report, as a table and as scikit-learn prints it. */
import type { ClassScores } from '../../evaluation/classification-report.js';
import type { ReportCommon } from '../data.js';
import { folded, judgedTile, MANY_CLASSES, scrollable, type Section } from '../components.js';
import { formatCount, formatDecimal } from '../format.js';
import { html, name, type Html, type Part } from '../html.js';

const WORST_CLASSES = 10;

export function scoresSection(data: ReportCommon): Section {
  const { classificationReport: report } = data;
  return {
    id: 'scores',
    title: 'Classification report',
    body: html`<p class="quiet">
        On the ${judgedTile(data)}s. Precision: of the tiles given this class, how many are of it.
        Recall: of the tiles of this class, how many were given it. F1: their harmonic mean.
        Support: tiles of this class.
      </p>
      ${tables(report)}
      ${
        data.settings['features'] === 'int8' &&
        html`<p class="quiet">
          The features of these tiles were computed in 8 bits, as model.int8.onnx does. model.onnx
          computes them in float32, for nearly the same answers.
        </p>`
      }
      <p>Mean log loss of the probabilities: ${formatDecimal(data.logLoss)} (0 is best).</p>
      ${folded(
        'As scikit-learn prints it',
        scrollable('scikit-learn’s classification report', html`<pre>${report.text}</pre>`),
      )}`,
  };
}

/** Of many classes the worst ten are shown, and all of them folded away. */
function tables(report: ReportCommon['classificationReport']): Html {
  const { perClass } = report;
  if (perClass.length <= MANY_CLASSES) {
    return scrollable('Classification report', scoresTable(report, perClass));
  }
  const worst = perClass
    .filter(({ support }) => support > 0)
    .sort((a, b) => a['f1-score'] - b['f1-score'])
    .slice(0, WORST_CLASSES);
  return html`<p class="quiet">
      The ${worst.length} classes with the lowest F1, and the averages of all:
    </p>
    ${scrollable('The classes with the lowest F1', scoresTable(report, worst))}
    ${folded(
      `All ${formatCount(perClass.length)} classes`,
      scrollable('Classification report', scoresTable(report, perClass)),
    )}`;
}

function scoresTable(
  report: ReportCommon['classificationReport'],
  classes: ReportCommon['classificationReport']['perClass'],
): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Class</th>
        <th scope="col" class="number">Precision</th>
        <th scope="col" class="number">Recall</th>
        <th scope="col" class="number">F1</th>
        <th scope="col" class="number">Support</th>
      </tr>
    </thead>
    <tbody>
      ${classes.map((scores) => row(name(scores.name), scores))}
      <tr class="total">
        <th scope="row">Accuracy</th>
        <td></td>
        <td></td>
        <td class="number">${formatDecimal(report.accuracy)}</td>
        <td class="number">${formatCount(report.macro.support)}</td>
      </tr>
      ${row('Macro average', report.macro)} ${row('Weighted average', report.weighted)}
    </tbody>
  </table>`;
}

function row(label: Part, scores: ClassScores): Html {
  return html`<tr>
    <th scope="row">${label}</th>
    <td class="number">${formatDecimal(scores.precision)}</td>
    <td class="number">${formatDecimal(scores.recall)}</td>
    <td class="number">${formatDecimal(scores['f1-score'])}</td>
    <td class="number">${formatCount(scores.support)}</td>
  </tr>`;
}
