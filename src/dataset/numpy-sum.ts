/** NumPy's order of summation, on which the last digit depends. */

/**
 * The sum of float64 values in NumPy's order (pairwise summation,
 * numpy/_core/src/umath/loops_utils.h.src: plain below 8, eight partial sums up to 128, halves above).
 */
export function numpySum(values: readonly number[]): number {
  return pairwise(values, 0, values.length);
}

function pairwise(values: readonly number[], begin: number, n: number): number {
  const at = (i: number): number => values[begin + i] ?? 0;
  if (n < 8) {
    // NumPy starts from -0.0, so that the sum of negative zeros keeps its sign.
    let sum = -0;
    for (let i = 0; i < n; i++) sum += at(i);
    return sum;
  }
  if (n <= 128) {
    const r = Array.from({ length: 8 }, (_, k) => at(k));
    let i = 8;
    for (; i < n - (n % 8); i += 8) for (let k = 0; k < 8; k++) r[k] = (r[k] ?? 0) + at(i + k);
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = r;
    let sum = a + b + (c + d) + (e + f + (g + h));
    for (; i < n; i++) sum += at(i);
    return sum;
  }
  let half = Math.floor(n / 2);
  half -= half % 8;
  return pairwise(values, begin, half) + pairwise(values, begin + half, n - half);
}
