/** A batch of tiles in a slot of the ring, lent to the caller until it is released. */
import { LungclsError, type ErrorCode } from '../errors.js';
import type { ImageSource } from './source.js';

/** `ok`, `damaged` (decoded with a warning), or why there is no tile. */
export type TileStatus = 'ok' | 'damaged' | ErrorCode;

export interface TileResult {
  readonly status: TileStatus;
  /** What was wrong; empty for `ok`. */
  readonly message: string;
}

export interface TileBatch {
  /** What the tiles were made from, in input order. */
  readonly sources: readonly ImageSource[];
  /**
   * sources.length tiles of size * size * 3 bytes, RGB; zeros where the status is not `ok` (nor
   * `damaged` under keepDamaged). Throws CLOSED after release().
   */
  readonly tiles: Uint8Array;
  /** One a source. */
  readonly statuses: readonly TileResult[];
  /**
   * Hands the buffer back; arrays over it become empty. Has to be called for every batch: decoding
   * goes on only as buffers come back. May be called again.
   */
  release(): void;
}

/** A TileBatch over memory that `giveBack` takes away. */
export class LentTileBatch implements TileBatch {
  readonly sources: readonly ImageSource[];
  readonly statuses: readonly TileResult[];
  #tiles: Uint8Array | undefined;
  readonly #giveBack: () => void;

  constructor(
    sources: readonly ImageSource[],
    statuses: readonly TileResult[],
    tiles: Uint8Array,
    giveBack: () => void,
  ) {
    this.sources = sources;
    this.statuses = statuses;
    this.#tiles = tiles;
    this.#giveBack = giveBack;
  }

  get tiles(): Uint8Array {
    if (this.#tiles === undefined) {
      throw new LungclsError('CLOSED', 'The tiles of a batch were used after its release()');
    }
    return this.#tiles;
  }

  release(): void {
    if (this.#tiles === undefined) return;
    this.#tiles = undefined;
    this.#giveBack();
  }
}
