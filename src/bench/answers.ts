/** Do two trials give the same answer? A fast wrong path is wrong, not fast. */
import { readFile } from 'node:fs/promises';
import { itemBytes, readNpyHeader } from '../storage/npy.js';

/** How near the answers of a trial have to be to those of its group's reference. */
export type Check =
  /** Every number the same. */
  | { readonly kind: 'exact' }
  /** The same picture by another filter: mean difference of a sample, 0 to 255. */
  | { readonly kind: 'picture'; readonly meanDifference: number }
  /** Largest difference of a number. */
  | { readonly kind: 'within'; readonly maxDifference: number }
  /**
   * Share of the rows whose largest number is at the same place, 0 to 1; or every number within a difference, for
   * where two are nearly as large, rounding decides.
   */
  | { readonly kind: 'classes'; readonly sameClass: number; readonly maxDifference: number }
  /** Not compared, and why. */
  | { readonly kind: 'none'; readonly why: string };

export interface CheckResult {
  readonly check: Check;
  /** Name of the trial that it was compared with. */
  readonly against: string;
  readonly ok: boolean;
  /** In words, for people. */
  readonly found: string;
  /** Numbers compared; 0 where shapes differ or nothing was compared. */
  readonly compared: number;
  readonly maxDifference: number | null;
  readonly meanDifference: number | null;
  /** Rows with the same largest number, 0 to 1; null where rows are no classes. */
  readonly sameClass: number | null;
}

/** An array of numbers. */
export interface Answers {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array;
}

/**
 * Reads what a trial gave: an .npy of uint8 or float32.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function readAnswers(path: string): Promise<Answers> {
  const { dtype, shape, dataOffset } = await readNpyHeader(path);
  const bytes = await readFile(path);
  const length = shape.reduce((a, b) => a * b, 1);
  const data = Uint8Array.from(bytes.subarray(dataOffset, dataOffset + length * itemBytes(dtype)));
  return { shape, values: dtype === '<f4' ? new Float32Array(data.buffer) : data };
}

/** Compares the answers of a trial with its reference's. */
export function compareAnswers(
  found: Answers,
  reference: Answers,
  check: Check,
  against: string,
): CheckResult {
  const none = {
    check,
    against,
    compared: 0,
    maxDifference: null,
    meanDifference: null,
    sameClass: null,
  };
  if (check.kind === 'none') return { ...none, ok: true, found: `not compared: ${check.why}` };
  if (found.shape.join() !== reference.shape.join() || found.values.length === 0) {
    const words = `shape (${found.shape.join(', ')}) instead of (${reference.shape.join(', ')})`;
    return { ...none, ok: false, found: words };
  }
  const differences = measure(found, reference);
  if (differences === undefined) return { ...none, ok: false, found: 'a value that is no number' };
  const { max, mean } = differences;
  const rows = check.kind === 'within' || check.kind === 'classes';
  const sameClass = rows ? sameLargest(found, reference) : null;
  const result = {
    ...{ check, against, compared: found.values.length },
    ...{ maxDifference: max, meanDifference: mean, sameClass },
  };
  switch (check.kind) {
    case 'exact':
      return {
        ...result,
        ok: max === 0,
        found: max === 0 ? 'the same' : `differs by up to ${text(max)}`,
      };
    case 'picture':
      return {
        ...result,
        ok: mean <= check.meanDifference,
        found: max === 0 ? 'the same' : `differs by ${text(mean)} on average`,
      };
    case 'within':
      return { ...result, ok: max <= check.maxDifference, found: `within ${text(max)}` };
    case 'classes': {
      const share = sameClass ?? 0;
      const ok = share >= check.sameClass || max <= check.maxDifference;
      return { ...result, ok, found: `${text(100 * share)} % the same class, within ${text(max)}` };
    }
  }
}

function text(value: number): string {
  return String(Number(value.toPrecision(2)));
}

/** Undefined where a value is no number. */
function measure(a: Answers, b: Answers): { max: number; mean: number } | undefined {
  let max = 0;
  let sum = 0;
  for (let i = 0; i < a.values.length; i++) {
    const difference = Math.abs(a.values[i]! - b.values[i]!);
    if (Number.isNaN(difference)) return undefined;
    max = Math.max(max, difference);
    sum += difference;
  }
  return { max, mean: sum / a.values.length };
}

/** Rows are those of the first axis. */
function sameLargest(a: Answers, b: Answers): number {
  const rows = a.shape[0] ?? 0;
  const width = rows === 0 ? 0 : a.values.length / rows;
  const largest = ({ values }: Answers, row: number): number => {
    let best = 0;
    for (let i = 1; i < width; i++) {
      if (values[row * width + i]! > values[row * width + best]!) best = i;
    }
    return best;
  };
  let same = 0;
  for (let row = 0; row < rows; row++) if (largest(a, row) === largest(b, row)) same++;
  return rows === 0 ? 0 : same / rows;
}
