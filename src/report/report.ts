/** The reports of a training and of an evaluation: one HTML file that opens anywhere, without a network. */
import { createHash } from 'node:crypto';
import { RESEARCH_NOTICE } from '../config.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { renderSection, type Section } from './components.js';
import type { EvaluationData, ReportCommon, ReportData } from './data.js';
import { Html, html, visibleControls } from './html.js';
import { SCRIPT } from './script.js';
import { evaluationBanner, trainingBanner } from './sections/banner.js';
import { calibrationSection } from './sections/calibration.js';
import { confusionSection } from './sections/confusion.js';
import { curvesSection } from './sections/curves.js';
import { dataSection } from './sections/data.js';
import { domainSection } from './sections/domain.js';
import { examplesSection } from './sections/examples.js';
import { intervalsSection } from './sections/intervals.js';
import { furtherSplitsSection } from './sections/further-splits.js';
import { machineSection } from './sections/machine.js';
import { modelSection } from './sections/model.js';
import { provenanceSection } from './sections/provenance.js';
import { rankingSection } from './sections/ranking.js';
import { samplesSection } from './sections/samples.js';
import { scoresSection } from './sections/scores.js';
import { settingsSection } from './sections/settings.js';
import { splitSection } from './sections/split.js';
import { thresholdSection } from './sections/threshold.js';
import { STYLE } from './style.js';

const TRAINING_SECTIONS: readonly ((data: ReportData) => Section | undefined)[] = [
  dataSection,
  samplesSection,
  splitSection,
  curvesSection,
  confusionSection,
  examplesSection,
  scoresSection,
  furtherSplitsSection,
  intervalsSection,
  rankingSection,
  calibrationSection,
  thresholdSection,
  domainSection,
  settingsSection,
  machineSection,
  provenanceSection,
];

const EVALUATION_SECTIONS: readonly ((data: EvaluationData) => Section | undefined)[] = [
  modelSection,
  dataSection,
  samplesSection,
  confusionSection,
  examplesSection,
  scoresSection,
  intervalsSection,
  rankingSection,
  calibrationSection,
  thresholdSection,
  domainSection,
  settingsSection,
  machineSection,
  provenanceSection,
];

function cspHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/**
 * What the browser lets the page do: show pictures that stand in it, apply its one style sheet and
 * run its one script, by hash. Anything else, every request above all, is refused.
 * (https://www.w3.org/TR/CSP3/)
 */
const POLICY = [
  "default-src 'none'",
  'img-src data:',
  `style-src ${cspHash(STYLE)}`,
  `script-src ${cspHash(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** An element around a constant of ours, to the byte: its hash stands in the policy. */
function element(tag: 'style' | 'script', text: string): Html {
  return new Html(`<${tag}>${text}</${tag}>`);
}

/** The whole page as text. Any characters may stand in names: everything is escaped. */
export function renderReport(data: ReportData): string {
  const sections = TRAINING_SECTIONS.map((section) => section(data)).filter(isThere);
  return page(data, trainingBanner(data, sections), sections);
}

/** The same of an evaluation. */
export function renderEvaluation(data: EvaluationData): string {
  const sections = EVALUATION_SECTIONS.map((section) => section(data)).filter(isThere);
  return page(data, evaluationBanner(data, sections), sections);
}

function isThere(section: Section | undefined): section is Section {
  return section !== undefined;
}

function page(data: ReportCommon, banner: Html, sections: readonly Section[]): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="lungcls-fast ${data.toolVersion}" />
        <link rel="icon" href="data:," />
        <title>${visibleControls(data.title)}</title>
        ${element('style', STYLE)}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <div class="page">
          ${banner}
          <main id="content" tabindex="-1">${sections.map(renderSection)}</main>
          <footer>${RESEARCH_NOTICE}</footer>
        </div>
        ${element('script', SCRIPT)}
      </body>
    </html> `.text;
}

/**
 * Writes the report of a training run as one self-contained HTML file: light and dark, printable,
 * under 5 MB (sample pictures that would make it larger are left out, and it says so). It makes no
 * request of any kind.
 *
 * @throws LungclsError OUTPUT_UNWRITABLE or DISK_FULL; the old file is then still there
 */
export async function writeReport(path: string, data: ReportData): Promise<void> {
  await writeFileAtomic(path, renderReport(data));
}

/**
 * Writes the report of an evaluation, as `writeReport` does.
 * @throws LungclsError OUTPUT_UNWRITABLE or DISK_FULL
 */
export async function writeEvaluation(path: string, data: EvaluationData): Promise<void> {
  await writeFileAtomic(path, renderEvaluation(data));
}
