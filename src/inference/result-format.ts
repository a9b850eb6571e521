/** The formats of a result file, by the extension of its name, and rows as lines of text. */
import { extname } from 'node:path';
import { LungclsError } from '../errors.js';
import { csvLine } from '../storage/csv.js';
import type { ResultColumn, ResultFields } from './result-columns.js';

export const RESULT_FORMATS = ['csv', 'jsonl', 'parquet'] as const;
export type ResultFormat = (typeof RESULT_FORMATS)[number];

/**
 * @param output a path; a stream is CSV unless `format` says otherwise
 * @throws LungclsError INVALID_OPTION: another extension, or Parquet to a stream
 */
export function resultFormat(output: unknown, format?: ResultFormat): ResultFormat {
  if (typeof output !== 'string') {
    if (format !== 'parquet') return format ?? 'csv';
    throw new LungclsError(
      'INVALID_OPTION',
      'Expected a file for the format parquet but received a stream: its index stands at its end',
    );
  }
  if (format !== undefined) return format;
  const extension = extname(output).toLowerCase();
  const found = RESULT_FORMATS.find((name) => extension === `.${name}`);
  if (found !== undefined) return found;
  throw new LungclsError(
    'INVALID_OPTION',
    `Expected a name that ends with ${RESULT_FORMATS.map((name) => `.${name}`).join(', ')} for output, or a format, but received ${JSON.stringify(output)}`,
  );
}

/** A format whose rows are lines. */
export interface LineFormat {
  /** What stands before the first row. */
  readonly header: string;
  readonly line: (fields: ResultFields) => string;
}

export function lineFormat(
  format: Exclude<ResultFormat, 'parquet'>,
  columns: readonly ResultColumn[],
): LineFormat {
  if (format === 'csv') return { header: csvLine(columns.map(({ name }) => name)), line: csvLine };
  const keys = columns.map(({ name, type }) => ({ key: `${JSON.stringify(name)}:`, type }));
  return {
    header: '',
    line: (fields) => {
      const members = keys.map(({ key, type }, i) => key + jsonValue(fields[i] ?? '', type));
      return `{${members.join(',')}}\n`;
    },
  };
}

function jsonValue(text: string, type: ResultColumn['type']): string {
  if (text === '') return 'null';
  if (type === 'text') return JSON.stringify(text);
  if (type === 'boolean') return text;
  // JSON has no word for a number that is none.
  return Number.isFinite(Number(text)) ? text : 'null';
}
