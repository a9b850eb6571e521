/**
 * A result file that grows in its partial folder, with a journal beside it that says up to which
 * byte it can be trusted. The journal is written after the data has reached the disk, so what it
 * vouches for is whole whenever the process, or the machine, stops.
 *
 * While it grows it is CSV, whatever it is to become: lines can be cut off anywhere and gone on with.
 * At the end the rows are written once more in the file's own format.
 */
import { constants } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { LungclsError, writeError } from '../errors.js';
import { writeAll, writeFileAtomic } from '../storage/atomic.js';
import { csvLine, readCsvRows } from '../storage/csv.js';
import type { PartialOutput } from '../storage/partial.js';
import { throwIfAborted } from '../runtime/abort.js';
import { parquetTexts, writeRecord, type JobRecord } from './job-record.js';
import { ImagesDigest } from './listing.js';
import type { ResultColumn, ResultFields } from './result-columns.js';
import { lineFormat, type LineFormat, type ResultFormat } from './result-format.js';
import { writeParquet } from './result-parquet.js';

const DATA_FILE = 'results.csv';
/** Eight bytes a row: which state of its image it speaks of (see stateDigest). */
const STATES_FILE = 'states';
const STATE_BYTES = BigUint64Array.BYTES_PER_ELEMENT;
/** States read at a time. */
const STATES_AT_ONCE = 1 << 13;
const JOURNAL_FILE = 'journal.json';
/** A kill loses at most this much work; a commit costs a few milliseconds of fsync. */
const COMMIT_INTERVAL_MS = 2000;

/** A place between two rows of the file. */
export interface Position {
  /** Rows before it, without the header. */
  rows: number;
  /** Bytes before it, with the header. */
  bytes: number;
}

/** Where rows go: a file that resumes, or a stream. */
export interface ResultSink {
  /**
   * Appends whole rows.
   * @param states of the images that they speak of, one a row
   * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
   */
  append(rows: readonly ResultFields[], states: BigUint64Array): Promise<void>;
}

/** What the finished file is to be. */
export interface Finishing {
  readonly format: ResultFormat;
  /** @param images the ImagesDigest of its rows */
  readonly record: (images: string) => JobRecord;
  readonly signal: AbortSignal | undefined;
}

export class ResultFile implements ResultSink {
  readonly #partial: PartialOutput;
  readonly #file: FileHandle;
  readonly #states: FileHandle;
  readonly #columns: readonly ResultColumn[];
  readonly #header: string;
  #end: Position;
  #committedAt = performance.now();

  private constructor(
    partial: PartialOutput,
    { file, states }: { file: FileHandle; states: FileHandle },
    columns: readonly ResultColumn[],
    end: Position,
  ) {
    this.#partial = partial;
    this.#file = file;
    this.#states = states;
    this.#columns = columns;
    this.#header = lineFormat('csv', columns).header;
    this.#end = end;
  }

  /** Opens the file where an earlier process left it, or with nothing but its header. */
  static async open(partial: PartialOutput, columns: readonly ResultColumn[]): Promise<ResultFile> {
    const { header } = lineFormat('csv', columns);
    const path = partial.path(DATA_FILE);
    try {
      const file = await open(path, 'a+');
      const states = await open(partial.path(STATES_FILE), constants.O_RDWR | constants.O_CREAT);
      const start = { rows: 0, bytes: Buffer.byteLength(header) };
      try {
        const journal = partial.resumed ? await readJournal(partial.path(JOURNAL_FILE)) : undefined;
        const size = (await file.stat()).size;
        const known = (await states.stat()).size / STATE_BYTES;
        const whole = journal !== undefined && journal.bytes <= size && journal.rows <= known;
        const kept = whole ? journal : undefined;
        const result = new ResultFile(partial, { file, states }, columns, kept ?? start);
        if (kept === undefined) {
          await file.truncate(0);
          await writeAll(file, Buffer.from(header));
        } else {
          await file.truncate(kept.bytes);
        }
        return result;
      } catch (error) {
        await file.close();
        await states.close();
        throw error;
      }
    } catch (error) {
      throw writeError(error, partial.output);
    }
  }

  /** Rows that are there. */
  get rows(): number {
    return this.#end.rows;
  }

