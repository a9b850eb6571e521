/** A store's tiles and what a model made of them, class by class in the model's order. */
import { LungclsError } from '../errors.js';
import type { TileStore } from '../imaging/tile-store.js';
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

/**
 * The probabilities of a CSV that `predict` wrote of a store: float32, (tiles, classes), in its order.
 * @throws LungclsError RESULTS_INVALID | INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function readProbabilities(
  path: string,
  tiles: number,
  classes: number,
): Promise<Float32Array> {
  const result = new Float32Array(tiles * classes);
  let row = -1; // the header is none
  for await (const fields of readCsvRows(path)) {
    // path, label, then one column a class.
    if (row >= 0) result.set(fields.slice(2, 2 + classes).map(Number), row * classes);
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
  return result;
}
