/** Test-time augmentation: the mean over the flips and rotations of a tile, which leave a tile as likely as it was. */
import type { Classifier, TileJudgements } from './classifier.js';

/** What `tta` can be. `d4`: the eight symmetries of the square, the dihedral group of that name. */
export const TTA_MODES = ['d4'] as const;
export type TtaMode = (typeof TTA_MODES)[number];

/** Flip left and right, upside down, and swap rows with columns, each or not: all of the group. */
const FLIP_X = 1;
const FLIP_Y = 2;
const TRANSPOSE = 4;
export const SYMMETRIES = 8;

/**
 * Turns square RGB tiles by one symmetry.
 * @param tiles uint8, (count, size, size, 3), C order
 * @param symmetry 0 (none) to 7
 * @param out as long as `tiles`, and another buffer
 */
export function turnTiles(
  tiles: Uint8Array,
  count: number,
  size: number,
  symmetry: number,
  out: Uint8Array,
): void {
  const across = (symmetry & TRANSPOSE) === 0 ? 3 : 3 * size;
  const down = (symmetry & TRANSPOSE) === 0 ? 3 * size : 3;
  const stepX = (symmetry & FLIP_X) === 0 ? across : -across;
  const stepY = (symmetry & FLIP_Y) === 0 ? down : -down;
  const corner = (stepX < 0 ? across * (size - 1) : 0) + (stepY < 0 ? down * (size - 1) : 0);
  let to = 0;
  for (let tile = 0; tile < count; tile++) {
    const start = tile * size * size * 3 + corner;
    for (let y = 0; y < size; y++) {
      let from = start + y * stepY;
      for (let x = 0; x < size; x++, from += stepX, to += 3) {
        out[to] = tiles[from] ?? 0;
        out[to + 1] = tiles[from + 1] ?? 0;
        out[to + 2] = tiles[from + 2] ?? 0;
      }
    }
  }
}

/**
 * A classifier whose probabilities are the mean over all eight symmetries, taken in float64; whether a tile is like
 * those of training is judged as it stands. It does eight times the work. Closing it closes the one below.
 */
export function withTta(classifier: Classifier, mode: TtaMode | undefined): Classifier {
  if (mode === undefined) return classifier;
  const { size } = classifier.preprocessing;
  const running = new Set<Promise<unknown>>();
  const mean = async (
    tiles: Uint8Array,
    count: number,
    judge: boolean,
  ): Promise<TileJudgements> => {
    let domain: TileJudgements['domain'];
    const turned = new Uint8Array(tiles.length);
    const sum = new Float64Array(count * classifier.classes.length);
    for (let symmetry = 0; symmetry < SYMMETRIES; symmetry++) {
      turnTiles(tiles, count, size, symmetry, turned);
      // The classifier has read the buffer before it gives the promise.
      const judged =
        judge && symmetry === 0 ? await classifier.judgeTiles(turned, count) : undefined;
      domain ??= judged?.domain;
      const probabilities =
        judged?.probabilities ?? (await classifier.classifyTiles(turned, count));
      probabilities.forEach((p, i) => (sum[i] = (sum[i] ?? 0) + p));
    }
    return { probabilities: Float32Array.from(sum, (value) => value / SYMMETRIES), domain };
  };
  const track = async (
    tiles: Uint8Array,
    count: number,
    judge: boolean,
  ): Promise<TileJudgements> => {
    // Its own copy: the caller may reuse its buffer at once.
    const run = mean(tiles.slice(0, count * size * size * 3), count, judge);
    running.add(run);
    try {
      return await run;
    } finally {
      running.delete(run);
    }
  };
  return {
    classes: classifier.classes,
    engine: classifier.engine,
    parallelRuns: classifier.parallelRuns,
    description: `${classifier.description}, mean of ${SYMMETRIES} flips and rotations`,
    preprocessing: classifier.preprocessing,
    preprocessingFingerprint: classifier.preprocessingFingerprint,
    judgesDomain: classifier.judgesDomain,
    async classifyTiles(tiles, count) {
      return (await track(tiles, count, false)).probabilities;
    },
    judgeTiles: (tiles, count) => track(tiles, count, true),
    async close() {
      await Promise.allSettled(running);
      await classifier.close();
    },
  };
}
