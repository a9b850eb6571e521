/** Holds back a part of the training tiles, to fit the temperature on. */
import { groupedSplit } from '../dataset/grouped-split.js';
import { numberGroups, type Groups } from '../dataset/groups.js';
import { trainTestSplit, type Split } from '../dataset/split.js';
import { LungclsError } from '../errors.js';

/** How far the part may be from the share asked for: its size matters little. */
const TOLERANCE = 0.05;

export interface HoldBackOptions {
  /** The tiles to divide, as rows of the store. */
  readonly train: Int32Array;
  /** Of all tiles of the store. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  readonly groups: Groups | undefined;
  /** Above 0 and below 1. */
  readonly share: number;
  /** An integer from 0 to 2^32 - 1. */
  readonly seed: number;
}

/**
 * Divides training tiles in two: groups whole where they are known, however the tiles to train on were
 * chosen, for a temperature is wanted that holds on new originals; else tile by tile. Rows of the store,
 * `validation` being the part held back. Where that cannot be done, why.
 */
export function holdBack(options: HoldBackOptions): Split | string {
  const { train, labels, classes, groups, share, seed } = options;
  try {
    const own =
      groups === undefined
        ? trainTestSplit(train.length, share, seed)
        : groupedSplit({
            labels: train.map((tile) => labels[tile] ?? 0),
            classes,
            groups: groupsOf(train, groups),
            ...{ validationShare: share, tolerance: TOLERANCE, seed },
          });
    const rows = (part: Int32Array): Int32Array => part.map((i) => train[i] ?? 0);
    return { train: rows(own.train), validation: rows(own.validation) };
  } catch (error) {
    if (!(error instanceof LungclsError)) throw error;
    if (error.code !== 'SPLIT_IMPOSSIBLE' && error.code !== 'TOO_FEW_TILES') throw error;
    return error.message;
  }
}

/** The groups of some tiles alone: those of the others have no number there. */
function groupsOf(tiles: Int32Array, { from, names, ids }: Groups): Groups {
  return numberGroups(
    from,
    Array.from(tiles, (tile) => names[ids[tile] ?? -1]),
  );
}
