/** What a tile's colours are like, in nine numbers. */

/** In this order. Levels are 0 to 255, logarithms natural. */
export const COLOUR_STATISTICS = [
  ...(['mean red', 'mean green', 'mean blue'] as const),
  // Logarithms, and Fisher's transformation of correlations: nearer to a normal distribution than the bare numbers.
  ...(['log(1 + deviation of red)', 'log(1 + deviation of green)'] as const),
  ...(['log(1 + deviation of blue)', 'artanh of the correlation of red and green'] as const),
  ...(['artanh of the correlation of red and blue'] as const),
  'artanh of the correlation of green and blue',
] as const;
export const COLOUR_COUNT = COLOUR_STATISTICS.length;

/** Every second pixel of every second row: the numbers hardly change, and it takes a quarter of the time. */
const STEP = 2;
/** Correlations nearer to 1 count as this: of a grey tile it is 1, and artanh has no value for it. */
const LARGEST_CORRELATION = 0.9999;

/** Of one tile. */
export interface TileColours {
  /** COLOUR_STATISTICS. */
  readonly statistics: Float64Array;
  /** Root mean square deviation of the three channels, 0 to 128: 0 for a tile of one colour. */
  readonly spread: number;
}

/**
 * @param tiles uint8, (n, size, size, 3), RGB, C order
 * @param index which of them
 */
export function tileColours(tiles: Uint8Array, size: number, index: number): TileColours {
  // Whole numbers below 2^53: exact, in whatever order they are added.
  let [n, r, g, b, rr, gg, bb, rg, rb, gb] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let y = 0; y < size; y += STEP) {
    const row = 3 * size * (index * size + y);
    for (let at = row; at < row + 3 * size; at += 3 * STEP) {
      const red = tiles[at] ?? 0;
      const green = tiles[at + 1] ?? 0;
      const blue = tiles[at + 2] ?? 0;
      n++;
      r += red;
      g += green;
      b += blue;
      rr += red * red;
      gg += green * green;
      bb += blue * blue;
      rg += red * green;
      rb += red * blue;
      gb += green * blue;
    }
  }
  const [meanR, meanG, meanB] = [r / n, g / n, b / n];
  const [varR, varG, varB] = [rr, gg, bb].map((square, c) => {
    const mean = [meanR, meanG, meanB][c] ?? 0;
    return Math.max(0, square / n - mean * mean);
  }) as [number, number, number];
  const deviation = (variance: number): number => Math.log1p(Math.sqrt(variance));
  const statistics = Float64Array.of(
    ...[meanR, meanG, meanB],
    ...[deviation(varR), deviation(varG), deviation(varB)],
    correlation(rg / n - meanR * meanG, varR, varG),
    correlation(rb / n - meanR * meanB, varR, varB),
    correlation(gb / n - meanG * meanB, varG, varB),
  );
  return { statistics, spread: Math.sqrt((varR + varG + varB) / 3) };
}

/** Fisher's transformation of it; 0 where one of the two does not vary. */
function correlation(covariance: number, a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  const r = covariance / Math.sqrt(a * b);
  return Math.atanh(Math.max(-LARGEST_CORRELATION, Math.min(LARGEST_CORRELATION, r)));
}
