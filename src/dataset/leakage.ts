/** The leak audit: how much of what validates has been seen in training. */
import type { Split } from './split.js';

export interface Leakage {
  /** Validation tiles of whose group a tile is trained on, and their share of all validation tiles. */
  readonly tiles: number;
  readonly share: number;
  /** Groups with tiles on both sides. */
  readonly groups: number;
  /** Validation tiles of no known group: whether they have siblings in training is not known. */
  readonly unknown: number;
}

/** @param groups the group of each tile; positions from `names.length` on are of no known group */
export function measureLeakage(
  { train, validation }: Split,
  { ids, names }: { ids: ArrayLike<number>; names: readonly string[] },
): Leakage {
  const trained = new Set<number>();
  for (const tile of train) trained.add(ids[tile] ?? -1);
  const shared = new Set<number>();
  let tiles = 0;
  let unknown = 0;
  for (const tile of validation) {
    const id = ids[tile] ?? -1;
    if (id >= names.length) unknown += 1;
    if (!trained.has(id)) continue;
    tiles += 1;
    shared.add(id);
  }
  return { tiles, share: tiles / validation.length, groups: shared.size, unknown };
}
