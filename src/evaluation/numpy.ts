/** Two of NumPy's and Python's habits that show in the last digit of a printed figure. */
export { numpySum } from '../dataset/numpy-sum.js';

/**
 * `format(value, '.{digits}f')` of Python: exact ties go to the even digit, where JavaScript's
 * toFixed takes the larger one (0.125 -> 0.12, not 0.13).
 */
export function formatFixed(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const rounded = value.toFixed(digits);
  // A tie is exact only where everything behind the last kept digit is 5000...; a double between
  // 0.001 and 1 has at most 62 binary, hence 62 decimal places.
  const behind = Math.abs(value)
    .toFixed(Math.min(100, digits + 62))
    .split('.')[1]
    ?.slice(digits);
  if (behind === undefined || !/^50*$/.test(behind)) return rounded;
  if (Number(rounded.at(-1)) % 2 === 0) return rounded;
  return (value - Math.sign(value) * 0.5 * 10 ** -digits).toFixed(digits);
}
