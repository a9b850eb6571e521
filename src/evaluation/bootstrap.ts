/**
 * Intervals by the bootstrap (Efron and Tibshirani 1993, chapter 13: percentile intervals). Tiles of one
 * group are no independent observations: they are drawn together, or the interval is too narrow.
 */
import { setImmediate } from 'node:timers/promises';
import { MersenneTwister } from '../dataset/random-state.js';
import { LungclsError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';

export const DEFAULT_RESAMPLES = 1000;
/** 95 %. */
const TAIL = 0.025;

export interface Estimate {
  /** Of all tiles as they are. */
  readonly value: number;
  /** Ends of the 95 % interval; NaN where there were too few resamples that have a value. */
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  readonly tiles: number;
  /** Statistics of the tiles, each counted by its weight; always as many. */
  readonly statistic: (weights: Float64Array) => readonly number[];
  /** The group of each tile: groups are drawn, not tiles. */
  readonly groups?: readonly (string | number)[] | undefined;
  readonly resamples?: number | undefined;
  /** 0 to 2^32 - 1. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BootstrapResult {
  /** One a statistic. */
  readonly estimates: readonly Estimate[];
  /** Groups or tiles that were drawn from. */
  readonly units: number;
  readonly resamples: number;
}

/**
 * Draws the groups (or tiles) with replacement, as many as there are, `resamples` times, and takes the
 * 2.5th and the 97.5th percentile of each statistic. The same seed gives the same intervals. A
 * statistic that a resample does not have (NaN) is left out there.
 * @throws LungclsError INVALID_OPTION | ABORTED
 */
export async function bootstrapIntervals(options: BootstrapOptions): Promise<BootstrapResult> {
  const { tiles, statistic, groups, signal, resamples = DEFAULT_RESAMPLES, seed = 0 } = options;
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a positive integer for resamples but received ${String(resamples)}`,
    );
  }
  const members = membersOf(tiles, groups);
  const values = statistic(new Float64Array(tiles).fill(1));
  const drawn = values.map(() => new Float64Array(resamples));
  const random = new MersenneTwister(seed);
  const weights = new Float64Array(tiles);
  for (let r = 0; r < resamples; r++) {
    weights.fill(0);
    for (let left = members.length; left > 0; left--) {
      const unit = members[random.interval(members.length - 1)] ?? [];
      for (const tile of unit) weights[tile] = (weights[tile] ?? 0) + 1;
    }
    for (const [s, value] of statistic(weights).entries()) {
      const row = drawn[s];
      if (row !== undefined) row[r] = value;
    }
    if (r % 16 === 15) {
      await setImmediate();
      throwIfAborted(signal);
    }
  }
  return {
    estimates: values.map((value, s) => ({
      value,
      ...percentiles(drawn[s] ?? new Float64Array()),
    })),
    units: members.length,
    resamples,
  };
}

function membersOf(tiles: number, groups: BootstrapOptions['groups']): number[][] {
  if (groups === undefined) return Array.from({ length: tiles }, (_, i) => [i]);
  const byName = new Map<string | number, number[]>();
  for (const [tile, group] of groups.entries()) {
    const members = byName.get(group);
    if (members === undefined) byName.set(group, [tile]);
    else members.push(tile);
  }
  return [...byName.values()];
}

/** NumPy's default percentile: linear between the two nearest values. */
function percentiles(values: Float64Array): { low: number; high: number } {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const at = (share: number): number => {
    if (sorted.length < 2) return NaN;
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const [a = NaN, b = a] = [sorted[below], sorted[below + 1]];
    return a + (place - below) * (b - a);
  };
  return { low: at(TAIL), high: at(1 - TAIL) };
}
