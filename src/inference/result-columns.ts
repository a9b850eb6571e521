/** The columns of a result file, the same in every format, and the row of one image. */
import { DOMAIN_REASONS, type DomainJudgement } from '../domain/domain.js';
import { LungclsError } from '../errors.js';

/** Label of an image whose largest probability is below the threshold. */
export const UNCERTAIN = 'uncertain';

/** `status` of an image that was classified, decoded with a warning, or not decoded. */
export const ROW_STATUSES = ['ok', 'damaged', 'failed'] as const;

/** What says whether a tile is like those of training. */
export const DOMAIN_COLUMNS = ['in_domain', 'domain_score', 'domain_reason'] as const;

/** `float`: float32. `integer`: up to 2^53. `boolean`: `true` or `false`. */
export type ColumnType = 'text' | 'float' | 'integer' | 'boolean';

export interface ResultColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** False where a row may have no value. */
  readonly required: boolean;
}

export interface ResultLayoutOptions {
  readonly classes: readonly string[];
  /** How many of the best labels to list; none by default. */
  readonly top?: number | undefined;
  /** Below it a label is `uncertain`; none by default. */
  readonly threshold?: number | undefined;
  /** Whether a last column `row` says which of the inputs, from 0, a row is. */
  readonly numbered?: boolean;
}

/** One row, a text a column; empty where there is no value. */
export type ResultFields = readonly string[];

/** What a row says. */
export interface RowFacts {
  /** As users see it. */
  readonly path: string;
  /** `ok`, `damaged`, or the code of what was wrong. */
  readonly status: string;
  /** float32, one a class; undefined where there are none. */
  readonly probabilities: Float32Array | undefined;
  /** Undefined where the model cannot tell. */
  readonly domain?: DomainJudgement | undefined;
  /** Which of the inputs it is, from 0. */
  readonly row: number;
}

export class ResultLayout {
  readonly classes: readonly string[];
  readonly columns: readonly ResultColumn[];
  /** Labels that a row can have: the classes, and `uncertain` where there is a threshold. */
  readonly labels: readonly string[];
  readonly #top: number;
  readonly #threshold: number | undefined;
  readonly #numbered: boolean;

