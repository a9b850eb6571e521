/** Tiles among which those of one original are looked for, by local features and registration. */
import { LungclsError } from '../errors.js';
import { loadAddon, type NativeTileCollection } from './binding.js';

export interface TileCollectionOptions {
  /** Number of tiles, 1 to 2^28. */
  readonly tiles: number;
  /** Side of a tile in pixels. */
  readonly size: number;
  /** Most threads of the native pool that work for it at a time, 1 to 1024. */
  readonly threads: number;
}

/**
 * How one tile is carried onto another. Places are complex numbers x + iy from the tile's centre, in
 * sides of the tile, y pointing down: onto = factor * from + shift, of `from`'s conjugate if `mirrored`.
 */
export interface Registration {
  /** Pairs of local features that are each other's nearest. */
  readonly matches: number;
  /** Those of different places that the transform carries onto each other, within 3 pixels of 256. */
  readonly inliers: number;
  readonly mirrored: boolean;
  readonly factor: readonly [re: number, im: number];
  readonly shift: readonly [re: number, im: number];
}

const RESULT_NUMBERS = 7;

/**
 * First every tile is described, in order; then index() is called; then the others may be. One
 * operation at a time; arrays given to one must not be changed, nor transferred, until its promise is
 * settled. Results do not depend on `threads`. Takes about 40 kB a tile.
 */
export class TileCollection {
  readonly tiles: number;
  #native: NativeTileCollection | undefined;

  /** @throws LungclsError ADDON_MISSING */
  constructor({ tiles, size, threads }: TileCollectionOptions) {
    const addon = loadAddon();
    if (threads > addon.threads()) addon.setThreads(threads);
    this.#native = new addon.TileCollection(tiles, size, threads);
    this.tiles = tiles;
  }

  /**
   * Finds the local features of the next tiles.
   * @param first the number of tiles described before
   * @param rgb count * size * size * 3 bytes
   */
  async describe(first: number, count: number, rgb: Uint8Array): Promise<void> {
    await this.#open().describe(first, count, rgb);
  }

  /** Summarises each tile as one vector, and sorts those into cells. */
  async index(): Promise<void> {
    await this.#open().index();
  }

  /**
   * The likeliest relatives of some tiles.
   * @returns count * k tiles: of each tile k others, likeliest first; where there are fewer, itself
   */
  async neighbours(first: number, count: number, k: number): Promise<Uint32Array> {
    const found = new Uint32Array(count * k);
    await this.#open().neighbours(first, count, k, found);
    return found;
  }

  /** Registers the first tile of each pair onto the second. @param pairs two tiles a pair */
  async register(pairs: Uint32Array): Promise<Registration[]> {
    const count = pairs.length / 2;
    const numbers = new Float32Array(count * RESULT_NUMBERS);
    await this.#open().registerPairs(pairs, numbers);
    return Array.from({ length: count }, (_, i) => {
      const [inliers = 0, matches = 0, mirrored = 0, ...rest] = numbers.subarray(
        i * RESULT_NUMBERS,
        (i + 1) * RESULT_NUMBERS,
      );
      const [a = 0, b = 0, x = 0, y = 0] = rest;
      return { inliers, matches, mirrored: mirrored === 1, factor: [a, b], shift: [x, y] };
    });
  }

  /** Gives the memory back, once what is under way has ended. May be called again. */
  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }

  #open(): NativeTileCollection {
    if (this.#native === undefined) {
      throw new LungclsError('CLOSED', 'The collection of tiles has been closed');
    }
    return this.#native;
  }
}
