/** A normal distribution fitted to rows of numbers, and how far from it a row is. */
import { symmetricEigen } from './eigen.js';

/** By its principal components: of the others only their number and mean variance are kept. */
export interface Gaussian {
  readonly width: number;
  /** (width) */
  readonly mean: Float32Array;
  /** (components, width): unit vectors along which the rows vary most, each divided by the deviation along it. */
  readonly axes: Float32Array;
  /** Deviation along each further direction, root mean square; 0 where the components are all there is. */
  readonly residual: number;
}

/** Components whose variance is a smaller part of the largest one are rounding. */
const SMALLEST_VARIANCE = 1e-7;

/** Of the mean variance: where no row of the fit varies at all, others may, by as much as features are rounded. */
const LEAST_RESIDUAL = 1e-4;

/**
 * @param rows (n, width), C order, n at least 2
 * @param components at most so many
 */
export function fitGaussian(
  rows: Float32Array | Float64Array,
  width: number,
  components: number,
): Gaussian {
  const n = rows.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < rows.length; i++) mean[i % width] = (mean[i % width] ?? 0) + (rows[i] ?? 0);
  mean.forEach((sum, c) => (mean[c] = sum / n));
  const centred = Float64Array.from(rows, (value, i) => value - (mean[i % width] ?? 0));
  const { values, directions } = principal(centred, n, width);
  const largest = values[0] ?? 0;
  const kept = values.filter((value, k) => k < components && value > SMALLEST_VARIANCE * largest);
  const axes = new Float32Array(kept.length * width);
  kept.forEach((variance, k) => {
    const direction = directions(k);
    for (let c = 0; c < width; c++) {
      axes[k * width + c] = (direction[c] ?? 0) / Math.sqrt(variance);
    }
  });
  const total = centred.reduce((sum, value) => sum + value * value, 0) / (n - 1);
  const others = width - kept.length;
  const left = (total - kept.reduce((sum, value) => sum + value, 0)) / others;
  return {
    width,
    mean: Float32Array.from(mean),
    axes,
    residual: others === 0 ? 0 : Math.sqrt(Math.max(left, (LEAST_RESIDUAL * total) / width)),
  };
}

/** Variances along the principal directions, falling, and the directions, of length 1. */
function principal(
  centred: Float64Array,
  n: number,
  width: number,
): { values: Float64Array; directions: (k: number) => Float64Array } {
  // Of X'X and XX' the smaller: they have the same values, and X' takes the vectors of one to the other's.
  if (n >= width) {
    const { values, vectors } = symmetricEigen(
      products(transposed(centred, n, width), width, n),
      width,
    );
    return {
      values: values.map((value) => value / (n - 1)),
      directions: (k) => vectors.subarray(k * width, (k + 1) * width),
    };
  }
  const { values, vectors } = symmetricEigen(products(centred, n, width), n);
  return {
    values: values.map((value) => value / (n - 1)),
    directions: (k) => {
      const direction = new Float64Array(width);
      for (let i = 0; i < n; i++) {
        const weight = (vectors[k * n + i] ?? 0) / Math.sqrt(values[k] ?? 1);
        for (let c = 0; c < width; c++) {
          direction[c] = (direction[c] ?? 0) + weight * (centred[i * width + c] ?? 0);
        }
      }
      return direction;
    },
  };
}

function transposed(rows: Float64Array, n: number, width: number): Float64Array {
  const result = new Float64Array(rows.length);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < width; c++) result[c * n + i] = rows[i * width + c] ?? 0;
  }
  return result;
}

/** The product of each row with each: (n, n). */
function products(rows: Float64Array, n: number, width: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      const [a, b] = [i * width, j * width];
      for (let k = 0; k < width; k++) sum += (rows[a + k] ?? 0) * (rows[b + k] ?? 0);
      result[i * n + j] = sum;
      result[j * n + i] = sum;
    }
  }
  return result;
}

/**
 * Mahalanobis distance, with the mean of the further variances for each of them: of probabilistic principal component
 * analysis (Tipping and Bishop, 1999).
 * @returns for each row, of which `width` numbers stand from `index * width` on
 */
export class Distances {
  readonly #gaussian: Gaussian;
  /** Variance along each axis. */
  readonly #variances: Float64Array;
  readonly #centred: Float64Array;

  constructor(gaussian: Gaussian) {
    const { axes, width } = gaussian;
    this.#gaussian = gaussian;
    this.#centred = new Float64Array(width);
    this.#variances = new Float64Array(axes.length / width);
    for (let k = 0; k < this.#variances.length; k++) {
      let square = 0;
      for (let c = 0; c < width; c++) square += (axes[k * width + c] ?? 0) ** 2;
      this.#variances[k] = 1 / square;
    }
  }

  /** @param index which of the rows */
  of(rows: Float32Array | Float64Array, index = 0): number {
    const { width, mean, axes, residual } = this.#gaussian;
    const centred = this.#centred;
    let left = 0;
    for (let c = 0; c < width; c++) {
      const value = (rows[index * width + c] ?? 0) - (mean[c] ?? 0);
      centred[c] = value;
      left += value * value;
    }
    let square = 0;
    for (let k = 0; k < this.#variances.length; k++) {
      const along = dot(axes, k * width, centred);
      square += along * along;
      left -= along * along * (this.#variances[k] ?? 0);
    }
    if (residual > 0) square += Math.max(0, left) / (residual * residual);
    return Math.sqrt(square);
  }
}

/** Of `values` and as many of `row` from `at` on; four sums, as one would wait for itself at every step. */
function dot(row: Float32Array, at: number, values: Float64Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0, j = at; i < whole; i += 4, j += 4) {
    a += (row[j] ?? 0) * (values[i] ?? 0);
    b += (row[j + 1] ?? 0) * (values[i + 1] ?? 0);
    c += (row[j + 2] ?? 0) * (values[i + 2] ?? 0);
    d += (row[j + 3] ?? 0) * (values[i + 3] ?? 0);
  }
  for (let i = whole; i < values.length; i++) a += (row[at + i] ?? 0) * (values[i] ?? 0);
  return a + b + (c + d);
}
