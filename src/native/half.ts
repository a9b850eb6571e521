/** Half-precision floats (IEEE 754 binary16), held as 16-bit unsigned integers. */
import { LungclsError } from '../errors.js';
import { loadAddon } from './binding.js';

/**
 * Converts to the nearest half, ties to even; beyond 65504 to infinity.
 * @throws LungclsError INVALID_OPTION when the arrays differ in length.
 */
export function floatToHalf(from: Float32Array, to: Uint16Array): void {
  checkLengths(from, to);
  loadAddon().floatToHalf(from, to);
}

/**
 * Converts exactly.
 * @throws LungclsError INVALID_OPTION when the arrays differ in length.
 */
export function halfToFloat(from: Uint16Array, to: Float32Array): void {
  checkLengths(from, to);
  loadAddon().halfToFloat(from, to);
}

function checkLengths(from: { length: number }, to: { length: number }): void {
  if (from.length !== to.length) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected arrays of one length for halves and floats but received ${String(from.length)} and ${String(to.length)}`,
    );
  }
}
