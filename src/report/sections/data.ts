/** What data the model was trained and judged on, and which files gave no tile. */
import type { ReportCommon, ReportFailure } from '../data.js';
import { folded, MANY_CLASSES, note, pairs, scrollable, type Section } from '../components.js';
import { formatCount, formatPercent, plural } from '../format.js';
import { html, name, type Html } from '../html.js';

/** How the store's images became tiles. */
const RESIZED_AS: Readonly<Record<string, string>> = {
  cv2: 'OpenCV does (INTER_LINEAR)',
  area: 'OpenCV does (INTER_AREA)',
  fast: 'fast: high frequencies of JPEGs damped, then as OpenCV does (INTER_LINEAR)',
};

/** More failed files than this are counted, not listed: the store's index.csv has them all. */
const MOST_FAILURES = 50;

export function dataSection(data: ReportCommon): Section {
  const { store, classes } = data;
  return {
    id: 'data',
    title: 'Data',
    body: html`<p>
        ${plural(store.tiles, 'tile')} of ${plural(classes.length, 'class', 'classes')}, each
        ${store.size} × ${store.size} pixels. ${store.failed === 0 && 'Every file gave a tile.'}
      </p>
      <div class="columns">
        ${tilesOfClasses(data)}
        ${pairs('The tile store', [
          ['Tile store', html`<code>${name(store.path)}</code>`],
          ['Resized as', RESIZED_AS[store.resize] ?? store.resize],
          ['Pixels stored', `${store.color.toUpperCase()}, 8 bits a channel`],
        ])}
      </div>
      ${failures(store.failed, store.failures)}`,
  };
}

function tilesOfClasses(data: ReportCommon): Html {
  const { perClass } = data.store;
  const table = scrollable('Tiles of each class', classTable(data));
  if (data.classes.length <= MANY_CLASSES) return table;
  const span = `${formatCount(Math.min(...perClass))} to ${formatCount(Math.max(...perClass))}`;
  return folded(`Tiles of each class: ${span}`, table);
}

function classTable({ store, classes }: ReportCommon): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Class</th>
        <th scope="col" class="number">Tiles</th>
        <th scope="col" class="number">Share</th>
      </tr>
    </thead>
    <tbody>
      ${classes.map((label, i) => {
        const count = store.perClass[i] ?? 0;
        return html`<tr>
          <th scope="row">${name(label)}</th>
          <td class="number">${formatCount(count)}</td>
          <td class="number">${formatPercent(count / store.tiles)}</td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

function failures(failed: number, list: readonly ReportFailure[]): Html | undefined {
  if (failed === 0) return undefined;
  const shown = list.slice(0, MOST_FAILURES);
  const rest = failed - shown.length;
  const table = html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">File</th>
        <th scope="col">Status</th>
        <th scope="col">What was wrong</th>
      </tr>
    </thead>
    <tbody>
      ${shown.map(
        (failure) =>
          html`<tr>
            <td><code>${name(failure.path)}</code></td>
            <td class="whole"><code>${failure.status}</code></td>
            <td>${name(failure.message ?? '')}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return note(
    'caution',
    html`${shown.length > 0 && folded(`Files that gave no tile: ${formatCount(failed)}`, scrollable('Files that gave no tile', table))}
    ${rest > 0 && html`<p>${plural(rest, 'further file')}: see index.csv of the tile store.</p>`}`,
  );
}
