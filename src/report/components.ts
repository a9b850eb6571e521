/** The few building blocks that the sections share. */
import type { EvaluationData, ReportCommon, ReportData } from './data.js';
import { html, type Html, type Part } from './html.js';

/** With more classes than this a list of them is folded away, and a class has one sample tile. */
export const MANY_CLASSES = 12;

/** Of which tiles the scores are: those of the validation part, or all of an evaluated store. */
export function judgedTile(data: ReportCommon): 'validation tile' | 'tile' {
  return isTraining(data) ? 'validation tile' : 'tile';
}

export function isTraining(data: ReportCommon): data is ReportData {
  return 'split' in data;
}

export function isEvaluation(data: ReportCommon): data is EvaluationData {
  return 'model' in data;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Part;
}

export function renderSection(section: Section): Html {
  const { id, title, body } = section;
  return html`<section id="${id}" aria-labelledby="${id}-heading">
    <h2 id="${id}-heading">${title}</h2>
    ${body}
  </section> `;
}

/** A box that can be scrolled sideways, by keyboard too, when the screen is narrower than a table. */
export function scrollable(label: string, body: Part): Html {
  return html`<div class="scroll" role="group" aria-label="${label}" tabindex="0">${body}</div>`;
}

/** A two-column table of names and values; pairs without a value are left out. */
export function pairs(label: string, rows: readonly (readonly [string, Part])[]): Html {
  return html`<table class="pairs" aria-label="${label}">
    <tbody>
      ${rows
        .filter(([, value]) => value !== undefined && value !== false)
        .map(
          ([key, value]) =>
            html`<tr>
              <th scope="row">${key}</th>
              <td>${value}</td>
            </tr>`,
        )}
    </tbody>
  </table>`;
}

export function folded(summary: string, body: Part): Html {
  return html`<details>
    <summary>${summary}</summary>
    ${body}
  </details>`;
}

/** A note in a box; `caution` where a number could mislead. */
export function note(kind: 'note' | 'caution', body: Part): Html {
  return html`<div class="note${kind === 'caution' ? ' caution' : ''}" role="note">${body}</div>`;
}
