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
 */

const ZERO = 48;
const NINE = 57;

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE;
}

/** UTF-16 units in the order of code points: surrogates stand for code points above U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The end of the run of digits that begins at `start`. */
function digitsEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

function compareDigits(
  a: string,
  aStart: number,
  aEnd: number,
  b: string,
  bStart: number,
  bEnd: number,
): number {
  while (aStart < aEnd && a.charCodeAt(aStart) === ZERO) aStart += 1;
  while (bStart < bEnd && b.charCodeAt(bStart) === ZERO) bStart += 1;
  const byLength = aEnd - aStart - (bEnd - bStart);
  if (byLength !== 0) return byLength;
  for (; aStart < aEnd; aStart++, bStart++) {
    const difference = a.charCodeAt(aStart) - b.charCodeAt(bStart);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Compares two texts code point by code point, as Python and NumPy do. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Compares two file names; negative when `a` comes first. Zero for equal names only. */
export function compareNames(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(j);
    if (isDigit(x) && isDigit(y)) {
      const iEnd = digitsEnd(a, i);
      const jEnd = digitsEnd(b, j);
      const difference = compareDigits(a, i, iEnd, b, j, jEnd);
      if (difference !== 0) return difference;
      i = iEnd;
      j = jEnd;
    } else {
      if (x !== y) return rank(x) - rank(y);
      i += 1;
      j += 1;
    }
  }
  const left = a.length - i - (b.length - j);
  return left !== 0 ? left : compareCodePoints(a, b);
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
