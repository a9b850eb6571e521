/** scikit-learn's k-fold splits, index for index: every tile validates once. */
import { LungclsError } from '../errors.js';
import type { Groups } from './groups.js';
import { numpySum } from './numpy-sum.js';
import { MersenneTwister } from './random-state.js';
import type { Split } from './split.js';

/**
 * `StratifiedKFold(n_splits=k, shuffle=True, random_state=seed)` of scikit-learn 1.9.1, what its
 * `cross_val_score` takes for classifiers: each class is dealt out evenly. Tiles in ascending order, as
 * scikit-learn gives them.
 *
 * @param labels class of each tile
 * @param k 2 or more
 * @throws LungclsError TOO_FEW_TILES: a class has fewer tiles than there are folds (scikit-learn only
 *   warns, and leaves folds without it)
 */
export function stratifiedFolds(labels: Int32Array, k: number, seed: number): Split[] {
  const perClass = countClasses(labels);
  checkClasses(perClass, k);
  const allocation = dealOut(perClass, k);
  const random = new MersenneTwister(seed);
  const foldOf = new Int32Array(labels.length);
  // Classes in the order in which they first appear, as scikit-learn encodes them.
  for (const [c, label] of [...perClass.keys()].entries()) {
    const folds = Int32Array.from(
      allocation.flatMap((counts, fold) => new Array<number>(counts[c] ?? 0).fill(fold)),
    );
    random.shuffle(folds);
    let next = 0;
    for (const [tile, own] of labels.entries()) {
      if (own === label) foldOf[tile] = folds[next++] ?? 0;
    }
  }
  return splitsOf(foldOf, k);
}

/**
 * `StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)` of scikit-learn 1.9.1: groups
 * whole, classes as even as a greedy choice makes them. Tiles in ascending order.
 *
 * @param labels class of each tile
 * @param k 2 or more
 * @throws LungclsError TOO_FEW_TILES: a class has fewer tiles than there are folds | SPLIT_IMPOSSIBLE:
 *   there are fewer groups than folds, or a fold gets none
 */
export function groupedFolds(
  labels: Int32Array,
  { ids, names, unknown }: Groups,
  k: number,
  seed: number,
): Split[] {
  const perClass = countClasses(labels);
  checkClasses(perClass, k);
  const groups = names.length + unknown;
  const classes = [...perClass.keys()].sort((a, b) => a - b);
  const column = new Map(classes.map((label, c) => [label, c]));
  const counts = Array.from({ length: groups }, () => classes.map(() => 0));
  for (const [tile, label] of labels.entries()) {
    const row = counts[ids[tile] ?? 0];
    const c = column.get(label);
    if (row !== undefined && c !== undefined) row[c] = (row[c] ?? 0) + 1;
  }
  const shuffled = new MersenneTwister(seed).permutation(groups);
  const deviations = counts.map((row) => standardDeviation(row));
  // The largest first; equal ones stay in shuffled order (the sort is stable).
  const order = [...shuffled].sort((a, b) => (deviations[b] ?? 0) - (deviations[a] ?? 0));
  const folds = new FoldCounts(
    k,
    classes.map((label) => perClass.get(label) ?? 0),
  );
  const foldOfGroup = new Int32Array(groups);
  for (const group of order) foldOfGroup[group] = folds.add(counts[group] ?? []);
  const empty = folds.sizes.indexOf(0);
  if (empty >= 0) {
    throw new LungclsError(
      'SPLIT_IMPOSSIBLE',
      `Expected tiles for each of ${String(k)} folds but the ${String(groups)} groups fill only ${String(folds.sizes.filter((size) => size > 0).length)}; ask for fewer folds`,
    );
  }
  return splitsOf(
    ids.map((group) => foldOfGroup[group] ?? 0),
    k,
  );
}

/** Tiles by label, in the order in which the labels first appear. */
function countClasses(labels: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function checkClasses(perClass: ReadonlyMap<number, number>, k: number): void {
  if (!Number.isInteger(k) || k < 2) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected an integer of at least 2 for folds but received ${String(k)} of type ${typeof k}`,
    );
  }
  const least = Math.min(...perClass.values());
  if (perClass.size === 0 || least < k) {
    throw new LungclsError(
      'TOO_FEW_TILES',
      `Expected at least as many tiles of each class as there are folds (${String(k)}) but the smallest class has ${String(perClass.size === 0 ? 0 : least)}`,
    );
  }
}

/**
 * How many tiles of each class each fold gets: all tiles, sorted by class, are dealt to the folds in
 * turn (`np.bincount(y_order[i::n_splits])`).
 */
function dealOut(perClass: ReadonlyMap<number, number>, k: number): number[][] {
  const allocation = Array.from({ length: k }, () => [...perClass].map(() => 0));
  let position = 0;
  for (const [c, count] of [...perClass.values()].entries()) {
    for (let i = 0; i < count; i++, position++) {
      const row = allocation[position % k];
      if (row !== undefined) row[c] = (row[c] ?? 0) + 1;
    }
  }
  return allocation;
}

function splitsOf(foldOf: Int32Array, k: number): Split[] {
  const tiles = Int32Array.from(foldOf.keys());
  return Array.from({ length: k }, (_, fold) => ({
    train: tiles.filter((tile) => foldOf[tile] !== fold),
    validation: tiles.filter((tile) => foldOf[tile] === fold),
  }));
}

/** `numpy.std` of a row, to the last bit: which group comes first depends on it. */
function standardDeviation(values: readonly number[]): number {
  const mean = numpySum(values) / values.length;
  return Math.sqrt(numpySum(values.map((value) => (value - mean) ** 2)) / values.length);
}

/** How the classes stand over the folds, while groups are added. */
class FoldCounts {
  /** Tiles of each fold. */
  readonly sizes: number[];
  readonly #perClass: readonly number[];
  readonly #counts: number[][];

  constructor(k: number, perClass: readonly number[]) {
    this.#perClass = perClass;
    this.sizes = new Array<number>(k).fill(0);
    this.#counts = this.sizes.map(() => perClass.map(() => 0));
  }

  /**
   * Adds a group to the fold that leaves each class spread most evenly, of equally good ones (within
   * `numpy.isclose`) to the smallest.
   * @returns the fold
   */
  add(group: readonly number[]): number {
    let best = 0;
    let bestSpread = Infinity;
    let bestSize = Infinity;
    for (const [fold, size] of this.sizes.entries()) {
      const spread = this.#spread(fold, group);
      const close = Math.abs(spread - bestSpread) <= 1e-8 + 1e-5 * bestSpread;
      if (spread < bestSpread || (bestSpread < Infinity && close && size < bestSize)) {
        best = fold;
        bestSpread = spread;
        bestSize = size;
      }
    }
    this.#counts[best]?.forEach((count, c, row) => {
      row[c] = count + (group[c] ?? 0);
    });
    this.sizes[best] = (this.sizes[best] ?? 0) + group.reduce((a, b) => a + b, 0);
    return best;
  }

  /** Mean over the classes of the standard deviation over the folds, with the group in one of them. */
  #spread(fold: number, group: readonly number[]): number {
    const k = this.#counts.length;
    const deviations = this.#perClass.map((tiles, c) => {
      // NumPy sums columns row by row, not in pairs.
      const shares = this.#counts.map(
        (row, i) => ((row[c] ?? 0) + (i === fold ? (group[c] ?? 0) : 0)) / tiles,
      );
      const mean = shares.reduce((a, b) => a + b, 0) / k;
      return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / k);
    });
    return numpySum(deviations) / deviations.length;
  }
}
