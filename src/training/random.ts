/**
 * Seeded randomness of training: initial weights, batch order, dropout masks.
 *
 * The generator is xoshiro128** 1.1 (Blackman and Vigna, prng.di.unimi.it, public domain): 32-bit
 * words only, so it is fast in JavaScript. Its state is filled by splitmix32, that is by adding the
 * golden ratio and mixing with MurmurHash3's finaliser, from a key of integers. Every use has a key of its own
 * (seed, what for, epoch or step), so that a run that is continued in the middle draws the same
 * numbers as one that never stopped.
 */

/** What random numbers are for; part of the key. Values are never changed: runs depend on them. */
export const STREAM = { initialWeights: 1, batchOrder: 2, dropout: 3 } as const;

/** Draws 32-bit words. */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param key integers; numbers above 2^32 count with both their halves */
  constructor(key: readonly number[]) {
    let state = 0x9e3779b9;
    for (const part of key) {
      state = mix(state ^ (part >>> 0)) + 0x9e3779b9;
      state = mix(state ^ (Math.floor(part / 2 ** 32) >>> 0)) + 0x9e3779b9;
    }
    const word = (): number => {
      state = (state + 0x9e3779b9) | 0;
      return mix(state);
    };
    this.#a = word();
    this.#b = word();
    this.#c = word();
    // All zeros is the one state that never leaves itself.
    this.#d = word() | 1;
  }

  /** The next integer, 0 to 2^32 - 1. */
  next(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9);
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = rotate(this.#d, 11);
    return result >>> 0;
  }

  /** A number in [0, 1), a multiple of 2^-24, exact in float32. */
  uniform(): number {
    return (this.next() >>> 8) * 2 ** -24;
  }

  /** An integer from 0 to n - 1, each equally likely: words that would favour some are drawn again. */
  below(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const word = this.next();
      if (word < limit) return word % n;
    }
  }
}

function rotate(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** MurmurHash3's 32-bit finaliser (Appleby, public domain). */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** The order of the training tiles in one epoch: a permutation of 0..n-1, Fisher-Yates from the end. */
export function epochOrder(n: number, seed: number, epoch: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const random = new RandomStream([seed, STREAM.batchOrder, epoch]);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}

/**
 * Which values each dropout keeps in one step, already scaled: 0 with probability `rate`, else
 * 1 / (1 - rate) (inverted dropout, as Keras). The layers draw in turn.
 * @param step 0 for the first step of the run
 * @returns (rows, units) a layer
 */
export function dropoutMasks(
  layers: readonly { readonly units: number; readonly rate: number }[],
  rows: number,
  seed: number,
  step: number,
): Float32Array<ArrayBuffer>[] {
  const random = new RandomStream([seed, STREAM.dropout, step]);
  return layers.map(({ units, rate }) => {
    const scale = 1 / (1 - rate);
    return Float32Array.from({ length: rows * units }, () =>
      random.uniform() >= rate ? scale : 0,
    );
  });
}

/**
 * Fills a kernel with Glorot's uniform distribution (Glorot and Bengio 2010; Keras's default):
 * U(-l, l), l = sqrt(6 / (fanIn + fanOut)).
 * @param which a number of the layer's own, so that layers differ
 */
export function glorotUniform(
  fanIn: number,
  fanOut: number,
  seed: number,
  which: number,
): Float32Array<ArrayBuffer> {
  const random = new RandomStream([seed, STREAM.initialWeights, which]);
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  const kernel = new Float32Array(fanIn * fanOut);
  for (let i = 0; i < kernel.length; i++) kernel[i] = (2 * random.uniform() - 1) * limit;
  return kernel;
}
