/** Puts the shards of a job together to the file that one process would have written. */
import { LungclsError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { fingerprint } from '../storage/hash.js';
import { openPartial } from '../storage/partial.js';
import {
  differences,
  jobRecord,
  parquetTexts,
  readRecord,
  writeRecord,
  type JobRecord,
} from './job-record.js';
import { ResultLayout, type ResultFields } from './result-columns.js';
import { writeLines } from './result-file.js';
import { lineFormat, RESULT_FORMATS, resultFormat, type ResultFormat } from './result-format.js';
import { writeParquet } from './result-parquet.js';
import { readResultRows } from './result-rows.js';
import { ResultCounts, type OutOfDomain } from './results.js';

export interface MergeOptions extends TaskOptions {
  /** The files that the shards of one job wrote, in any order. */
  parts: readonly string[];
  /** The file to write; it may be of another format than the parts. */
  output: string;
  /** By the extension of `output` if it is not given. */
  format?: ResultFormat;
  /** Replace the output if it exists. */
  force?: boolean;
}

export interface MergeResult {
  output: string;
  shards: number;
  rows: number;
  perClass: Record<string, number>;
  perStatus: Record<string, number>;
  /** Images unlike the tiles of training, by what is unlike (`blank`, `colour`, `content`); null: nothing is said of it. */
  outOfDomain: OutOfDomain;
}

interface Part {
  readonly path: string;
  readonly format: ResultFormat;
  readonly record: JobRecord;
}

/** Rows between two reports and looks at the signal. */
const REPORT_ROWS = 1 << 14;

/**
 * Merges the results of `predict` with a shard. The parts must be all the shards of one job, each once: of
 * the same version, model, settings and inputs; of CSV and JSONL files also each byte is checked. Every
 * input's row must be in them, once. Rows come out in the order of the inputs, without the column `row`,
 * as an unsharded job gives them. Memory: a row group (16,384 rows) of each Parquet part, less of others.
 *
 * @throws LungclsError INVALID_OPTION | INPUT_NOT_FOUND | INPUT_UNREADABLE | RESULTS_INVALID |
 *   SHARD_MISMATCH | OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | BUSY | ABORTED
 */
export async function merge(options: MergeOptions): Promise<MergeResult> {
  const { output, signal, onProgress, force = false } = options;
  const format = checkOptions(options);
  const parts = await readParts(options.parts, signal);
  const [first] = parts;
  checkSameJob(parts);
  const { model, settings, inputs } = first.record;
  const layoutOptions = {
    classes: model.classes,
    top: numberSetting(settings['top']),
    threshold: numberSetting(settings['threshold']),
  };
  const numbered = new ResultLayout({ ...layoutOptions, numbered: true });
  const whole = new ResultLayout(layoutOptions);
  const counts = new ResultCounts(whole);
  const rows = async function* (): AsyncGenerator<ResultFields> {
    for await (const fields of inOrder(parts, numbered, inputs.images)) {
      const row = fields.slice(0, -1);
      counts.add(row);
      if (counts.rows % REPORT_ROWS === 0) {
        throwIfAborted(signal);
        onProgress?.({ stage: 'merge', done: counts.rows, total: inputs.images, unit: 'rows' });
      }
      yield row;
    }
  };
  const record = (): JobRecord => {
    const { rows: total, perClass, perStatus, outOfDomain } = counts;
    const facts = { rows: total, perClass, perStatus, outOfDomain, images: '', shard: null };
    return jobRecord({ ...first.record, ...facts });
  };
  const partial = await openPartial(output, {
    fingerprint: fingerprint(parts.map((part) => JSON.stringify(part.record))),
    force,
  });
  try {
    const name = `results.${format}`;
    const path = partial.path(name);
    if (format === 'parquet') {
      await writeParquet(path, whole.columns, () => parquetTexts(record()), rows());
    } else {
      await writeLines(path, lineFormat(format, whole.columns), rows());
      await writeRecord(partial.output, record(), path);
    }
    await partial.commitFile(name);
  } finally {
    await partial.release();
  }
  const { perClass, perStatus, outOfDomain } = counts;
  return { output, shards: parts.length, rows: counts.rows, perClass, perStatus, outOfDomain };
}

function checkOptions({ parts, output, format }: MergeOptions): ResultFormat {
  if (!Array.isArray(parts) || parts.length === 0) {
    throw new LungclsError('INVALID_OPTION', 'Expected at least one file for parts');
  }
  if (typeof output !== 'string' || output === '') {
    throw new LungclsError('INVALID_OPTION', 'Expected a path for output');
  }
  if (format !== undefined && !RESULT_FORMATS.includes(format)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one of ${RESULT_FORMATS.join(', ')} for format but received ${JSON.stringify(format)}`,
    );
  }
  return resultFormat(output, format);
}

async function readParts(
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<[Part, ...Part[]]> {
  const parts: Part[] = [];
  for (const path of paths) {
    throwIfAborted(signal);
    const format = resultFormat(path);
    const record = await readRecord(path, format);
    if (record === undefined) {
      throw new LungclsError(
        'RESULTS_INVALID',
        `${path}: expected the record of a job ${format === 'parquet' ? 'in its footer' : `in ${path}.job.json`} but there is none`,
        { path },
      );
    }
    parts.push({ path, format, record });
  }
  const [first, ...rest] = parts;
  if (first === undefined) throw new LungclsError('INVALID_OPTION', 'Expected parts');
  return [first, ...rest];
}

/** @throws LungclsError SHARD_MISMATCH, naming what is missing, twice there, or of another job */
function checkSameJob(parts: readonly [Part, ...Part[]]): void {
  const [first] = parts;
  const count = first.record.shard?.count ?? 0;
  const seen = new Map<number, string>();
  for (const { path, record } of parts) {
    const { shard } = record;
    if (shard === null) throw mismatch(`expected shards but ${path} is a whole`, path);
    const other = differences(first.record, record);
    if (shard.count !== count) other.unshift(`${count} shards and ${shard.count} shards`);
    if (other.length > 0) {
      throw mismatch(`${first.path} and ${path} are of different jobs: ${other.join('; ')}`, path);
    }
    const twin = seen.get(shard.index);
    if (twin !== undefined) {
      throw mismatch(`${twin} and ${path} are both shard ${shard.index}/${count}`, path);
    }
    seen.set(shard.index, path);
  }
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((i) => !seen.has(i));
  if (missing.length > 0) {
    const shown = missing.slice(0, 20).join(', ');
    throw mismatch(
      `expected ${count} shards but ${missing.length} are missing: ${shown}${missing.length > 20 ? ' ...' : ''}`,
    );
  }
}

/** A part that is being read. */
interface Cursor {
  readonly path: string;
  readonly chunks: AsyncGenerator<ResultFields[]>;
  rows: ResultFields[];
  at: number;
}

/**
 * The rows of all parts by their numbers, which are 0 to `images` - 1, each once. In every part they rise:
 * so the next one is always at the head of one of them.
 */
async function* inOrder(
  parts: readonly Part[],
  layout: ResultLayout,
  images: number,
): AsyncGenerator<ResultFields> {
  const heads = new Map<number, Cursor>();
  const advance = async (cursor: Cursor): Promise<void> => {
    while (cursor.at === cursor.rows.length) {
      const next = await cursor.chunks.next();
      if (next.done === true) return;
      cursor.rows = next.value;
      cursor.at = 0;
    }
    const number = layout.numberOf(cursor.rows[cursor.at] ?? []);
    const twin = heads.get(number);
    if (twin !== undefined) {
      throw mismatch(`row ${number} is in ${twin.path} and in ${cursor.path}`, cursor.path);
    }
    heads.set(number, cursor);
  };
  const cursors = parts.map(({ path, format }): Cursor => {
    return { path, chunks: readResultRows(path, format, layout.columns), rows: [], at: 0 };
  });
  try {
    for (const cursor of cursors) await advance(cursor);
    for (let number = 0; number < images; number++) {
      const cursor = heads.get(number);
      const fields = cursor?.rows[cursor.at];
      if (cursor === undefined || fields === undefined) {
        throw mismatch(`expected ${images} rows but row ${number} is in none of the files`);
      }
      heads.delete(number);
      cursor.at++;
      await advance(cursor);
      yield fields;
    }
    const [left] = heads;
    if (left !== undefined) {
      const [number, { path }] = left;
      throw mismatch(`expected rows below ${images} but found row ${number} in ${path}`, path);
    }
  } finally {
    for (const { chunks } of cursors) await chunks.return(undefined);
  }
}

function numberSetting(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function mismatch(message: string, path?: string): LungclsError {
  return new LungclsError('SHARD_MISMATCH', `Cannot merge: ${message}`, {
    ...(path === undefined ? {} : { path }),
  });
}
