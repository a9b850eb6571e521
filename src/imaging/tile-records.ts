/** What became of each image on its way into a tile store, in so little room that there may be millions. */
import { Column } from '../storage/column.js';

/** One image: its status; the CRC-32 of its tile, or null without one; the message of a failure. */
export type TileRecord = readonly [status: string, checksum: number | null, message?: string];

export interface TileFailure {
  readonly index: number;
  readonly status: string;
  readonly message: string;
}

/** Records by the numbers of their images, 0, 1, 2 ...: six bytes for each that has a tile. */
export class TileRecords {
  readonly #statuses: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #status = new Column(Uint16Array);
  readonly #checksum = new Column(Uint32Array);
  /** Messages of those without a tile. */
  readonly #failures = new Map<number, string | undefined>();

  get length(): number {
    return this.#status.length;
  }

  /** How many have a tile. */
  get tiles(): number {
    return this.length - this.#failures.size;
  }

  push([status, checksum, message]: TileRecord): void {
    let number = this.#numbers.get(status);
    if (number === undefined) {
      number = this.#statuses.push(status) - 1;
      this.#numbers.set(status, number);
    }
    if (checksum === null) this.#failures.set(this.length, message);
    this.#status.push(number);
    this.#checksum.push(checksum ?? 0);
  }

  /** @throws RangeError outside of 0 to length - 1 */
  at(index: number): TileRecord {
    const status = this.status(index);
    if (this.hasTile(index)) return [status, this.#checksum.at(index)];
    const message = this.#failures.get(index);
    return message === undefined ? [status, null] : [status, null, message];
  }

  status(index: number): string {
    return this.#statuses[this.#status.at(index)] ?? '';
  }

  hasTile(index: number): boolean {
    return !this.#failures.has(index);
  }

  /** All from `begin` on. */
  from(begin: number): TileRecord[] {
    return Array.from({ length: this.length - begin }, (_, i) => this.at(begin + i));
  }

  /** The first so many without a tile. */
  failures(most: number): TileFailure[] {
    return [...this.#failures.entries()].slice(0, most).map(([index, message = '']) => ({
      ...{ index, message },
      status: this.status(index),
    }));
  }
}
