/** Which classes were taken for which. */
import type { ReportCommon } from '../data.js';
import { heatStep } from '../colors.js';
import { judgedTile, scrollable, type Section } from '../components.js';
import { formatCount, formatPercent, plural } from '../format.js';
import { html, name, type Html } from '../html.js';
import { cellId, shownCells } from './examples.js';

/** A larger matrix is no longer readable as a table. */
const MOST_CLASSES = 40;
const MOST_CONFUSIONS = 30;

interface Confusion {
  readonly truth: string;
  readonly predicted: string;
  readonly count: number;
  /** Of all tiles of the true class. */
  readonly share: number;
}

export function confusionSection(data: ReportCommon): Section {
  const { confusionMatrix: matrix, classes } = data;
  const total = matrix.flat().reduce((a, b) => a + b, 0);
  const hits = matrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const confusions = rankedConfusions(matrix, classes);
  return {
    id: 'confusion',
    title: 'Confusion matrix',
    body: html`<p>
        ${formatCount(hits)} of ${plural(total, judgedTile(data))} were given their own class,
        ${plural(total - hits, 'tile')} another one. ${worst(confusions)}
      </p>
      ${classes.length <= MOST_CLASSES ? wholeMatrix(data) : mostFrequent(confusions)}`,
  };
}

function rankedConfusions(
  matrix: ReportCommon['confusionMatrix'],
  classes: readonly string[],
): Confusion[] {
  return matrix
    .flatMap((row, i) => {
      const support = sum(row);
      return row.map((count, j) => ({
        truth: classes[i] ?? '',
        predicted: classes[j] ?? '',
        count: i === j ? 0 : count,
        share: count / support,
      }));
    })
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}

function worst([first]: readonly Confusion[]): Html | undefined {
  if (first === undefined) return undefined;
  return html`The most frequent mistake: ${plural(first.count, 'tile')} of
    <strong>${name(first.truth)}</strong> (${formatPercent(first.share)}) taken for
    <strong>${name(first.predicted)}</strong>.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function wholeMatrix(data: ReportCommon): Html {
  return html`<p class="quiet">
      Rows: the true class. Columns: the class the model gave. Percentages are of the row, so the
      ticked diagonal shows each class’s
      recall.${shownCells(data).size > 0 && ' A linked number leads to tiles of its cell.'}
    </p>
    ${scrollable('Confusion matrix', matrixTable(data))}`;
}

function mostFrequent(confusions: readonly Confusion[]): Html {
  return html`<p class="quiet">
      With so many classes, the ${MOST_CONFUSIONS} most frequent confusions; metrics.json has the
      whole matrix.
    </p>
    ${scrollable('The most frequent confusions', listTable(confusions))}`;
}

function matrixTable(data: ReportCommon): Html {
  const { confusionMatrix: matrix, classes } = data;
  const shown = shownCells(data);
  return html`<table class="matrix">
    <thead>
      <tr>
        <td class="corner"></td>
        ${classes.map((label) => html`<th scope="col">given ${name(label)}</th>`)}
        <th scope="col" class="sum">tiles</th>
      </tr>
    </thead>
    <tbody>
      ${matrix.map((row, i) => {
        const support = sum(row);
        return html`<tr>
          <th scope="row">true ${name(classes[i] ?? '')}</th>
          ${row.map((count, j) => {
            const id = cellId(i, j);
            return cell(count, count / support, i === j, shown.has(id) ? id : undefined);
          })}
          <td class="sum">${formatCount(support)}</td>
        </tr>`;
      })}
      <tr>
        <th scope="row" class="sum">tiles</th>
        ${classes.map((_, j) => {
          const column = sum(matrix.map((row) => row[j] ?? 0));
          return html`<td class="sum">${formatCount(column)}</td>`;
        })}
        <td class="sum">${formatCount(sum(matrix.flat()))}</td>
      </tr>
    </tbody>
  </table>`;
}

/** @param tiles id of the place where tiles of the cell are shown */
function cell(count: number, share: number, right: boolean, tiles: string | undefined): Html {
  const kind = right ? 'right' : 'wrong';
  const number = formatCount(count);
  return html`<td class="hit-or-miss ${kind} ${kind}-${heatStep(share, right)}">
    <strong>${tiles === undefined ? number : html`<a href="#${tiles}">${number}</a>`}</strong>
    <span>${formatPercent(share)}</span>
  </td>`;
}

function listTable(confusions: readonly Confusion[]): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">True class</th>
        <th scope="col">Class given</th>
        <th scope="col" class="number">Tiles</th>
        <th scope="col" class="number">Of the true class</th>
      </tr>
    </thead>
    <tbody>
      ${confusions.slice(0, MOST_CONFUSIONS).map(
        (confusion) =>
          html`<tr>
            <td>${name(confusion.truth)}</td>
            <td>${name(confusion.predicted)}</td>
            <td class="number">${formatCount(confusion.count)}</td>
            <td class="number">${formatPercent(confusion.share)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
