/** Counts the rows of a result file by label and status. */
import { DOMAIN_REASONS } from '../domain/domain.js';
import type { ResultFields, ResultLayout } from './result-columns.js';

/** Images that are unlike the tiles of training, by what is unlike; null where the model cannot tell. */
export type OutOfDomain = Readonly<Record<string, number>> | null;

/** Of an image that was classified. */
export const STATUS_OK = 'ok';

/** How many rows of which kind; also counts the rows that an earlier process wrote. */
export class ResultCounts {
  readonly #layout: ResultLayout;
  readonly #perClass: Map<string, number>;
  readonly #perStatus = new Map<string, number>();
  readonly #outside = new Map<string, number>(DOMAIN_REASONS.map((reason) => [reason, 0]));
  #judged = false;
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

  /** Null where no row says anything of the domain. */
  get outOfDomain(): OutOfDomain {
    return this.#judged ? Object.fromEntries(this.#outside) : null;
  }

  add(fields: ResultFields): void {
    const label = this.#layout.labelOf(fields);
    const status = this.#layout.statusOf(fields);
    this.#rows++;
    this.#perStatus.set(status, (this.#perStatus.get(status) ?? 0) + 1);
    const domain = this.#layout.domainOf(fields);
    if (domain !== undefined) this.#judged = true;
    const reason = domain?.reason;
    if (reason !== undefined) this.#outside.set(reason, (this.#outside.get(reason) ?? 0) + 1);
    if (label !== '') this.#perClass.set(label, (this.#perClass.get(label) ?? 0) + 1);
  }
}
