/** Which tiles are worth looking at: where the model was sure and wrong, and where it hardly was right. */
import { argmaxRows, type Labels } from './confusion.js';

export interface Example {
  /** Place of the tile in `truth`. */
  readonly index: number;
  /** Class indices. */
  readonly truth: number;
  readonly predicted: number;
  /** Probability of the class it was given. */
  readonly confidence: number;
}

export interface ExampleOptions {
  /** Most mistakes of one cell of the confusion matrix; 4 by default. */
  readonly perCell?: number;
  /** Most mistakes in all; the most frequent cells have the first choice. 36 by default. */
  readonly mistakes?: number;
  /** Most right answers a class; 3 by default. */
  readonly hits?: number;
  /** Most right answers in all; 24 by default. */
  readonly allHits?: number;
}

/**
 * The most confident mistakes of each cell of the confusion matrix, cells with more tiles first, and
 * the least confident right answers of each class, in class order.
 * @param probabilities row-major (tiles, classes)
 */
export function chooseExamples(
  truth: Labels,
  probabilities: ArrayLike<number>,
  classes: number,
  options: ExampleOptions = {},
): Example[] {
  const { perCell = 4, mistakes = 36, hits = 3, allHits = 24 } = options;
  const cells = new Map<number, Example[]>();
  for (const [index, predicted] of argmaxRows(probabilities, classes).entries()) {
    const label = truth[index] ?? 0;
    const confidence = probabilities[index * classes + predicted] ?? 0;
    const cell = label * classes + predicted;
    const tiles = cells.get(cell) ?? [];
    tiles.push({ index, truth: label, predicted, confidence });
    cells.set(cell, tiles);
  }
  const isHit = (cell: number): boolean => Math.floor(cell / classes) === cell % classes;
  const wrong = [...cells]
    .filter(([cell]) => !isHit(cell))
    .sort(([a, x], [b, y]) => y.length - x.length || a - b)
    .flatMap(([, tiles]) => tiles.sort((a, b) => b.confidence - a.confidence).slice(0, perCell));
  const right = [...cells]
    .filter(([cell]) => isHit(cell))
    .sort(([a], [b]) => a - b)
    .flatMap(([, tiles]) => tiles.sort((a, b) => a.confidence - b.confidence).slice(0, hits));
  return [...wrong.slice(0, mistakes), ...right.slice(0, allHits)];
}
