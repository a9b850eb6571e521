/** Does time grow as the number of tiles does, and memory not at all? */

/** One command on so many tiles, in a process of its own. */
export interface ScaleRun {
  readonly tiles: number;
  readonly seconds: number;
  /** The largest resident set, with the pages of mapped files and without them. */
  readonly peakRssBytes: number;
  readonly peakPrivateBytes: number;
  /** What it wrote. */
  readonly files: number;
  readonly bytes: number;
}

export interface ScaleFit {
  /** The line through the times: so many seconds to begin with, so many a tile. */
  readonly startSeconds: number;
  readonly secondsPerTile: number;
  /** Time grows as tiles to this power between the two largest sizes: 1 is linear; null for one size. */
  readonly exponent: number | null;
  readonly linear: boolean;
  /** Private memory that a tile adds, between the smallest and the largest size; null for one size. */
  readonly memoryBytesPerTile: number | null;
  readonly flat: boolean;
  /** Of what is written. */
  readonly diskBytesPerTile: number;
}

/** More than linear is what is above this: caches and other load make times differ by some percent. */
const MOST_EXPONENT = 1.1;
/** Flat is a peak at the largest size of at most so many times that at the smallest. */
const MOST_GROWTH = 1.25;

/** @param runs at least one, by growing number of tiles */
export function fitScale(runs: readonly ScaleRun[]): ScaleFit {
  const first = runs[0];
  const last = runs.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('Expected at least one run');
  const before = runs.at(-2);
  const exponent =
    before === undefined
      ? null
      : Math.log(last.seconds / before.seconds) / Math.log(last.tiles / before.tiles);
  const { start, slope } = line(runs);
  const more = last.tiles - first.tiles;
  return {
    startSeconds: start,
    secondsPerTile: slope,
    exponent,
    linear: exponent === null || exponent <= MOST_EXPONENT,
    memoryBytesPerTile: more === 0 ? null : (last.peakPrivateBytes - first.peakPrivateBytes) / more,
    flat: last.peakPrivateBytes <= MOST_GROWTH * first.peakPrivateBytes,
    diskBytesPerTile: last.bytes / last.tiles,
  };
}

/** Least squares of the relative error, so that the small sizes count as much as the large; no start below 0. */
function line(runs: readonly ScaleRun[]): { start: number; slope: number } {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (const { tiles: x, seconds: y } of runs) {
    const weight = 1 / y ** 2;
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const start = (wy - slope * wx) / w;
  // One size, or times that begin below nothing: the line through the origin.
  return Number.isFinite(slope) && start >= 0 ? { start, slope } : { start: 0, slope: wxy / wxx };
}
