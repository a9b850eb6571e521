/** Where the tiles to classify come from: encoded images, or a tile store. Both in batches, in order. */
import { Readable } from 'node:stream';
import { decodeTiles } from '../imaging/decoder.js';
import type { PreprocessingSpec } from '../imaging/preprocessing.js';
import type { ImageSource } from '../imaging/source.js';
import { sourceState, stateDigest } from '../imaging/source-state.js';
import type { BufferMemory } from '../native/addon.js';
import type { TileStore } from '../imaging/tile-store.js';
import type { Numbered } from './listing.js';
import { STATUS_OK } from './results.js';

export interface InputBatch {
  readonly paths: readonly string[];
  /** Which of all inputs each is, from 0. */
  readonly rows: readonly number[];
  /** `ok`, or why there is no tile. */
  readonly statuses: readonly string[];
  /** Of each thing, from before it was read: what tells whether it is still the same. */
  readonly states: BigUint64Array;
  /** uint8, (paths.length, S, S, 3); zeros where the status is not ok. */
  readonly tiles: Uint8Array;
  /** Hands the buffer back. */
  release(): void;
}

/** One thing to classify, before it is read. */
export interface InputItem {
  readonly path: string;
}

export interface TileInput<T extends InputItem> {
  /** Everything there is, in order. Called once for the work, and once more to count. */
  list(): AsyncIterable<T>;
  /** False where listing takes the items away, as reading stdin does. */
  readonly countable: boolean;
  /** What tells a thing's state today from others. */
  state(item: T): Promise<bigint>;
  read(items: AsyncIterable<Numbered<T>>): AsyncGenerator<InputBatch>;
}

export interface ImageInputOptions {
  list: () => AsyncIterable<ImageSource>;
  countable: boolean;
  /** Of the model. */
  preprocessing: PreprocessingSpec;
  batchSize: number;
  threads: number | undefined;
  maxPixels: number;
  signal: AbortSignal | undefined;
  onBuffers: (memory: BufferMemory) => void;
}

export function imageInput(options: ImageInputOptions): TileInput<ImageSource> {
  const { list, countable, preprocessing, batchSize, threads, maxPixels, signal, onBuffers } =
    options;
  const known = new WeakMap<ImageSource, { row: number; state: bigint }>();
  return {
    list,
    countable,
    state: imageState,
    async *read(items) {
      const noted = async function* (): AsyncGenerator<ImageSource> {
        for await (const source of items) {
          known.set(source, { row: source.row, state: await imageState(source) });
          yield source;
        }
      };
      const batches = decodeTiles(noted(), {
        size: preprocessing.size,
        resize: preprocessing.resize,
        batchSize,
        maxPixels,
        onBuffers,
        ...(threads === undefined ? {} : { threads }),
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const batch of batches) {
        yield {
          paths: batch.sources.map((source) => source.path),
          statuses: batch.statuses.map(({ status }) => status),
          rows: batch.sources.map((source) => known.get(source)?.row ?? NaN),
          states: BigUint64Array.from(batch.sources, (source) => known.get(source)?.state ?? 0n),
          tiles: batch.tiles,
          release: () => {
            batch.release();
          },
        };
      }
    },
  };
}

/** By size and time of last change, or an archive's entry by its place and checksum. */
async function imageState(source: ImageSource): Promise<bigint> {
  return stateDigest(await sourceState(source, 'stat'));
}

/** A row of a tile store. */
export interface StoreItem extends InputItem {
  readonly tile: number;
}

export function storeInput(store: TileStore, batchSize: number): TileInput<StoreItem> {
  const tileBytes = store.spec.size * store.spec.size * 3;
  return {
    countable: true,
    list: () => Readable.from(storeItems(store)),
    // The store as a whole has a fingerprint.
    state: () => Promise.resolve(0n),
    async *read(items) {
      for await (const batch of chunks(items, batchSize)) {
        const tiles = new Uint8Array(batch.length * tileBytes);
        await store.readTiles(
          batch.map(({ tile }) => tile),
          tiles,
        );
        yield {
          paths: batch.map(({ path }) => path),
          rows: batch.map(({ row }) => row),
          statuses: batch.map(() => STATUS_OK),
          states: new BigUint64Array(batch.length),
          tiles,
          release: () => undefined,
        };
      }
    },
  };
}

function* storeItems(store: TileStore): Generator<StoreItem> {
  for (const [tile, path] of store.paths.entries()) yield { tile, path };
}

async function* chunks<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
