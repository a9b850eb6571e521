/** Many names in little more room than their bytes: there may be millions in one folder. */
import { Column } from '../storage/column.js';
import { compareNameBytes } from './natural-order.js';

/** Chunks begin small, for most folders hold few names, and double up to this. */
const FIRST_CHUNK = 1 << 12;
const LARGEST_CHUNK = 1 << 20;
const MOST_CHUNKS = 2 ** 32 / LARGEST_CHUNK;

/** Names by their numbers, 0, 1, 2 ...: UTF-8 and four bytes each. Together they may take 4 GiB. */
export class PackedNames {
  readonly #chunks: { readonly bytes: Buffer; end: number }[] = [];
  /** The chunk a name is in, times LARGEST_CHUNK, and where it begins there. */
  readonly #starts = new Column(Uint32Array);

  get length(): number {
    return this.#starts.length;
  }

  /** @throws RangeError for a name of 1 MiB or more, or where there is no room left */
  push(name: string): void {
    const length = Buffer.byteLength(name);
    let last = this.#chunks.at(-1);
    // A chunk is never full to its end: there an empty name would count as the next one's.
    if (last === undefined || last.end + length >= last.bytes.length) {
      const size = Math.max(length + 1, Math.min(2 * (last?.bytes.length ?? 0), LARGEST_CHUNK));
      if (length >= LARGEST_CHUNK || this.#chunks.length === MOST_CHUNKS) {
        throw new RangeError('The names take more than 4 GiB, or one of them 1 MiB');
      }
      last = { bytes: Buffer.allocUnsafeSlow(Math.max(size, FIRST_CHUNK)), end: 0 };
      this.#chunks.push(last);
    }
    this.#starts.push((this.#chunks.length - 1) * LARGEST_CHUNK + last.end);
    last.end += last.bytes.write(name, last.end);
  }

  at(index: number): string {
    const { bytes, start, end } = this.#place(index);
    return bytes.toString('utf8', start, end);
  }

  /** Compares two names in natural order; zero for equal names only. */
  compare(a: number, b: number): number {
    const first = this.#place(a);
    const second = this.#place(b);
    return compareNameBytes(first, second);
  }

  #place(index: number): { bytes: Buffer; start: number; end: number } {
    const start = this.#starts.at(index);
    const number = Math.floor(start / LARGEST_CHUNK);
    const chunk = this.#chunks[number]!;
    const next = index + 1 < this.length ? this.#starts.at(index + 1) : Infinity;
    const isLast = next >= (number + 1) * LARGEST_CHUNK;
    return {
      bytes: chunk.bytes,
      start: start % LARGEST_CHUNK,
      end: isLast ? chunk.end : next % LARGEST_CHUNK,
    };
  }
}
