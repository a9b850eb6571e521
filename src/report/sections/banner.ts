/** The head of the page: what this is, what it is not, and the figures most readers look for. */
import { RESEARCH_NOTICE } from '../../config.js';
import type { EvaluationData, ReportCommon, ReportData } from '../data.js';
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

export function trainingBanner(data: ReportData, sections: readonly Section[]): Html {
  return banner('training report', data, trainingFigures(data), sections);
}

export function evaluationBanner(data: EvaluationData, sections: readonly Section[]): Html {
  return banner('evaluation report', data, evaluationFigures(data), sections);
}

function banner(
  what: string,
  data: ReportCommon,
  figures: Html,
  sections: readonly Section[],
): Html {
  return html`<header class="banner">
    <p class="eyebrow">lungcls-fast · ${what}</p>
    <h1>${name(data.title)}</h1>
    <p class="byline">
      ${formatTime(data.createdAt)} · version ${name(data.toolVersion)} ·
      ${
        data.classes.length <= 12
          ? data.classes.map((label, i) => [i > 0 && ', ', name(label)])
          : `${formatCount(data.classes.length)} classes`
      }
    </p>
    ${note('note', html`<p><strong>${RESEARCH_NOTICE}</strong></p>`)} ${figures}
    <nav class="contents" aria-label="Contents">
      <ol>
        ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ol>
    </nav>
  </header>`;
}

function trainingFigures(data: ReportData): Html {
  const { classificationReport: report, split, history } = data;
  return html`<dl class="figures">
    ${figure(
      'Validation accuracy',
      formatPercent(data.accuracy, 2),
      html`${formatCount(hitsOf(data))} of ${formatCount(split.validation)} tiles right;
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
    ${time(data)}
  </dl>`;
}

function evaluationFigures(data: EvaluationData): Html {
  const { classificationReport: report, scores, store, groups } = data;
  const sure = scores && [scores.accuracy.low, scores.accuracy.high].map((x) => formatPercent(x));
  return html`<dl class="figures">
    ${figure(
      'Accuracy',
      formatPercent(data.accuracy, 2),
      html`${sure && `${sure.join(' to ')} with 95% confidence; `} ${formatCount(hitsOf(data))} of
      ${formatCount(store.tiles)} tiles
      right${data.model.sameStore === true && html`; <a href="#model">it was trained on them</a>`}`,
    )}
    ${figure('Macro F1', formatDecimal(report.macro['f1-score']), 'mean over the classes')}
    ${figure(
      'Log loss',
      formatDecimal(data.logLoss),
      data.calibrated ? 'after temperature scaling' : 'of the network’s own probabilities',
    )}
    ${figure(
      'Tiles',
      formatCount(store.tiles),
      groups === undefined ? 'groups not known' : `of ${formatCount(groups.count)} groups`,
    )}
    ${time(data)}
  </dl>`;
}

function hitsOf({ confusionMatrix }: ReportCommon): number {
  return confusionMatrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
}

function time({ times }: ReportCommon): Html | false {
  const seconds = times.reduce((sum, step) => sum + step.seconds, 0);
  return times.length > 0 && figure('Time', formatDuration(seconds), 'of all steps together');
}

function figure(label: string, value: string, detail: Part): Html {
  return html`<div class="figure">
    <dt>${label}</dt>
    <dd class="value">${value}</dd>
    <dd class="detail">${detail}</dd>
  </div>`;
}
