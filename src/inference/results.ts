/** Counts the rows of a result file by label and status. */
import type { ResultFields, ResultLayout } from './result-columns.js';

/** Of an image that was classified. */
export const STATUS_OK = 'ok';

/** How many rows of which kind; also counts the rows that an earlier process wrote. */
export class ResultCounts {
  readonly #layout: ResultLayout;
  readonly #perClass: Map<string, number>;
  readonly #perStatus = new Map<string, number>();
  #rows = 0;

  constructor(layout: ResultLayout) {
    this.#layout = layout;
    this.#perClass = new Map(layout.labels.map((name) => [name, 0]));
  }

  get rows(): number {
    return this.#rows;
  }

  get perClass(): Record<string, number> {
    return Object.fromEntries(this.#perClass);
  }

  /** By `ok`, `damaged`, or the code of what was wrong. */
  get perStatus(): Record<string, number> {
    return Object.fromEntries(this.#perStatus);
  }

  add(fields: ResultFields): void {
    const label = this.#layout.labelOf(fields);
    const status = this.#layout.statusOf(fields);
    this.#rows++;
    this.#perStatus.set(status, (this.#perStatus.get(status) ?? 0) + 1);
    if (label !== '') this.#perClass.set(label, (this.#perClass.get(label) ?? 0) + 1);
  }
}