  /** The rows that are there, each with its image's state and the position behind it. */
  async *written(): AsyncGenerator<{ fields: string[]; state: bigint; end: Position }> {
    const end = { rows: 0, bytes: Buffer.byteLength(this.#header) };
    if (this.#end.rows === 0) return;
    let isHeader = true;
    let states = new BigUint64Array(0);
    for await (const fields of readCsvRows(this.#partial.path(DATA_FILE))) {
      if (isHeader) {
        isHeader = false;
        continue;
      }
      const at = end.rows % STATES_AT_ONCE;
      if (at === 0) states = await this.#readStates(end.rows);
      end.rows++;
      end.bytes += Buffer.byteLength(csvLine(fields));
      yield { fields, state: states[at] ?? 0n, end: { ...end } };
    }
  }

  /** Drops everything behind a position. */
  async truncate(end: Position): Promise<void> {
    try {
      // The journal first: it must never vouch for more than is there.
      await this.#writeJournal(end);
      await this.#file.truncate(end.bytes);
      this.#end = end;
    } catch (error) {
      throw writeError(error, this.#partial.output);
    }
  }

  /** The position in front of the first row. */
  get start(): Position {
    return { rows: 0, bytes: Buffer.byteLength(this.#header) };
  }

  async append(rows: readonly ResultFields[], states: BigUint64Array): Promise<void> {
    const data = Buffer.from(rows.map(csvLine).join(''));
    const bytes = new Uint8Array(states.buffer, states.byteOffset, states.byteLength);
    try {
      await writeAll(this.#states, bytes, this.#end.rows * STATE_BYTES);
      await writeAll(this.#file, data);
      this.#end = {
        rows: this.#end.rows + states.length,
        bytes: this.#end.bytes + data.byteLength,
      };
      if (performance.now() - this.#committedAt >= COMMIT_INTERVAL_MS) await this.#commit();
    } catch (error) {
      throw writeError(error, this.#partial.output);
    }
  }

  /**
   * All rows are there: writes them in the file's format, and gives it its name.
   * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE | ABORTED
   */
  async finish({ format, record, signal }: Finishing): Promise<void> {
    const { output } = this.#partial;
    const name = `results.${format}`;
    const path = this.#partial.path(name);
    const digest = new ImagesDigest();
    const rows = this.#digested(digest, signal);
    try {
      await this.#file.sync();
      if (format === 'parquet') {
        await writeParquet(path, this.#columns, () => parquetTexts(record(digest.hex())), rows);
      } else {
        if (format === 'jsonl') await writeLines(path, lineFormat(format, this.#columns), rows);
        else for await (const _ of rows);
        await writeRecord(output, record(digest.hex()), path);
      }
      await this.#file.close();
      await this.#states.close();
    } catch (error) {
      throw writeError(error, output);
    }
    await this.#partial.commitFile(name);
  }

  /** The rows that are there, on their way through a digest. */
  async *#digested(
    digest: ImagesDigest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ResultFields> {
    for await (const { fields, state } of this.written()) {
      throwIfAborted(signal);
      digest.add(fields[0] ?? '', state);
      yield fields;
    }
  }

  /** Keeps what is there for a later process. Never throws: it runs while an error is on its way. */
  async suspend(): Promise<void> {
    try {
      await this.#commit();
    } catch {
      // The last journal still holds.
    }
    await this.#file.close().catch(() => undefined);
    await this.#states.close().catch(() => undefined);
  }

  /** From that row on, as many as are read at a time. */
  async #readStates(row: number): Promise<BigUint64Array<ArrayBuffer>> {
    const states = new BigUint64Array(STATES_AT_ONCE);
    await this.#states.read(new Uint8Array(states.buffer), 0, states.byteLength, row * STATE_BYTES);
    return states;
  }

  async #commit(): Promise<void> {
    await this.#states.datasync();
    await this.#file.sync();
    await this.#writeJournal(this.#end);
    this.#committedAt = performance.now();
  }

  async #writeJournal(end: Position): Promise<void> {
    try {
      await writeFileAtomic(this.#partial.path(JOURNAL_FILE), `${JSON.stringify(end)}\n`);
    } catch (error) {
      // Users know of the output, not of a journal.
      const reason = error instanceof LungclsError ? error.cause : error;
      throw writeError(reason, this.#partial.output);
    }
  }
}

/** Lines gathered before they are written, in characters. */
const WRITE_AT_ONCE = 1 << 18;

/** Writes a whole file of lines and syncs it. Errors are the system's. */
export async function writeLines(
  path: string,
  { header, line }: LineFormat,
  rows: AsyncIterable<ResultFields>,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    let text = header;
    for await (const fields of rows) {
      text += line(fields);
      if (text.length < WRITE_AT_ONCE) continue;
      await writeAll(file, Buffer.from(text));
      text = '';
    }
    await writeAll(file, Buffer.from(text));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readJournal(path: string): Promise<Position | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (
      typeof value === 'object' &&
      value !== null &&
      'rows' in value &&
      typeof value.rows === 'number' &&
      'bytes' in value &&
      typeof value.bytes === 'number'
    ) {
      return { rows: value.rows, bytes: value.bytes };
    }
  } catch {
    // Not there yet: the process stopped before its first commit.
  }
  return undefined;
}
