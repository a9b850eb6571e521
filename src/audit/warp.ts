/** One tile drawn in the frame of another, and the two compared. Pixels are RGB bytes. */
import type { Registration } from '../native/addon.js';

export interface Warped {
  /** White where nothing is known. */
  readonly pixels: Uint8Array;
  /** 1 where there is a pixel. */
  readonly known: Uint8Array;
  /** How many there are. */
  readonly covered: number;
}

/** Squares of the checkerboard along a side. */
const SQUARES = 8;
const WHITE = 255;

/**
 * The second tile as it lies over the first, by bilinear interpolation.
 * @param onto the second tile, size * size * 3 bytes
 * @param registration of the first onto the second
 */
export function warp(onto: Uint8Array, size: number, registration: Registration): Warped {
  const { factor, shift, mirrored } = registration;
  const pixels = new Uint8Array(onto.length).fill(WHITE);
  const known = new Uint8Array(size * size);
  let covered = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = (column + 0.5) / size - 0.5;
      const y = ((row + 0.5) / size - 0.5) * (mirrored ? -1 : 1);
      const u = (factor[0] * x - factor[1] * y + shift[0] + 0.5) * size - 0.5;
      const v = (factor[1] * x + factor[0] * y + shift[1] + 0.5) * size - 0.5;
      if (!(u >= 0 && v >= 0 && u <= size - 1 && v <= size - 1)) continue;
      const at = row * size + column;
      known[at] = 1;
      covered++;
      for (let c = 0; c < 3; c++) pixels[3 * at + c] = sample(onto, size, u, v, c);
    }
  }
  return { pixels, known, covered };
}

function sample(tile: Uint8Array, size: number, u: number, v: number, c: number): number {
  const [left, top] = [Math.floor(u), Math.floor(v)];
  const [right, bottom] = [Math.min(size - 1, left + 1), Math.min(size - 1, top + 1)];
  const at = (x: number, y: number): number => tile[(y * size + x) * 3 + c] ?? 0;
  const above = at(left, top) + (u - left) * (at(right, top) - at(left, top));
  const below = at(left, bottom) + (u - left) * (at(right, bottom) - at(left, bottom));
  return Math.round(above + (v - top) * (below - above));
}

/** Squares of the first tile and of the second laid over it, in turns. */
export function checkerboard(first: Uint8Array, { pixels }: Warped, size: number): Uint8Array {
  return first.map((value, i) => {
    const pixel = Math.floor(i / 3);
    const square = (along: number): number => Math.floor((along * SQUARES) / size);
    const odd = (square(pixel % size) + square(Math.floor(pixel / size))) % 2 === 1;
    return odd ? (pixels[i] ?? WHITE) : value;
  });
}

/** Twice the difference of each channel; white where there is nothing to compare. */
export function difference(first: Uint8Array, { pixels, known }: Warped): Uint8Array {
  return first.map((value, i) =>
    known[Math.floor(i / 3)] === 1 ? Math.min(255, 2 * Math.abs(value - (pixels[i] ?? 0))) : WHITE,
  );
}

/** Pearson's correlation of the grey values where there are both; NaN where there are none. */
export function correlation(first: Uint8Array, { pixels, known, covered }: Warped): number {
  const grey = (of: Uint8Array, i: number): number =>
    0.299 * (of[3 * i] ?? 0) + 0.587 * (of[3 * i + 1] ?? 0) + 0.114 * (of[3 * i + 2] ?? 0);
  let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0];
  known.forEach((there, i) => {
    if (there !== 1) return;
    const [a, b] = [grey(first, i), grey(pixels, i)];
    sumA += a;
    sumB += b;
    squaresA += a * a;
    squaresB += b * b;
    products += a * b;
  });
  const covariance = products - (sumA * sumB) / covered;
  return (
    covariance /
    Math.sqrt((squaresA - (sumA * sumA) / covered) * (squaresB - (sumB * sumB) / covered))
  );
}
