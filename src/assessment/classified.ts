/** A store's tiles and what a model made of them, class by class in the model's order. */
import type { DomainJudgement } from '../domain/domain.js';
import { LungclsError } from '../errors.js';
import type { TileStore } from '../imaging/tile-store.js';
import { ResultLayout } from '../inference/result-columns.js';
import { readCsvRows } from '../storage/csv.js';

/**
 * The model's class of each tile, matched by name. A class of the model that the store does not have is
 * none of any tile.
 * @throws LungclsError UNKNOWN_CLASS, naming the classes of both
 */
export function classIndices(
  store: Pick<TileStore, 'classes' | 'labels' | 'directory'>,
  classes: readonly string[],
): Int32Array {
  const own = store.classes.map((name) => classes.indexOf(name));
  const used = new Set(store.labels);
  const strange = store.classes.filter((_, label) => used.has(label) && own[label] === -1);
  if (strange.length > 0) {
    throw new LungclsError(
      'UNKNOWN_CLASS',
      `Expected tiles of the model's classes (${classes.join(', ')}) but ${store.directory} has ${strange.join(', ')}`,
      { path: store.directory },
    );
  }
  return store.labels.map((label) => own[label] ?? -1);
}

/** What `predict` said of a store's tiles. */
export interface Classified {
  /** float32, (tiles, classes), in the order of the store. */
  readonly probabilities: Float32Array;
  /** Of each tile; undefined where the model cannot tell. */
  readonly domain: readonly DomainJudgement[] | undefined;
}

/**
 * Reads a CSV that `predict` wrote of a store.
 * @throws LungclsError RESULTS_INVALID | INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function readClassified(
  path: string,
  tiles: number,
  classes: readonly string[],
): Promise<Classified> {
  const layout = new ResultLayout({ classes });
  const result = new Float32Array(tiles * classes.length);
  const domain: DomainJudgement[] = [];
  let row = -1; // the header is none
  for await (const fields of readCsvRows(path)) {
    if (row >= 0) {
      // path, label, then one column a class.
      const numbers = fields.slice(2, 2 + classes.length).map(Number);
      if (row < tiles) result.set(numbers, row * classes.length);
      const judged = layout.domainOf(fields);
      if (judged !== undefined) domain.push(judged);
    }
    row++;
    if (row > tiles) break;
  }
  if (row !== tiles || result.some(Number.isNaN)) {
    throw new LungclsError(
      'RESULTS_INVALID',
      `${path}: expected the probabilities of ${String(tiles)} tiles but found those of ${String(row)}`,
      { path },
    );
  }
  return { probabilities: result, domain: domain.length === tiles ? domain : undefined };
}
