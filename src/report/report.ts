/** The report of a training run: one HTML file that opens anywhere, without a network. */
import { createHash } from 'node:crypto';
import { RESEARCH_NOTICE } from '../config.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { renderSection, type Section } from './components.js';
import type { ReportData } from './data.js';
import { Html, html, visibleControls } from './html.js';
import { SCRIPT } from './script.js';
import { banner } from './sections/banner.js';
import { calibrationSection, thresholdSection } from './sections/calibration.js';
import { confusionSection } from './sections/confusion.js';
import { curvesSection } from './sections/curves.js';
import { dataSection } from './sections/data.js';
import { examplesSection } from './sections/examples.js';
import { intervalsSection } from './sections/intervals.js';
import { furtherSplitsSection } from './sections/further-splits.js';
import { machineSection } from './sections/machine.js';
import { provenanceSection } from './sections/provenance.js';
import { rankingSection } from './sections/ranking.js';
import { samplesSection } from './sections/samples.js';
import { scoresSection } from './sections/scores.js';
import { settingsSection } from './sections/settings.js';
import { splitSection } from './sections/split.js';
import { STYLE } from './style.js';

const SECTIONS: readonly ((data: ReportData) => Section | undefined)[] = [
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
  const sections = SECTIONS.map((section) => section(data)).filter((s) => s !== undefined);
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
          ${banner(data, sections)}
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
