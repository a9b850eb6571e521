/** Pairs of tiles of a store that show the same tissue, found without comparing all with all. */
import type { TileStore } from '../imaging/tile-store.js';
import { TileCollection, type Registration } from '../native/addon.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';

/**
 * Relatives looked at for each tile. Copies of one original are each other's nearest neighbours but
 * where the crops differ most; those are joined by copies between them.
 */
export const NEIGHBOURS = 12;
/** Tiles and pairs between two looks at the signal: a fraction of a second each. */
const DESCRIBED_AT_ONCE = 64;
const SEARCHED_AT_ONCE = 256;
const REGISTERED_AT_ONCE = 1024;

/** A pair that was registered: row `from` onto row `onto`, from < onto. */
export interface Relation {
  readonly from: number;
  readonly onto: number;
  readonly registration: Registration;
}

export interface RelationOptions extends TaskOptions {
  readonly store: TileStore;
  readonly threads: number;
}

export interface Relations {
  /** Pairs that were registered. */
  readonly pairs: number;
  /** Those of them that share at least `leastInliers` places. */
  readonly relations: readonly Relation[];
  /** Of each step: seconds. */
  readonly seconds: {
    readonly describe: number;
    readonly search: number;
    readonly register: number;
  };
}

/** @throws LungclsError ADDON_MISSING | ABORTED, and those of TileStore.readTiles */
export async function findRelations(
  options: RelationOptions,
  leastInliers: number,
): Promise<Relations> {
  const { store, threads } = options;
  const collection = new TileCollection({ tiles: store.count, size: store.spec.size, threads });
  try {
    const start = performance.now();
    await describeAll(options, collection);
    const described = performance.now();
    await collection.index();
    const pairs = await candidatePairs(options, collection);
    const searched = performance.now();
    const relations = await registerAll(options, collection, pairs, leastInliers);
    return {
      pairs: pairs.length / 2,
      relations,
      seconds: {
        describe: (described - start) / 1000,
        search: (searched - described) / 1000,
        register: (performance.now() - searched) / 1000,
      },
    };
  } finally {
    collection.close();
  }
}

/** Registers one tile onto another. @throws as findRelations */
export async function registerTwo(
  { store, threads }: RelationOptions,
  from: number,
  onto: number,
): Promise<{ registration: Registration; tiles: Uint8Array }> {
  const tiles = new Uint8Array(2 * store.tileBytes);
  await store.readTiles([from, onto], tiles);
  const collection = new TileCollection({ tiles: 2, size: store.spec.size, threads });
  try {
    await collection.describe(0, 2, tiles);
    const [registration] = await collection.register(Uint32Array.of(0, 1));
    if (registration === undefined) throw new Error('no registration came');
    return { registration, tiles };
  } finally {
    collection.close();
  }
}

async function describeAll(
  { store, signal, onProgress }: RelationOptions,
  collection: TileCollection,
): Promise<void> {
  let done = 0;
  for await (const { tiles, count } of store.batches(undefined, DESCRIBED_AT_ONCE)) {
    throwIfAborted(signal);
    await collection.describe(done, count, tiles);
    done += count;
    onProgress?.({ stage: 'describe', done, total: store.count, unit: 'tiles' });
  }
}

/** Each pair once, two rows a pair, the lower first; ascending. */
async function candidatePairs(
  { store, signal, onProgress }: RelationOptions,
  collection: TileCollection,
): Promise<Uint32Array> {
  const total = store.count;
  // A pair as one number, which a double holds exactly for up to 2^26 tiles.
  const keys = new Set<number>();
  for (let first = 0; first < total; first += SEARCHED_AT_ONCE) {
    throwIfAborted(signal);
    const count = Math.min(SEARCHED_AT_ONCE, total - first);
    const found = await collection.neighbours(first, count, NEIGHBOURS);
    found.forEach((other, i) => {
      const tile = first + Math.floor(i / NEIGHBOURS);
      if (other !== tile) keys.add(Math.min(tile, other) * total + Math.max(tile, other));
    });
    onProgress?.({ stage: 'search', done: first + count, total, unit: 'tiles' });
  }
  const sorted = Float64Array.from(keys).sort();
  const pairs = new Uint32Array(sorted.length * 2);
  sorted.forEach((key, i) => {
    pairs[2 * i] = Math.floor(key / total);
    pairs[2 * i + 1] = key % total;
  });
  return pairs;
}

async function registerAll(
  { signal, onProgress }: RelationOptions,
  collection: TileCollection,
  pairs: Uint32Array,
  leastInliers: number,
): Promise<Relation[]> {
  const relations: Relation[] = [];
  const total = pairs.length / 2;
  for (let first = 0; first < total; first += REGISTERED_AT_ONCE) {
    throwIfAborted(signal);
    const last = Math.min(total, first + REGISTERED_AT_ONCE);
    const some = pairs.slice(2 * first, 2 * last);
    for (const [i, registration] of (await collection.register(some)).entries()) {
      const [from = 0, onto = 0] = some.subarray(2 * i, 2 * i + 2);
      if (registration.inliers >= leastInliers) relations.push({ from, onto, registration });
    }
    onProgress?.({ stage: 'register', done: last, total, unit: 'pairs' });
  }
  return relations;
}
