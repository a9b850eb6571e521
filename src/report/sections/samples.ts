/** A few tiles of each class as the network sees them. */
import { Buffer } from 'node:buffer';
import type { ReportCommon, ReportSample } from '../data.js';
import { MANY_CLASSES, type Section } from '../components.js';
import { formatCount } from '../format.js';
import { html, name, visibleControls, type Html, type Part } from '../html.js';

/** All pictures together, encoded in base64: the page stays well under 5 MB. */
const MOST_CHARACTERS = 3_800_000;

export function samplesSection(data: ReportCommon): Section | undefined {
  const many = data.classes.length > MANY_CLASSES;
  const byClass = data.classes.map((_, label) =>
    data.samples.filter((s) => s.label === label).slice(0, many ? 1 : undefined),
  );
  const shown = withinBudget(byClass);
  if (shown.size === 0) return undefined;
  const left = byClass.flat().length - shown.size;
  return {
    id: 'samples',
    title: 'Sample tiles',
    body: html`<p>
        Drawn at random from the tile store, as the network sees them: ${data.store.size} ×
        ${data.store.size}
        pixels.${
          left > 0 && ` ${formatCount(left)} more would make this file too large and are left out.`
        }
      </p>
      ${many ? oneOfEach(data.classes, byClass, shown) : allOfEach(data.classes, byClass, shown)}`,
  };
}

type ByClass = readonly (readonly ReportSample[])[];

function allOfEach(classes: readonly string[], byClass: ByClass, shown: Set<ReportSample>): Part {
  return classes.map((label, i) => {
    const samples = (byClass[i] ?? []).filter((sample) => shown.has(sample));
    return (
      samples.length > 0 &&
      html`<h3>${name(label)}</h3>
        <ul class="tiles" aria-label="Sample tiles of ${label}">
          ${samples.map((sample) => picture(sample, label))}
        </ul>`
    );
  });
}

function oneOfEach(classes: readonly string[], byClass: ByClass, shown: Set<ReportSample>): Part {
  const samples = byClass.flat().filter((sample) => shown.has(sample));
  return html`<ul class="tiles many" aria-label="A sample tile of each class">
    ${samples.map((sample) => {
      const label = classes[sample.label] ?? '';
      return picture(sample, label, label);
    })}
  </ul>`;
}

/** @param caption the file's name if not given */
function picture(sample: ReportSample, label: string, caption?: string): Html {
  const file = visibleControls(sample.path.slice(sample.path.lastIndexOf('/') + 1));
  const source = `data:${sample.mediaType};base64,${Buffer.from(sample.data).toString('base64')}`;
  return html`<li>
    <figure>
      <img src="${source}" alt="Sample tile of class ${visibleControls(label)}, ${file}" />
      <figcaption title="${visibleControls(sample.path)}">
        <bdi>${caption === undefined ? file : visibleControls(caption)}</bdi>
      </figcaption>
    </figure>
  </li>`;
}

/** The first picture of every class before the second of any, for as long as they fit. */
function withinBudget(byClass: readonly (readonly ReportSample[])[]): Set<ReportSample> {
  const shown = new Set<ReportSample>();
  const rounds = Math.max(0, ...byClass.map((samples) => samples.length));
  let characters = 0;
  for (let round = 0; round < rounds; round++) {
    for (const samples of byClass) {
      const sample = samples[round];
      if (sample === undefined) continue;
      characters += Math.ceil(sample.data.length / 3) * 4;
      if (characters > MOST_CHARACTERS) return shown;
      shown.add(sample);
    }
  }
  return shown;
}
