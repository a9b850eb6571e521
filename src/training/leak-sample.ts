/** How much of the validation part has copies in training, where nothing says which tiles belong together. */
import { countCopied } from '../audit/find-copies.js';
import { estimateLeakage, type SampledLeakage } from '../dataset/leakage.js';
import type { Split } from '../dataset/split.js';
import type { TileStore } from '../imaging/tile-store.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import type { StoredFeatures } from './features.js';
import { pooledFeatures } from './head-input.js';

/** Validation tiles looked at: of 100 that all have a copy, the interval is 96 to 100 %. */
const SAMPLE_TILES = 100;
/** Training tiles they are compared with, at most: a second's work; copies among others are not seen. */
const COMPARED_TILES = 20_000;
/**
 * The nearest tile is mostly of the same original, but not every copy can be registered directly: the more are tried, the
 * more are found. Each takes a description and a registration, where none before it was a copy.
 */
const CANDIDATES = 32;

export interface LeakSampleOptions extends TaskOptions {
  readonly store: TileStore;
  readonly split: Split;
  readonly features: StoredFeatures;
  readonly threads: number;
}

/**
 * Looks for a copy of the first validation tiles, which are a sample of them as a split is in random order: the
 * nearest training tiles by the mean of mixed7 are registered with each, as `audit` registers tiles. What it says is a
 * lower bound: there may be copies that it does not find.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | ADDON_MISSING | ABORTED
 */
export async function sampleLeakage(options: LeakSampleOptions): Promise<SampledLeakage> {
  const { split, features, signal } = options;
  const tiles = split.validation.subarray(0, SAMPLE_TILES);
  const others = split.train.subarray(0, COMPARED_TILES);
  const pooled = await pooledFeatures(features, tiles, options);
  const pooledOthers = await pooledFeatures(features, others, options);
  const width = pooled.length / tiles.length;
  const suspicions = [];
  for (const [i, tile] of tiles.entries()) {
    throwIfAborted(signal);
    const query = pooled.subarray(i * width, (i + 1) * width);
    const candidates = nearest(query, pooledOthers, CANDIDATES).map((at) => others[at] ?? tile);
    suspicions.push({ tile, candidates });
  }
  const found = await countCopied(options, suspicions);
  return estimateLeakage(found, tiles.length, others.length);
}

/**
 * The rows nearest to a vector by Euclidean distance, nearest first.
 * @param rows (n, query.length), C order
 */
function nearest(query: Float32Array, rows: Float32Array, k: number): number[] {
  const width = query.length;
  const count = rows.length / width;
  const found: { row: number; distance: number }[] = [];
  for (let row = 0; row < count; row++) {
    const begin = row * width;
    let distance = 0;
    for (let i = 0; i < width; i++) distance += (query[i]! - rows[begin + i]!) ** 2;
    if (found.length === k && distance >= (found.at(-1)?.distance ?? 0)) continue;
    found.push({ row, distance });
    found.sort((a, b) => a.distance - b.distance);
    found.length = Math.min(found.length, k);
  }
  return found.map(({ row }) => row);
}
