/** What a head reads of the stored features: all of them, or their mean over the positions. */
import { MappedRows } from '../native/addon.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import type { BatchSource, HalfRows } from './feature-batches.js';
import type { StoredFeatures } from './features.js';
import type { HeadShape } from './head/shape.js';

/** Tiles that are averaged between two looks at the signal: 77 MB of features. */
const POOL_TILES = 256;

export interface HeadInput {
  /** @param blocks in which the head wants its batches; divides the shape's features */
  source(blocks: number): BatchSource;
  close(): void;
}

/** What was averaged already: several heads may be trained on the same features. */
const averaged = new WeakMap<StoredFeatures, Float32Array>();

/**
 * Opens the features for a head. One that begins with global average pooling has them averaged here,
 * once instead of once an epoch, and held in memory: 3 KB a tile, a 100th of what they take on disk.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | ABORTED
 */
export async function openHeadInput(
  stored: StoredFeatures,
  { pooled, features }: Pick<HeadShape, 'pooled' | 'features'>,
  task: TaskOptions,
): Promise<HeadInput> {
  if (pooled) {
    const means = averaged.get(stored) ?? (await pooledFeatures(stored, allTiles(stored), task));
    averaged.set(stored, means);
    return {
      source: (blocks) => ({ rows: new FloatRows(means, features / blocks), blocks, features }),
      close: () => undefined,
    };
  }
  const opened: MappedRows[] = [];
  return {
    source(blocks) {
      const rows = openRows(stored, blocks);
      opened.push(rows);
      return { rows, blocks, features };
    },
    close() {
      for (const rows of opened) rows.close();
    },
  };
}

/**
 * The mean of some tiles' features over the positions, as Keras's GlobalAveragePooling2D, rounded to float32 once;
 * that of all tiles is kept, once a head has asked for it.
 * @param tiles rows of the store
 * @returns (tiles, channels)
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | ABORTED
 */
export async function pooledFeatures(
  stored: StoredFeatures,
  tiles: Int32Array,
  { onProgress, signal }: TaskOptions,
): Promise<Float32Array> {
  const channels = stored.shape.at(-1) ?? 1;
  const all = averaged.get(stored);
  if (all !== undefined) {
    const chosen = new Float32Array(tiles.length * channels);
    await new FloatRows(all, channels).gatherHalfToFloat(Uint32Array.from(tiles), chosen);
    return chosen;
  }
  const rows = openRows(stored, 1);
  const means = new Float32Array(tiles.length * channels);
  try {
    for (let first = 0; first < tiles.length; first += POOL_TILES) {
      throwIfAborted(signal);
      const some = tiles.subarray(first, first + POOL_TILES);
      await rows.averageHalf(some, channels, means.subarray(first * channels));
      onProgress?.({
        stage: 'pool',
        done: first + some.length,
        total: tiles.length,
        unit: 'tiles',
      });
    }
    return means;
  } finally {
    rows.close();
  }
}

function openRows(stored: StoredFeatures, blocks: number): MappedRows {
  return MappedRows.open(stored.path, {
    offset: stored.dataOffset,
    rowBytes: (2 * valuesOf(stored)) / blocks,
    rows: stored.count * blocks,
  });
}

function valuesOf({ shape }: StoredFeatures): number {
  return shape.reduce((a, b) => a * b, 1);
}

function allTiles({ count }: StoredFeatures): Int32Array {
  return Int32Array.from({ length: count }, (_, tile) => tile);
}

/** Rows of float32 in memory. */
class FloatRows implements HalfRows {
  readonly #values: Float32Array;
  readonly #width: number;

  constructor(values: Float32Array, width: number) {
    this.#values = values;
    this.#width = width;
  }

  /** There is nothing to widen. */
  gatherHalfToFloat(rows: Uint32Array, out: Float32Array): Promise<void> {
    for (const [i, row] of rows.entries()) {
      const from = row * this.#width;
      out.set(this.#values.subarray(from, from + this.#width), i * this.#width);
    }
    return Promise.resolve();
  }
}
