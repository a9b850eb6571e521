/** CSV by RFC 4180, with `\n` line ends: fields with a comma, quote or line break are quoted. */
import { createReadStream } from 'node:fs';
import { LungclsError, readError } from '../errors.js';

/** One line, with its line end. */
export function csvLine(fields: readonly (string | number)[]): string {
  return `${fields.map((field) => quote(String(field))).join(',')}\n`;
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Splits text that comes in pieces into records; quoted fields may span lines. */
class CsvParser {
  #field = '';
  #record: string[] = [];
  #state: 'start' | 'plain' | 'quoted' | 'quote' = 'start';

  *push(text: string): Generator<string[]> {
    for (const c of text) {
      if (this.#state === 'quoted') {
        if (c === '"') this.#state = 'quote';
        else this.#field += c;
      } else if (c === '"' && this.#state === 'start') {
        this.#state = 'quoted';
      } else if (c === '"' && this.#state === 'quote') {
        this.#field += '"';
        this.#state = 'quoted';
      } else if (c === ',') {
        this.#endField();
      } else if (c === '\n') {
        this.#endField();
        yield this.#record;
        this.#record = [];
      } else if (c !== '\r') {
        this.#field += c;
        this.#state = 'plain';
      }
    }
  }

  /** The last record, where the text did not end with a line end. */
  end(): string[] | undefined {
    if (this.#state === 'quoted') {
      throw new LungclsError('INPUT_UNREADABLE', 'The CSV ends inside a quoted field');
    }
    if (this.#state === 'start' && this.#record.length === 0) return undefined;
    this.#endField();
    return this.#record;
  }

  #endField(): void {
    this.#record.push(this.#field);
    this.#field = '';
    this.#state = 'start';
  }
}

/** All records of a text. */
export function parseCsv(text: string): string[][] {
  const parser = new CsvParser();
  const records = [...parser.push(text)];
  const last = parser.end();
  return last === undefined ? records : [...records, last];
}

/**
 * The records of a file, one after the other, in bounded memory.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function* readCsvRows(path: string): AsyncGenerator<string[]> {
  const parser = new CsvParser();
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
      yield* parser.push(String(chunk));
    }
  } catch (error) {
    throw readError(error, path);
  }
  const last = parser.end();
  if (last !== undefined) yield last;
}
