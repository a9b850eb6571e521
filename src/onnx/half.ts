/** IEEE 754 half precision. */

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** Rounds to the nearest half, ties to even; what is too large becomes infinite. */
export function toHalf(source: Float32Array): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(source.length);
  const copy = Float32Array.from(source);
  const bits = new Uint32Array(copy.buffer);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] ?? 0;
    const magnitude = word & 0x7fffffff;
    result[i] = ((word >>> 16) & 0x8000) | halfMagnitude(magnitude);
  }
  return result;
}

function halfMagnitude(bits: number): number {
  if (bits > 0x7f800000) return 0x7e00; // not a number
  if (bits >= 0x47800000) return 0x7c00; // 2^16 and above
  if (bits < 0x38800000) {
    // Below 2^-14, the smallest normal half. In 0.5 + x the last bit of a float32 is worth 2^-24, the
    // step of subnormal halves, so that storing the sum rounds x for us.
    BITS[0] = bits;
    FLOAT[0] = (FLOAT[0] ?? 0) + 0.5;
    return BITS[0] - 0x3f000000;
  }
  // Thirteen bits go; the exponent's bias changes from 127 to 15 (0x38000000 = 112 << 23).
  const odd = (bits >>> 13) & 1;
  return (bits - 0x38000000 + 0xfff + odd) >>> 13;
}
