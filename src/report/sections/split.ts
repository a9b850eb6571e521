/** How the tiles were divided, and what that does to the numbers. */
import type { SampledLeakage } from '../../dataset/leakage.js';
import type { ReportData, ReportSplit } from '../data.js';
import { note, pairs, scrollable, type Section } from '../components.js';
import { formatCount, formatPercent } from '../format.js';
import { html, name, type Html, type Part } from '../html.js';

const KINDS: Readonly<Record<ReportSplit['kind'], string>> = {
  random: 'Random over single tiles, index for index scikit-learn’s train_test_split',
  grouped: 'Grouped: all tiles of a group on the same side, the classes in proportion',
  file: 'Given tile by tile',
};

/**
 * Whether copies of validation tiles may have been trained on: they have, or of some tiles it is not known.
 * A grouped split without figures is taken at its word.
 */
export function mayLeak({ kind, leakage }: ReportSplit): boolean {
  return leakage === undefined ? kind !== 'grouped' : leakage.tiles + leakage.unknown > 0;
}

export function splitSection({ split, classes, store }: ReportData): Section {
  const all = split.train + split.validation + (split.unused ?? 0);
  const tiles = (count: number): string =>
    `${formatCount(count)} tiles (${formatPercent(count / all)})`;
  return {
    id: 'split',
    title: 'Split',
    body: html`<div class="columns">
        ${pairs('The split', [
          ['Kind', KINDS[split.kind]],
          ['File', split.file === undefined ? undefined : html`<code>${name(split.file)}</code>`],
          ['Seed', String(split.seed)],
          [
            'Asked for validation',
            split.validationShare === undefined ? undefined : formatPercent(split.validationShare),
          ],
          ['Training', tiles(split.train)],
          ['Validation', tiles(split.validation)],
          ['Unused', split.unused === undefined ? undefined : tiles(split.unused)],
          ...groupRows(split),
          ['Note', split.note],
        ])}
        ${
          split.validationPerClass !== undefined &&
          scrollable(
            'Validation tiles of each class',
            classTable(classes, store.perClass, split.validationPerClass),
          )
        }
      </div>
      ${caveat(split)}`,
  };
}

function groupRows(split: ReportSplit): [string, Part][] {
  const { groups, leakage, sampledLeakage, validation } = split;
  if (groups === undefined || leakage === undefined) {
    return [
      ['Groups', 'Not known: nothing said which tiles come from one original'],
      ['Leakage, by a sample', sampledLeakage && sampleText(sampledLeakage)],
    ];
  }
  const { tiles, share, groups: shared, unknown } = leakage;
  return [
    ['Groups', html`${formatCount(groups.count)}, from <code>${name(groups.from)}</code>`],
    ['Tiles of no known group', formatCount(groups.unknownTiles)],
    [
      'Leakage',
      `${formatCount(tiles)} of ${formatCount(validation)} validation tiles (${formatPercent(share)}) have a sibling in training`,
    ],
    ['Groups on both sides', formatCount(shared)],
    ['Leakage not known', unknown > 0 && `${formatCount(unknown)} validation tiles`],
  ];
}

function sampleText({ tiles, sampled, share, low, high, among }: SampledLeakage): string {
  return `${formatCount(tiles)} of ${formatCount(sampled)} validation tiles looked at (${formatPercent(share)}; 95% interval ${formatPercent(low)} to ${formatPercent(high)}) have a copy among ${formatCount(among)} training tiles`;
}

function classTable(
  classes: readonly string[],
  perClass: readonly number[],
  validation: readonly number[],
): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Class</th>
        <th scope="col" class="number">Validation</th>
        <th scope="col" class="number">Share of the class</th>
      </tr>
    </thead>
    <tbody>
      ${classes.map((label, c) => {
        const count = validation[c] ?? 0;
        return html`<tr>
          <th scope="row">${name(label)}</th>
          <td class="number">${formatCount(count)}</td>
          <td class="number">${formatPercent(count / (perClass[c] ?? 0))}</td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

function caveat(split: ReportSplit): Html | undefined {
  if (!mayLeak(split)) return undefined;
  const { leakage } = split;
  if (leakage === undefined || leakage.tiles > 0) return leakCaveat(split);
  return note(
    'caution',
    html`<p>
      <strong>Read the scores as an upper bound.</strong> Of ${formatCount(leakage.unknown)}
      validation tiles it is not known whether copies of them were trained on: they stand in no
      group. If they were, the scores are better than on new tissue.
    </p>`,
  );
}

/** The figures: Batchkala et al., LC25000-clean, DEMI workshop at MICCAI 2024. */
function leakCaveat(split: ReportSplit): Html {
  const { leakage, sampledLeakage, validation } = split;
  const measured = leakage && `${formatCount(leakage.tiles)} of the ${formatCount(validation)}`;
  return note(
    'caution',
    html`<p>
        <strong>Read the scores as an upper bound.</strong>
        ${
          measured === undefined
            ? html`${unmeasured(split, sampledLeakage)}
                <code class="whole">lungcls-fast audit</code> finds such copies; with them known,
                <code class="whole">--split grouped</code> keeps them apart.`
            : html`The model was trained on copies of ${measured} validation tiles, made from the
                same originals: it is judged on what it has nearly seen. Train with
                <code class="whole">--split grouped</code> for an honest figure, or with
                <code class="whole">--compare-splits</code> for both.`
        }
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

/** What is known of copies where nothing says which tiles belong together. */
function unmeasured({ kind }: ReportSplit, sample: SampledLeakage | undefined): Html {
  if (sample !== undefined && sample.tiles > 0) {
    return html`The model was trained on copies of ${formatCount(sample.tiles)} of
    ${formatCount(sample.sampled)} validation tiles looked at, made from the same originals: it is
    judged on what it has nearly seen.`;
  }
  const divided = kind === 'random' && 'The tiles were divided one by one.';
  return html`${divided} Where a data set holds several tiles made from one original image, copies
  of it may stand on both sides, and the model is judged on what it has nearly seen.
  ${
    sample !== undefined &&
    html`Of ${formatCount(sample.sampled)} validation tiles looked at, none has a copy in training:
    fewer than ${formatPercent(sample.high)} of all are likely to have one.`
  }`;
}
