/** What a trial works on: image files by a list, and the same as tiles. */
import { readFile } from 'node:fs/promises';
import { LungclsError } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { readNpyHeader } from '../storage/npy.js';
import type { TrialSpec } from './protocol.js';

/** The image files of a trial, in order. */
export async function sourcesOf({ files }: TrialSpec): Promise<ImageSource[]> {
  const lines = (await readFile(files, 'utf8')).split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new LungclsError('INPUT_EMPTY', 'A trial was given no image');
  return lines.map((file) => ({ path: file, file }));
}

/** Tiles in batches of one size, from the first on and over again. */
export class TileBatches {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #batchBytes: number;
  #next = 0;

  private constructor(bytes: Uint8Array, tileBytes: number, batch: number) {
    this.count = bytes.byteLength / tileBytes;
    this.#bytes = bytes;
    this.#batchBytes = batch * tileBytes;
  }

  /** @throws LungclsError INVALID_OPTION (no tiles) | INPUT_NOT_FOUND | INPUT_UNREADABLE */
  static async read({ tiles, batch, checkTiles, size }: TrialSpec): Promise<TileBatches> {
    if (tiles === null) throw new LungclsError('INVALID_OPTION', 'Expected tiles');
    const { dtype, shape, dataOffset } = await readNpyHeader(tiles);
    const [count = 0, ...rest] = shape;
    if (dtype !== '|u1' || rest.join() !== `${size},${size},3` || count === 0) {
      throw new LungclsError('INVALID_OPTION', `Expected tiles of ${size} x ${size}`);
    }
    const tileBytes = size * size * 3;
    const file = new Uint8Array(await readFile(tiles));
    const own = file.subarray(dataOffset, dataOffset + count * tileBytes);
    // Whole batches, however few tiles there are.
    const least = Math.max(batch, checkTiles, count);
    const whole = new Uint8Array(Math.ceil(least / batch) * batch * tileBytes);
    for (let at = 0; at < whole.length; at += own.length) {
      whole.set(own.subarray(0, Math.min(own.length, whole.length - at)), at);
    }
    return new TileBatches(whole, tileBytes, batch);
  }

  /** The next batch; a view. */
  next(): Uint8Array {
    const batch = this.#bytes.subarray(this.#next, this.#next + this.#batchBytes);
    this.#next = (this.#next + this.#batchBytes) % this.#bytes.length;
    return batch;
  }

  /** The first tiles; a view. */
  first(): Uint8Array {
    return this.#bytes;
  }
}
