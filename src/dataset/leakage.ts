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

/** The same where groups are not known: copies were looked for of a sample of the validation tiles. */
export interface SampledLeakage {
  /** Validation tiles looked at, and those of them of which a copy is trained on. */
  readonly sampled: number;
  readonly tiles: number;
  /** tiles / sampled, and the ends of its 95 % interval, 0 to 1. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
  /** Training tiles among which copies were looked for: not all where there are very many. */
  readonly among: number;
}

/** Of the standard normal distribution: 95 % lie within so many standard deviations. */
const Z95 = 1.959963984540054;

/**
 * The interval is Wilson's score interval (Wilson 1927), which holds for shares near 0 and 1 too.
 * @param tiles of `sampled`, at least 1 of these
 */
export function estimateLeakage(tiles: number, sampled: number, among: number): SampledLeakage {
  const share = tiles / sampled;
  const spread = Z95 ** 2 / sampled;
  const centre = (share + spread / 2) / (1 + spread);
  const reach = (Z95 * Math.sqrt((share * (1 - share) + spread / 4) / sampled)) / (1 + spread);
  return {
    ...{ sampled, tiles, share, among },
    low: tiles === 0 ? 0 : centre - reach,
    high: tiles === sampled ? 1 : centre + reach,
  };
}
