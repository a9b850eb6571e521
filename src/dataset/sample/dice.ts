/** Seeded random numbers for drawing. */
import { MersenneTwister } from '../random-state.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export class Dice {
  readonly #twister: MersenneTwister;

  /** @param seed an integer from 0 to 2^32 - 1 */
  constructor(seed: number) {
    this.#twister = new MersenneTwister(seed);
  }

  /** A number from `low` up to, not including, `high`. */
  between(low: number, high: number): number {
    return low + (high - low) * this.#twister.random();
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + this.#twister.interval(high - low);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.#twister.random() < probability;
  }

  /**
   * Points in a square of `size`, each at least `distance` from the others; fewer than `count` where
   * they do not fit. `accept` says where one may lie.
   */
  scatter(
    size: number,
    count: number,
    distance: number,
    accept: (point: Point) => boolean = () => true,
  ): Point[] {
    const points: Point[] = [];
    for (let tries = 0; tries < count * 30 && points.length < count; tries++) {
      const point = { x: this.between(0, size), y: this.between(0, size) };
      if (!accept(point)) continue;
      if (points.every((other) => Math.hypot(other.x - point.x, other.y - point.y) >= distance)) {
        points.push(point);
      }
    }
    return points;
  }
}
