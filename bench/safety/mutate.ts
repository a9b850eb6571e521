/** Damage done to valid files, the same for the same seed. */

/** Small and fast, and good enough to choose damage with: mulberry32 (Tommy Ettinger). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  of<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new RangeError('Expected at least one choice');
    return choice;
  }
}

/** Numbers at which sizes, counts and offsets go wrong. */
const EDGES = [
  0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
  0xfffffffe, 0xffffffff,
];

type Change = (bytes: Buffer, dice: Dice) => Buffer;

/** Where a change is made: anywhere, or, as often, in the first bytes, where the headers are. */
function place(bytes: Buffer, dice: Dice): number {
  return dice.below(dice.below(2) === 0 ? bytes.length : Math.min(bytes.length, 700));
}

/** A stretch of the bytes, mostly short. */
function stretch(bytes: Buffer, dice: Dice): [begin: number, end: number] {
  const begin = place(bytes, dice);
  return [begin, Math.min(bytes.length, begin + 1 + dice.below(1 << dice.below(10)))];
}

const CHANGES: readonly Change[] = [
  (bytes, dice) => {
    const at = place(bytes, dice);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
    return bytes;
  },
  (bytes, dice) => {
    bytes[place(bytes, dice)] = dice.below(256);
    return bytes;
  },
  (bytes, dice) => {
    bytes[place(bytes, dice)] = dice.of([0, 1, 0x7f, 0x80, 0xd8, 0xd9, 0xda, 0xfe, 0xff]);
    return bytes;
  },
  (bytes, dice) => {
    const size = dice.of([2, 4]);
    const at = place(bytes, dice);
    if (at + size > bytes.length) return bytes;
    const value = dice.of(EDGES) % 2 ** (8 * size);
    if (dice.below(2) === 0) bytes.writeUIntLE(value, at, size);
    else bytes.writeUIntBE(value, at, size);
    return bytes;
  },
  (bytes, dice) => bytes.subarray(0, dice.below(bytes.length)),
  (bytes, dice) => {
    const [begin, end] = stretch(bytes, dice);
    return Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  },
  (bytes, dice) => {
    const [begin, end] = stretch(bytes, dice);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(begin)]);
  },
  (bytes, dice) => {
    const [begin, end] = stretch(bytes, dice);
    for (let at = begin; at < end; at++) bytes[at] = dice.below(256);
    return bytes;
  },
  (bytes, dice) => {
    const [begin, end] = stretch(bytes, dice);
    return Buffer.from(bytes).fill(dice.of([0, 0xff]), begin, end);
  },
];

/** A changed copy of `file`: one to `most` changes, of every kind. */
export function mutate(file: Uint8Array, dice: Dice, most = 4): Buffer {
  let bytes: Buffer = Buffer.from(file);
  for (let left = 1 + dice.below(most); left > 0 && bytes.length > 0; left--) {
    bytes = dice.of(CHANGES)(bytes, dice);
  }
  return bytes;
}
