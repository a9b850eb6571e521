/** Batches of stored features as float32, one gathered while the one before it is trained on. */
import { setTimeout } from 'node:timers/promises';
import { throwIfAborted } from '../runtime/abort.js';
import type { FeatureBatch, Upcoming } from './head/first-dense.js';

/**
 * How long a step waits for its successor's features. Where they are in memory they are there by then;
 * where the disk is slow the step goes on without.
 */
const PATIENCE_MS = 5;

/** A table of rows, of float16 as a rule; `MappedRows` of the addon is one. */
export interface HalfRows {
  /** Copies rows, as float32, one after the other into `out`. */
  gatherHalfToFloat(rows: Uint32Array, out: Float32Array): Promise<void>;
}

export interface BatchSource {
  /** Each tile's features as `blocks` consecutive rows of equal width. */
  readonly rows: HalfRows;
  readonly blocks: number;
  /** Features of a tile. */
  readonly features: number;
}

export interface GatheredBatch {
  /** Tiles, as positions in the features file. */
  readonly tiles: Int32Array;
  /** Valid until the next batch but one is asked for. */
  readonly batch: FeatureBatch;
  /** The batch that comes after it. */
  readonly upcoming: Upcoming;
}

/**
 * The tiles in batches of `batchSize`, in the order given; the last one may be smaller. The values
 * stand block by block (see FeatureBatch): gathering narrow rows makes that layout for free.
 */
export async function* featureBatches(
  source: BatchSource,
  tiles: Int32Array,
  batchSize: number,
  signal?: AbortSignal,
): AsyncGenerator<GatheredBatch> {
  const size = Math.min(batchSize, tiles.length) * source.features;
  const buffers = [new Float32Array(size), new Float32Array(tiles.length > batchSize ? size : 0)];
  const gather = async (index: number): Promise<Omit<GatheredBatch, 'upcoming'>> => {
    const chosen = tiles.subarray(index * batchSize, (index + 1) * batchSize);
    const buffer = buffers[index % 2] ?? new Float32Array();
    const values = buffer.subarray(0, chosen.length * source.features);
    await source.rows.gatherHalfToFloat(blockRows(chosen, source.blocks), values);
    return { tiles: chosen, batch: { rows: chosen.length, values } };
  };
  const count = Math.ceil(tiles.length / batchSize);
  let next = count > 0 ? gather(0) : undefined;
  try {
    for (let index = 1; next !== undefined; index++) {
      const current = await next;
      throwIfAborted(signal);
      next = index < count ? gather(index) : undefined;
      // Whoever waits for it hears of a failure; until then it must not count as unhandled.
      next?.catch(() => undefined);
      const following = next;
      yield { ...current, upcoming: () => soon(following) };
    }
  } finally {
    // The addon writes to the buffer until it is done.
    await next?.catch(() => undefined);
  }
}

/** The batch of a gathering, or undefined where there is none, it failed, or takes long. */
async function soon(
  gathering: Promise<{ batch: FeatureBatch }> | undefined,
): Promise<FeatureBatch | undefined> {
  if (gathering === undefined) return undefined;
  const batch = gathering.then(
    (gathered) => gathered.batch,
    () => undefined,
  );
  return Promise.race([batch, setTimeout(PATIENCE_MS, undefined, { ref: false })]);
}

/** The rows of the table that hold the tiles' features: block after block, in each tile after tile. */
function blockRows(tiles: Int32Array, blocks: number): Uint32Array {
  const rows = new Uint32Array(tiles.length * blocks);
  for (let b = 0; b < blocks; b++) {
    for (let i = 0; i < tiles.length; i++) {
      rows[b * tiles.length + i] = (tiles[i] ?? 0) * blocks + b;
    }
  }
  return rows;
}
