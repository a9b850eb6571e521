/**
 * The order of files, on which the split depends.
 *
 * Two names are compared from the left. Where both have a run of ASCII digits, the runs compare as
 * whole numbers of any size (`lungn2` before `lungn10`); where not, one Unicode code point of each
 * is compared by its number, so upper case comes before lower case and no language matters. A name
 * that ends first comes first. Names equal by that rule (`n1`, `n01`) compare code point by code
 * point, digits not treated as numbers (`n01` first).
 *
 * Paths compare folder by folder, then by file name: the order of walking folders depth first.
 *
 * Names are compared as UTF-8: its bytes are in the order of the code points.
 */

const ZERO = 48;
const NINE = 57;

/** A name in UTF-8: the bytes from `start` to before `end`. */
export interface NameBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** The end of the run of digits that begins at `start`. */
function digitsEnd({ bytes, end }: NameBytes, start: number): number {
  let at = start;
  while (at < end && isDigit(bytes[at])) at += 1;
  return at;
}

function withoutZeros({ bytes, start, end }: NameBytes): NameBytes {
  let at = start;
  while (at < end && bytes[at] === ZERO) at += 1;
  return { bytes, start: at, end };
}

function compareDigits(a: NameBytes, b: NameBytes): number {
  const x = withoutZeros(a);
  const y = withoutZeros(b);
  return x.end - x.start - (y.end - y.start) || compareBytes(x, y);
}

function compareBytes(a: NameBytes, b: NameBytes): number {
  const length = Math.min(a.end - a.start, b.end - b.start);
  for (let i = 0; i < length; i++) {
    const difference = a.bytes[a.start + i]! - b.bytes[b.start + i]!;
    if (difference !== 0) return difference;
  }
  return a.end - a.start - (b.end - b.start);
}

function bytesOf(text: string): NameBytes {
  const bytes = Buffer.from(text);
  return { bytes, start: 0, end: bytes.length };
}

/** Compares two texts code point by code point, as Python and NumPy do. */
export function compareCodePoints(a: string, b: string): number {
  return compareBytes(bytesOf(a), bytesOf(b));
}

/** Compares two file names; negative when `a` comes first. Zero for equal names only. */
export function compareNames(a: string, b: string): number {
  return compareNameBytes(bytesOf(a), bytesOf(b));
}

/** The same of names in UTF-8. */
export function compareNameBytes(a: NameBytes, b: NameBytes): number {
  let i = a.start;
  let j = b.start;
  while (i < a.end && j < b.end) {
    const x = a.bytes[i]!;
    const y = b.bytes[j]!;
    if (isDigit(x) && isDigit(y)) {
      const iEnd = digitsEnd(a, i);
      const jEnd = digitsEnd(b, j);
      const difference = compareDigits(
        { bytes: a.bytes, start: i, end: iEnd },
        { bytes: b.bytes, start: j, end: jEnd },
      );
      if (difference !== 0) return difference;
      i = iEnd;
      j = jEnd;
    } else {
      if (x !== y) return x - y;
      i += 1;
      j += 1;
    }
  }
  return a.end - i - (b.end - j) || compareBytes(a, b);
}

/** Compares two paths given as lists of folders and a name; negative when `a` comes first. */
export function comparePaths(a: readonly string[], b: readonly string[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = compareNames(a[i]!, b[i]!);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
