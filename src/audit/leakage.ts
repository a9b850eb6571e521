/** How much a split lets validation see of training. */
import type { Split } from '../dataset/split.js';

export interface Leakage {
  /** Tiles of the validation part. */
  readonly validation: number;
  /** Those of them that have a tile of their own group in the training part. */
  readonly leaked: number;
  /** leaked / validation, 0 to 1. */
  readonly share: number;
}

/** @param groupOf the group of each row */
export function leakage(split: Split, groupOf: ArrayLike<number>): Leakage {
  const trained = new Set(Array.from(split.train, (row) => groupOf[row]));
  const leaked = split.validation.filter((row) => trained.has(groupOf[row])).length;
  const validation = split.validation.length;
  return { validation, leaked, share: leaked / validation };
}
