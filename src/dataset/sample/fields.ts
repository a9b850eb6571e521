/** Smooth random fields and cell patterns over a square of pixels: what tissue is made of here. */
import type { Dice, Point } from './dice.js';

/** One number a pixel, row by row. */
export type Field = Float32Array;

/**
 * Value noise from -1 to 1: random numbers on a lattice, smoothly interpolated.
 * @param size side of the square in pixels
 * @param cellX width of a lattice cell in pixels; with another `cellY` the noise is drawn out
 */
export function noise(size: number, cellX: number, dice: Dice, cellY = cellX): Field {
  const columns = Math.ceil(size / cellX) + 2;
  const rows = Math.ceil(size / cellY) + 2;
  const lattice = Float32Array.from({ length: columns * rows }, () => dice.between(-1, 1));
  const left = new Int32Array(size);
  const shareX = new Float32Array(size);
  for (let x = 0; x < size; x++) {
    left[x] = Math.floor(x / cellX);
    shareX[x] = smooth(x / cellX - left[x]!);
  }
  const field = new Float32Array(size * size);
  for (let y = 0; y < size; y++) {
    const top = Math.floor(y / cellY);
    const shareY = smooth(y / cellY - top);
    for (let x = 0; x < size; x++) {
      const at = top * columns + left[x]!;
      const above = mix(lattice[at]!, lattice[at + 1]!, shareX[x]!);
      const below = mix(lattice[at + columns]!, lattice[at + columns + 1]!, shareX[x]!);
      field[y * size + x] = mix(above, below, shareY);
    }
  }
  return field;
}

/** Noise of several scales: each half as wide and `fade` times as strong as the one before. */
export function layeredNoise(
  size: number,
  cell: number,
  layers: number,
  dice: Dice,
  fade = 0.5,
): Field {
  const sum = new Float32Array(size * size);
  let strength = 1;
  let total = 0;
  for (let layer = 0; layer < layers; layer++) {
    const field = noise(size, Math.max(cell / 2 ** layer, 1), dice);
    for (let i = 0; i < sum.length; i++) sum[i]! += field[i]! * strength;
    total += strength;
    strength *= fade;
  }
  return sum.map((value) => value / total);
}

export interface CellPattern {
  /** Which site is nearest, per pixel. */
  readonly owner: Int32Array;
  /** How much further the second nearest is, in pixels: small along the borders between cells. */
  readonly gap: Field;
}

/**
 * The Voronoi pattern of `sites`, bent by two fields of displacement in pixels. For each cell of a
 * coarse grid the sites that can be nearest are known, so many sites cost no more than few.
 */
export function cellPattern(
  size: number,
  sites: readonly Point[],
  spacing: number,
  bendX: Field,
  bendY: Field,
): CellPattern {
  const margin = spacing * 2;
  const side = Math.ceil((size + 2 * margin) / spacing);
  const cellOf = (value: number): number =>
    Math.min(Math.max(Math.floor((value + margin) / spacing), 0), side - 1);
  const near = nearSites(sites, side, cellOf);
  const xs = Float64Array.from(sites, (site) => site.x);
  const ys = Float64Array.from(sites, (site) => site.y);
  const owner = new Int32Array(size * size);
  const gap = new Float32Array(size * size);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at++) {
      const px = x + bendX[at]!;
      const py = y + bendY[at]!;
      const candidates = near[cellOf(py) * side + cellOf(px)]!;
      let nearest = -1;
      let first = Infinity;
      let second = Infinity;
      for (const i of candidates) {
        const dx = xs[i]! - px;
        const dy = ys[i]! - py;
        const distance = dx * dx + dy * dy;
        if (distance < first) {
          second = first;
          first = distance;
          nearest = i;
        } else if (distance < second) second = distance;
      }
      owner[at] = nearest;
      gap[at] = Math.sqrt(second) - Math.sqrt(first);
    }
  }
  return { owner, gap };
}

/** For each cell of a side * side grid: the sites in it and in the cells up to two away. */
function nearSites(
  sites: readonly Point[],
  side: number,
  cellOf: (value: number) => number,
): Int32Array[] {
  const lists: number[][] = Array.from({ length: side * side }, () => []);
  sites.forEach(({ x, y }, i) => {
    const [row, column] = [cellOf(y), cellOf(x)];
    for (let r = Math.max(row - 2, 0); r <= Math.min(row + 2, side - 1); r++) {
      for (let c = Math.max(column - 2, 0); c <= Math.min(column + 2, side - 1); c++) {
        lists[r * side + c]?.push(i);
      }
    }
  });
  return lists.map((list) => Int32Array.from(list));
}

/** Points on a grid of `spacing`, each moved by up to `jitter` of it, reaching beyond the square. */
export function jitteredGrid(size: number, spacing: number, jitter: number, dice: Dice): Point[] {
  const points: Point[] = [];
  for (let row = -1; row * spacing < size + spacing; row++) {
    for (let column = -1; column * spacing < size + spacing; column++) {
      const shift = row % 2 === 0 ? 0 : spacing / 2;
      points.push({
        x: column * spacing + shift + dice.between(-jitter, jitter) * spacing,
        y: row * spacing + dice.between(-jitter, jitter) * spacing,
      });
    }
  }
  return points;
}

/** 0 below `low`, 1 above `high`, smooth between. */
export function ramp(value: number, low: number, high: number): number {
  return smooth(Math.min(Math.max((value - low) / (high - low), 0), 1));
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}
