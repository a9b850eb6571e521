/** Whether a tile has a copy among a few others that are likely to be one. */
import type { TileStore } from '../imaging/tile-store.js';
import { TileCollection } from '../native/addon.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { verdictOf } from './verdict.js';

/** Candidates of each tile that are registered first; the others only where these are none. */
const FIRST_CANDIDATES = 2;
/** Tiles that are read and described at a time. */
const DESCRIBED_AT_ONCE = 64;

export interface CopySearch extends TaskOptions {
  readonly store: TileStore;
  readonly threads: number;
}

/** A tile, and tiles that may be of the same original, the likeliest first: rows of the store. */
export interface Suspicion {
  readonly tile: number;
  readonly candidates: readonly number[];
}

/**
 * Registers each tile with its candidates, as the audit does.
 * @returns how many of the tiles have a copy among theirs
 * @throws LungclsError ADDON_MISSING | ABORTED, and those of TileStore.readTiles
 */
export async function countCopied(
  search: CopySearch,
  suspicions: readonly Suspicion[],
): Promise<number> {
  const unlike = await withoutCopy(
    search,
    suspicions.map(({ tile, candidates }) => ({
      tile,
      candidates: candidates.slice(0, FIRST_CANDIDATES),
    })),
  );
  const rest = suspicions
    .filter(({ tile }) => unlike.has(tile))
    .map(({ tile, candidates }) => ({ tile, candidates: candidates.slice(FIRST_CANDIDATES) }));
  return suspicions.length - (await withoutCopy(search, rest)).size;
}

async function withoutCopy(
  search: CopySearch,
  suspicions: readonly Suspicion[],
): Promise<Set<number>> {
  const rows = [
    ...new Set(suspicions.flatMap(({ tile, candidates }) => [tile, ...candidates])),
  ].sort((a, b) => a - b);
  const left = new Set(suspicions.map(({ tile }) => tile));
  if (rows.length < 2) return left;
  const { store, threads, signal } = search;
  const collection = new TileCollection({ tiles: rows.length, size: store.spec.size, threads });
  try {
    await describe(search, collection, rows);
    const position = new Map(rows.map((row, i) => [row, i]));
    const pairs = suspicions.flatMap(({ tile, candidates }) =>
      candidates.map((candidate) => ({ tile, candidate })),
    );
    throwIfAborted(signal);
    const numbers = pairs.flatMap(({ tile, candidate }) => [
      position.get(tile) ?? 0,
      position.get(candidate) ?? 0,
    ]);
    const registrations = await collection.register(Uint32Array.from(numbers));
    for (const [i, { tile }] of pairs.entries()) {
      const registration = registrations[i];
      if (registration && verdictOf(registration) === 'original') left.delete(tile);
    }
    return left;
  } finally {
    collection.close();
  }
}

async function describe(
  { store, signal, onProgress }: CopySearch,
  collection: TileCollection,
  rows: readonly number[],
): Promise<void> {
  for (let first = 0; first < rows.length; first += DESCRIBED_AT_ONCE) {
    throwIfAborted(signal);
    const some = rows.slice(first, first + DESCRIBED_AT_ONCE);
    const tiles = new Uint8Array(some.length * store.tileBytes);
    await store.readTiles(some, tiles);
    await collection.describe(first, some.length, tiles);
    const done = first + some.length;
    onProgress?.({ stage: 'copies', done, total: rows.length, unit: 'tiles' });
  }
}
