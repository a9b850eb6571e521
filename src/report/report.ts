/** The reports of a training and of an evaluation: one HTML file that opens anywhere, without a network. */
import { writeFileAtomic } from '../storage/atomic.js';
import type { Section } from './components.js';
import type { EvaluationData, ReportCommon, ReportData } from './data.js';
import { renderDocument } from './document.js';
import type { Html } from './html.js';
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
  const { title, toolVersion } = data;
  return renderDocument({ title, toolVersion, banner, sections, style: STYLE, script: SCRIPT });
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
