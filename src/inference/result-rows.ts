/** Reads result files of any format back, in bounded memory. */
import { createReadStream } from 'node:fs';
import { LungclsError, readError } from '../errors.js';
import { readCsvRows } from '../storage/csv.js';
import { parseJson } from '../storage/json.js';
import { formatFloat32, type ResultColumn, type ResultFields } from './result-columns.js';
import type { ResultFormat } from './result-format.js';
import { checkColumns, readParquet } from './parquet-reader.js';

/** Rows handed on at a time. */
const CHUNK = 1 << 10;

/**
 * The rows of a file, some at a time, as the texts that a CSV of them has.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | RESULTS_INVALID (damaged, or other columns)
 */
export function readResultRows(
  path: string,
  format: ResultFormat,
  columns: readonly ResultColumn[],
): AsyncGenerator<ResultFields[]> {
  if (format === 'parquet') return readParquet(path, columns);
  return chunked(format === 'csv' ? csvRows(path, columns) : jsonRows(path, columns));
}

async function* chunked(rows: AsyncIterable<ResultFields>): AsyncGenerator<ResultFields[]> {
  let chunk: ResultFields[] = [];
  for await (const fields of rows) {
    chunk.push(fields);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

async function* csvRows(
  path: string,
  columns: readonly ResultColumn[],
): AsyncGenerator<ResultFields> {
  let isHeader = true;
  for await (const fields of readCsvRows(path)) {
    if (isHeader) checkColumns(path, columns, fields);
    else if (fields.length === columns.length) yield fields;
    else
      throw invalid(path, `expected ${columns.length} fields in a row but found ${fields.length}`);
    isHeader = false;
  }
}

async function* jsonRows(
  path: string,
  columns: readonly ResultColumn[],
): AsyncGenerator<ResultFields> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
      // Not readline: to it U+2028 in a name is a line end too.
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield jsonFields(path, columns, line);
    }
    if (rest !== '') yield jsonFields(path, columns, rest);
  } catch (error) {
    throw readError(error, path);
  }
}

function jsonFields(path: string, columns: readonly ResultColumn[], line: string): ResultFields {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch {
    throw invalid(path, 'expected a JSON object on every line');
  }
  if (typeof value !== 'object' || value === null) {
    throw invalid(path, 'expected a JSON object on every line');
  }
  const members = new Map<string, unknown>(Object.entries(value));
  checkColumns(path, columns, [...members.keys()].sort(byColumn(columns)));
  return columns.map(({ name, type }) => {
    const member = members.get(name);
    if (typeof member === 'string') return member;
    if (typeof member === 'boolean') return String(member);
    if (typeof member !== 'number') return '';
    return type === 'float' ? formatFloat32(Math.fround(member)) : String(member);
  });
}

/** JSON.parse puts keys that are whole numbers first: classes may be named so. */
function byColumn(columns: readonly ResultColumn[]): (a: string, b: string) => number {
  const places = new Map(columns.map(({ name }, i) => [name, i]));
  return (a, b) => (places.get(a) ?? columns.length) - (places.get(b) ?? columns.length);
}

function invalid(path: string, what: string): LungclsError {
  return new LungclsError('RESULTS_INVALID', `${path}: ${what}`, { path });
}
