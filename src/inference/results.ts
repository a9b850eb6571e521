/** The rows of a result file: `path,label,<one probability a class>,status`. */
import { csvLine } from '../storage/csv.js';

/** Of an image that was classified. */
export const STATUS_OK = 'ok';

export function resultHeader(classes: readonly string[]): string {
  return csvLine(['path', 'label', ...classes, 'status']);
}

/** One image's row; the numbers are empty where there are no probabilities. */
export interface ResultRow {
  readonly path: string;
  /** Empty where the image could not be classified. */
  readonly label: string;
  readonly status: string;
  readonly line: string;
}

export function resultRow(
  path: string,
  status: string,
  probabilities: Float32Array | undefined,
  classes: readonly string[],
): ResultRow {
  const label = probabilities === undefined ? '' : (classes[argmax(probabilities)] ?? '');
  const numbers =
    probabilities === undefined ? classes.map(() => '') : Array.from(probabilities, formatNumber);
  return { path, label, status, line: csvLine([path, label, ...numbers, status]) };
}

/** The first of the largest values, as NumPy's argmax. */
function argmax(values: Float32Array): number {
  let best = 0;
  values.forEach((value, i) => {
    if (value > (values[best] ?? 0)) best = i;
  });
  return best;
}

/** Seven significant digits: what a float32 carries. */
function formatNumber(value: number): string {
  return String(Number(value.toPrecision(7)));
}

/** How many rows of which kind; also counts the rows that an earlier process wrote. */
export class ResultCounts {
  readonly #perClass: Map<string, number>;
  readonly #perStatus = new Map<string, number>();
  #rows = 0;

  constructor(classes: readonly string[]) {
    this.#perClass = new Map(classes.map((name) => [name, 0]));
  }

  get rows(): number {
    return this.#rows;
  }

  get perClass(): Record<string, number> {
    return Object.fromEntries(this.#perClass);
  }

  get perStatus(): Record<string, number> {
    return Object.fromEntries(this.#perStatus);
  }

  add(label: string, status: string): void {
    this.#rows++;
    this.#perStatus.set(status, (this.#perStatus.get(status) ?? 0) + 1);
    if (label !== '') this.#perClass.set(label, (this.#perClass.get(label) ?? 0) + 1);
  }
}
