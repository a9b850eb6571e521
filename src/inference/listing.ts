/** The inputs as they go by: counted, numbered, and those of one shard let through. */
import { createHash } from 'node:crypto';
import { throwIfAborted } from '../runtime/abort.js';
import { shardOfPath, type Shard } from './shard.js';

/** Something with its place among all inputs, from 0. */
export type Numbered<T> = T & { readonly row: number };

export class Listing {
  readonly #shard: Shard | undefined;
  readonly #hash = createHash('sha256');
  #images = 0;

  constructor(shard?: Shard) {
    this.#shard = shard;
  }

  /** How many went by, of all shards. */
  get images(): number {
    return this.#images;
  }

  /** SHA-256 (hex) over their paths in order; to be asked once, at the end. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  async *number<T extends { readonly path: string }>(
    items: AsyncIterable<T>,
  ): AsyncGenerator<Numbered<T>> {
    for await (const item of items) {
      this.#hash.update(`${JSON.stringify(item.path)}\n`);
      const row = this.#images++;
      const shard = this.#shard;
      if (shard !== undefined && shardOfPath(item.path, shard.count) !== shard.index) continue;
      yield { ...item, row };
    }
  }
}

/** Of the images that rows speak of: their paths and states, in order. */
export class ImagesDigest {
  readonly #hash = createHash('sha256');

  add(path: string, state: bigint): void {
    this.#hash.update(`${JSON.stringify(path)} ${state.toString(16)}\n`);
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}

/** How many there are; undefined where it was stopped or cannot be told. */
export async function countItems(
  items: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<number | undefined> {
  let count = 0;
  try {
    for await (const _ of items) {
      if (signal.aborted) return undefined;
      count++;
    }
  } catch {
    // The work itself meets the same failure and reports it.
    return undefined;
  }
  return count;
}

/**
 * The images that inputs name today.
 * @throws LungclsError ABORTED, and whatever listing throws
 */
export async function imagesToday<T extends { readonly path: string }>(
  items: AsyncIterable<T>,
  stateOf: (item: T) => Promise<bigint>,
  shard: Shard | undefined,
  signal: AbortSignal | undefined,
): Promise<{ rows: number; images: string }> {
  const digest = new ImagesDigest();
  let rows = 0;
  for await (const item of new Listing(shard).number(items)) {
    throwIfAborted(signal);
    digest.add(item.path, await stateOf(item));
    rows++;
  }
  return { rows, images: digest.hex() };
}
