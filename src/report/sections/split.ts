/** How the tiles were divided, and what that does to the numbers. */
import type { ReportData } from '../data.js';
import { note, pairs, type Section } from '../components.js';
import { formatCount, formatPercent } from '../format.js';
import { html, type Html } from '../html.js';

export function splitSection({ split }: ReportData): Section {
  const all = split.train + split.validation;
  return {
    id: 'split',
    title: 'Split',
    body: html`${pairs('The split', [
      [
        'Kind',
        split.kind === 'random'
          ? 'Random over single tiles, index for index scikit-learn’s train_test_split'
          : 'Grouped: all tiles of one original on the same side',
      ],
      ['Seed', String(split.seed)],
      ['Asked for validation', formatPercent(split.validationShare)],
      ['Training', `${formatCount(split.train)} tiles (${formatPercent(split.train / all)})`],
      [
        'Validation',
        `${formatCount(split.validation)} tiles (${formatPercent(split.validation / all)})`,
      ],
      ['Note', split.note],
    ])}
    ${split.kind === 'random' && randomCaveat()}`,
  };
}

/** The figures: Batchkala et al., LC25000-clean, DEMI workshop at MICCAI 2024. */
function randomCaveat(): Html {
  return note(
    'caution',
    html`<p>
        <strong>Read the scores as an upper bound.</strong> The tiles were divided one by one. Where
        a data set holds several tiles made from one original image, copies of it stand on both
        sides, and the model is judged on what it has nearly seen.
      </p>
      <p>
        LC25000 is such a set: its 5,000 tiles of a class were made from about 250 originals by
        rotation and flips. In published work that kept the copies together, a random split touched
        98–99% of the originals on both sides, and an ImageNet ResNet-18 fell from 0.998 to 0.917
        once they were kept apart (LC25000-clean: Batchkala et al., DEMI at MICCAI 2024). Expect
        less than the figures here on tissue of other patients, scanners and stains.
      </p>`,
  );
}
