/** Tiles to look at: the most confident mistakes and the least confident right answers. */
import type { ReportCommon, ReportExample } from '../data.js';
import type { Section } from '../components.js';
import { formatPercent, plural } from '../format.js';
import { html, name, visibleControls, type Html } from '../html.js';

export function examplesSection(data: ReportCommon): Section | undefined {
  const { examples, classes } = data;
  if (examples === undefined || examples.length === 0) return undefined;
  const cells = cellsOf(examples);
  const wrong = cells.filter(({ truth, predicted }) => truth !== predicted);
  const right = cells.filter(({ truth, predicted }) => truth === predicted);
  return {
    id: 'examples',
    title: 'Tiles to look at',
    body: html`${
      examples.some(({ heat }) => heat !== undefined) &&
      html`<p>
        Each tile stands beside what spoke for the class it was given: from blue, nothing, to
        yellow, most (Grad-CAM at mixed7, computed from this head’s weights). It shows where the
        network looked, not why.
      </p>`
    }
    ${wrong.length > 0 && html`<h3>The most confident mistakes</h3>`}
    ${wrong.map((cell) => renderCell(cell, classes, data.confusionMatrix))}
    ${right.length > 0 && html`<h3>The least confident right answers</h3>`}
    ${right.map((cell) => renderCell(cell, classes, data.confusionMatrix))}`,
  };
}

/** The id of a cell's tiles: the confusion matrix links to it. */
export function cellId(truth: number, predicted: number): string {
  return `tiles-${String(truth)}-${String(predicted)}`;
}

/** Cells of the confusion matrix whose tiles the page shows. */
export function shownCells({ examples = [] }: ReportCommon): ReadonlySet<string> {
  return new Set(examples.map(({ truth, predicted }) => cellId(truth, predicted)));
}

interface Cell {
  readonly truth: number;
  readonly predicted: number;
  readonly examples: ReportExample[];
}

function cellsOf(examples: readonly ReportExample[]): Cell[] {
  const cells = new Map<string, Cell>();
  for (const example of examples) {
    const { truth, predicted } = example;
    const id = cellId(truth, predicted);
    const cell = cells.get(id) ?? { truth, predicted, examples: [] };
    cell.examples.push(example);
    cells.set(id, cell);
  }
  return [...cells.values()];
}

function renderCell(
  { truth, predicted, examples }: Cell,
  classes: readonly string[],
  matrix: ReportCommon['confusionMatrix'],
): Html {
  const all = matrix[truth]?.[predicted] ?? 0;
  const [label = '', given = ''] = [classes[truth], classes[predicted]];
  const what =
    truth === predicted
      ? html`<strong>${name(label)}</strong>, given ${name(given)}`
      : html`True <strong>${name(label)}</strong>, given <strong>${name(given)}</strong>`;
  return html`<div class="cell" id="${cellId(truth, predicted)}" tabindex="-1">
    <p>
      ${what}: ${examples.length < all && `${String(examples.length)} of `}${plural(all, 'tile')}
    </p>
    <ul class="pairs-of-pictures">
      ${examples.map((example) => renderExample(example, label, given))}
    </ul>
  </div>`;
}

function renderExample(example: ReportExample, label: string, given: string): Html {
  const { path, confidence, tile, heat } = example;
  const file = visibleControls(path.split('/').at(-1) ?? path);
  return html`<li>
    <figure>
      ${picture(tile, `Tile ${file} of class ${label}`)}
      ${heat && picture(heat, `The same tile with what spoke for ${given}`)}
      <figcaption>${name(file)}<br />${formatPercent(confidence)} sure</figcaption>
    </figure>
  </li>`;
}

function picture(data: Uint8Array, alt: string): Html {
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return html`<img src="data:image/jpeg;base64,${base64}" alt="${alt}" width="160" height="160" />`;
}
