/**
 * NumPy's legacy `RandomState`, number for number, as far as it is needed: scikit-learn's splits
 * depend on it.
 */
import { LungclsError } from '../errors.js';

/** State size, and the distance of the words combined, of MT19937 (Matsumoto and Nishimura, 1998). */
const N = 624;
const M = 397;

/** The 32-bit Mersenne Twister, seeded by `init_genrand` as NumPy's `RandomState(seed)` is. */
export class MersenneTwister {
  readonly #state = new Uint32Array(N);
  #next = N;

  /** @param seed an integer from 0 to 2^32 - 1. @throws LungclsError INVALID_OPTION */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected an integer from 0 to 4294967295 for seed but received ${String(seed)} of type ${typeof seed}`,
      );
    }
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < N; i++) {
      const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
      state[i] = Math.imul(1812433253, before) + i;
    }
  }

  /** The next draw, an integer from 0 to 2^32 - 1. */
  uint32(): number {
    if (this.#next === N) this.#refill();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** A float64 in [0, 1) of 53 random bits: NumPy's `random_sample()`. */
  random(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /**
   * An integer from 0 to `max`, both included: NumPy's `random_interval`, which masks draws to the
   * bits of `max` and rejects those above it.
   * @param max an integer from 0 to 2^32 - 1
   */
  interval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** Shuffles in place: NumPy's `RandomState.shuffle`, Fisher-Yates from the end. */
  shuffle(values: Int32Array): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.interval(i);
      const kept = values[i]!;
      values[i] = values[j]!;
      values[j] = kept;
    }
  }

  /** NumPy's `RandomState.permutation(n)`: the integers 0 to n - 1 in random order. */
  permutation(n: number): Int32Array {
    const values = Int32Array.from({ length: n }, (_, i) => i);
    this.shuffle(values);
    return values;
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
      state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
