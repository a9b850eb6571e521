/** Numbers, one of each thing of a list, packed: an array of objects takes ten times the room. */

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

const FIRST = 64;

/** A typed array that grows. Values are taken as the array's type takes them. */
export class Column<A extends Numbers> {
  readonly #make: new (length: number) => A;
  #values: A;
  #length = 0;

  /** @param make the type of the values, such as Uint32Array */
  constructor(make: new (length: number) => A) {
    this.#make = make;
    this.#values = new make(FIRST);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new this.#make(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** @throws RangeError outside of 0 to length - 1 */
  at(index: number): number {
    const value = index < this.#length ? this.#values[index] : undefined;
    if (value === undefined) {
      throw new RangeError(`Expected an index below ${this.#length} but received ${index}`);
    }
    return value;
  }
}

/** 0 to length - 1 in the order that `compare` puts them in; equal ones stay as they were. */
export function sortedIndices(
  length: number,
  compare: (a: number, b: number) => number,
): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i).sort(compare);
}
