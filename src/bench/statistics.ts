/** The few statistics of the bench: robust ones, for a machine is never only ours. */

/** Of the rounds of a trial. */
export interface Spread {
  readonly median: number;
  /** Quartiles. */
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
}

/**
 * The value below which a share `q` (0 to 1) of the sorted values lies, interpolated between neighbours as NumPy's
 * `quantile` does by default; NaN of none.
 */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Undefined of no values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return {
    median: median(values),
    q1: quantile(values, 0.25),
    q3: quantile(values, 0.75),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}

/** Turns a median absolute deviation into the standard deviation of a normal distribution. */
const MAD_TO_SIGMA = 1.4826;

/**
 * How far values scatter, as a share of their median: the median absolute deviation, scaled to a standard
 * deviation. One round that something else disturbed changes it little. 0 of fewer than two values.
 */
export function relativeNoise(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return middle > 0 ? (MAD_TO_SIGMA * deviation) / middle : 0;
}

/**
 * What the rounds give one by one: in a round the machine is as fast for the one as for the other.
 * Rounds are paired by their number; those that only one side has are left out.
 */
export function pairedRatios(
  own: readonly { round: number; rate: number }[],
  other: readonly { round: number; rate: number }[],
): number[] {
  const rates = new Map(other.map(({ round, rate }) => [round, rate]));
  return own.flatMap(({ round, rate }) => {
    const against = rates.get(round);
    return against === undefined || against <= 0 ? [] : [rate / against];
  });
}
