/** The head of the page: what this is, what it is not, and the figures most readers look for. */
import { RESEARCH_NOTICE } from '../../config.js';
import type { ReportData } from '../data.js';
import { note, type Section } from '../components.js';
import {
  formatCount,
  formatDecimal,
  formatDuration,
  formatPercent,
  formatTime,
} from '../format.js';
import { html, name, type Html, type Part } from '../html.js';
import { mayLeak } from './split.js';

export function banner(data: ReportData, sections: readonly Section[]): Html {
  return html`<header class="banner">
    <p class="eyebrow">lungcls-fast · training report</p>
    <h1>${name(data.title)}</h1>
    <p class="byline">
      ${formatTime(data.createdAt)} · version ${name(data.toolVersion)} ·
      ${
        data.classes.length <= 12
          ? data.classes.map((label, i) => [i > 0 && ', ', name(label)])
          : `${formatCount(data.classes.length)} classes`
      }
    </p>
    ${note('note', html`<p><strong>${RESEARCH_NOTICE}</strong></p>`)} ${keyFigures(data)}
    <nav class="contents" aria-label="Contents">
      <ol>
        ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ol>
    </nav>
  </header>`;
}

function keyFigures(data: ReportData): Html {
  const { classificationReport: report, split, history } = data;
  const hits = data.confusionMatrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const seconds = data.times.reduce((sum, time) => sum + time.seconds, 0);
  return html`<dl class="figures">
    ${figure(
      'Validation accuracy',
      formatPercent(data.accuracy, 2),
      html`${formatCount(hits)} of ${formatCount(split.validation)} tiles right;
      ${split.kind === 'file' ? 'split from a file' : `${split.kind} split`}${mayLeak(split) && html`: <a href="#split">an upper bound</a>`}`,
    )}
    ${figure('Macro F1', formatDecimal(report.macro['f1-score']), 'mean over the classes')}
    ${figure(
      'Kept epoch',
      `${data.bestEpoch} of ${history.length}`,
      html`log loss ${formatDecimal(data.logLoss)}`,
    )}
    ${figure(
      'Tiles',
      formatCount(data.store.tiles),
      `${formatCount(split.train)} training, ${formatCount(split.validation)} validation`,
    )}
    ${data.times.length > 0 && figure('Time', formatDuration(seconds), 'of all steps together')}
  </dl>`;
}

function figure(label: string, value: string, detail: Part): Html {
  return html`<div class="figure">
    <dt>${label}</dt>
    <dd class="value">${value}</dd>
    <dd class="detail">${detail}</dd>
  </div>`;
}
