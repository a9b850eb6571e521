/** Axes of charts: round tick values and the linear map from values to pixels. */

/**
 * Round values (1, 2 or 5 times a power of ten apart) that cover `min` to `max`, ascending; about
 * `count` of them. Both ends are covered: the first is <= min and the last >= max.
 */
export function niceTicks(min: number, max: number, count = 5): number[] {
  const span = max > min ? max - min : Math.max(Math.abs(max), 1) * 0.1;
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough * 0.85) ?? 10;
  const step = factor * power;
  const first = Math.floor(min / step + 1e-9);
  const last = Math.max(Math.ceil(max / step - 1e-9), first + 1);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toFixed(digits)),
  );
}

/** At most `count` of the indices 0..length-1, evenly spaced, from the first on. */
export function thinnedIndices(length: number, count: number): number[] {
  const step = Math.max(1, Math.ceil(length / Math.max(1, count)));
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
}

/** Maps `from[0]..from[1]` to `to[0]..to[1]`; an empty interval goes to the middle. */
export function linearScale(
  from: readonly [number, number],
  to: readonly [number, number],
): (value: number) => number {
  const span = from[1] - from[0];
  if (span === 0) return () => (to[0] + to[1]) / 2;
  return (value) => to[0] + ((value - from[0]) / span) * (to[1] - to[0]);
}