  /** @throws LungclsError INVALID_OPTION: a class named `uncertain` beside a threshold */
  constructor({ classes, top = 0, threshold, numbered = false }: ResultLayoutOptions) {
    if (threshold !== undefined && classes.includes(UNCERTAIN)) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected no threshold for a model that has a class named ${UNCERTAIN}: that is the label below it`,
      );
    }
    this.classes = classes;
    this.labels = threshold === undefined ? classes : [...classes, UNCERTAIN];
    this.#top = Math.min(top, classes.length);
    // As float32, like what it is compared with: 0.9 is not below 0.9.
    this.#threshold = threshold === undefined ? undefined : Math.fround(threshold);
    this.#numbered = numbered;
    this.columns = columnsOf(classes, this.#top, numbered);
  }

  row({ path, status, probabilities, domain, row }: RowFacts): ResultFields {
    const numbers = probabilities === undefined ? undefined : this.#numbers(probabilities, domain);
    const between = this.columns.length - (this.#numbered ? 5 : 4);
    return [
      path,
      ...(numbers ?? Array.from({ length: between + 1 }, () => '')),
      ...statusFields(status),
      ...(this.#numbered ? [String(row)] : []),
    ];
  }

  /** The label of a row; empty where there is none. */
  labelOf(fields: ResultFields): string {
    return fields[1] ?? '';
  }

  /** Whether a tile is like those of training; undefined where it is not said. */
  domainOf(fields: ResultFields): DomainJudgement | undefined {
    const at = this.classes.length + 4;
    const told = fields[at] ?? '';
    if (told === '') return undefined;
    const reason = DOMAIN_REASONS.find((name) => name === fields[at + 2]);
    return { inDomain: told === 'true', score: Number(fields[at + 1]), reason };
  }

  /** `ok`, `damaged`, or the code of what was wrong. */
  statusOf(fields: ResultFields): string {
    const at = this.columns.length - (this.#numbered ? 3 : 2);
    const status = fields[at] ?? '';
    return status === 'failed' ? (fields[at + 1] ?? '') : status;
  }

  /** The number of a row; NaN where rows have none. */
  numberOf(fields: ResultFields): number {
    return this.#numbered ? Number(fields.at(-1)) : NaN;
  }

  /** The label, and all columns up to the status. */
  #numbers(probabilities: Float32Array, domain: DomainJudgement | undefined): string[] {
    const order = rank(probabilities);
    const largest = probabilities[order[0] ?? 0] ?? NaN;
    const sure = this.#threshold === undefined || largest >= this.#threshold;
    const best = order.slice(0, this.#top).flatMap((i) => {
      return [this.classes[i] ?? '', formatFloat32(probabilities[i] ?? NaN)];
    });
    return [
      sure ? (this.classes[order[0] ?? 0] ?? '') : UNCERTAIN,
      ...Array.from(probabilities, formatFloat32),
      formatFloat32(largest),
      formatFloat32(entropy(probabilities)),
      ...domainFields(domain),
      ...best,
    ];
  }
}

function columnsOf(classes: readonly string[], top: number, numbered: boolean): ResultColumn[] {
  const text = (name: string, required = false): ResultColumn => ({ name, type: 'text', required });
  const float = (name: string): ResultColumn => ({ name, type: 'float', required: false });
  const best = Array.from({ length: top }, (_, i) => [
    text(`top${i + 1}`),
    float(`top${i + 1}_probability`),
  ]).flat();
  const [inDomain, score, reason] = DOMAIN_COLUMNS;
  const before = [text('path', true), text('label')];
  const after = [
    float('max_probability'),
    float('entropy_nats'),
    { name: inDomain, type: 'boolean', required: false } as const,
    float(score),
    text(reason),
    ...best,
    text('status', true),
    text('error_code'),
    ...(numbered ? [{ name: 'row', type: 'integer', required: true } as const] : []),
  ];
  // A class may have the name of another column; two columns of one name are none of any use.
  const taken = new Set([...before, ...after].map(({ name }) => name));
  const named = classes.map((name) => {
    let free = name;
    while (taken.has(free)) free = `class_${free}`;
    taken.add(free);
    return float(free);
  });
  return [...before, ...named, ...after];
}

/** What DOMAIN_COLUMNS say; empty where nothing is known. */
export function domainFields(domain: DomainJudgement | undefined): [string, string, string] {
  if (domain === undefined) return ['', '', ''];
  return [String(domain.inDomain), formatFloat32(domain.score), domain.reason ?? ''];
}

function statusFields(status: string): [string, string] {
  if (status === 'ok') return ['ok', ''];
  return status === 'damaged' ? ['damaged', 'IMAGE_DAMAGED'] : ['failed', status];
}

/** Indices by falling value; of equal ones the first comes first, as with NumPy's argmax. */
export function rank(values: Float32Array): number[] {
  return Array.from(values.keys()).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
}

/** Shannon's entropy in nats, 0 to ln(classes): -sum p ln p, in float64, rounded to float32. */
export function entropy(probabilities: Float32Array): number {
  let sum = 0;
  for (const p of probabilities) if (p > 0) sum -= p * Math.log(p);
  // Of a single 1 the sum is -0.
  return Math.fround(sum) + 0;
}

/** Nine significant digits tell all float32 values apart, and every one of six digits is told apart. */
const FEWEST_DIGITS = 6;
const MOST_DIGITS = 9;

/** The fewest digits, 6 to 9 without the zeros behind them, that give the same float32 again. */
export function formatFloat32(value: number): string {
  for (let digits = FEWEST_DIGITS; digits < MOST_DIGITS; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(MOST_DIGITS)));
}
