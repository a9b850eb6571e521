/** Versions and hashes: what to compare when a number has to be reproduced. */
import type { ReportCommon } from '../data.js';
import { isTraining, pairs, type Section } from '../components.js';
import { html, name, type Html } from '../html.js';
import { formatDecimal } from '../format.js';

export function provenanceSection(data: ReportCommon): Section {
  const { store, base } = data;
  const difference = isTraining(data) ? data.exportMaxDifference : undefined;
  const known = new Set([store.fingerprint, store.preprocessingFingerprint, base.fingerprint]);
  return {
    id: 'provenance',
    title: 'Versions and hashes',
    body: html`${
      difference !== undefined &&
      html`<p>
        The exported ONNX model was run beside the trained one on held-out tiles: their
        probabilities differ by at most ${difference === 0 ? '0' : scientific(difference)}.
      </p>`
    }
    ${pairs('Versions and hashes', [
      ['lungcls-fast', name(data.toolVersion)],
      ['Tile store', hash(store.fingerprint)],
      ['Preprocessing', hash(store.preprocessingFingerprint)],
      ['Base', hash(base.fingerprint)],
      ...data.hashes
        .filter(({ value }) => !known.has(value))
        .map((entry) => [entry.name, hash(entry.value)] as const),
    ])}`,
  };
}

function scientific(value: number): string {
  return Number.isFinite(value) ? value.toExponential(1) : formatDecimal(value);
}

function hash(value: string): Html {
  return html`<code>${name(value)}</code>`;
}
