/**
 * Reads Parquet files of results back, in a thread of its own: given a damaged file, the library goes round in
 * circles, takes memory without end, or lets a promise fail that nobody waits for.
 */
import { stat } from 'node:fs/promises';
import { LungclsError, messageOf, readError } from '../errors.js';
import { WatchedThread } from '../runtime/watched-thread.js';
import type { ResultColumn, ResultFields } from './result-columns.js';

/** `group`: the rows of one row group; without one, what the footer says. */
export interface ParquetRequest {
  readonly path: string;
  readonly group?: number;
}

export interface ParquetFooter {
  readonly texts: ReadonlyMap<string, string>;
  readonly columns: readonly string[];
  readonly groups: number;
}

export type ParquetReply =
  | ParquetFooter
  | { readonly rows: ResultFields[] }
  /** `code` where the error is the system's. */
  | { readonly message: string; readonly code: string | undefined };

/** A sound file takes far less. */
const LEAST_MS = 10_000;
const BYTES_PER_MS = 10_000;

/** For all files: it answers one question after the other, and each says which file it is about. */
const thread = new WatchedThread(
  new URL('./parquet-thread.js', import.meta.url),
  'the Parquet reader',
);

/**
 * The texts of a file's footer, by key.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | RESULTS_INVALID
 */
export async function readParquetTexts(path: string): Promise<ReadonlyMap<string, string>> {
  return (await footerOf(path)).texts;
}

/**
 * The rows of a file, a row group at a time.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | RESULTS_INVALID (damaged, or other columns)
 */
export async function* readParquet(
  path: string,
  columns: readonly ResultColumn[],
): AsyncGenerator<ResultFields[]> {
  const footer = await footerOf(path);
  checkColumns(path, columns, footer.columns);
  for (let group = 0; group < footer.groups; group++) {
    const reply = await ask({ path, group });
    if (!('rows' in reply)) throw invalid(path, 'there are no rows');
    yield reply.rows;
  }
}

async function footerOf(path: string): Promise<ParquetFooter> {
  const reply = await ask({ path });
  if ('columns' in reply) return reply;
  throw invalid(path, 'there is no footer');
}

async function ask(request: ParquetRequest): Promise<Exclude<ParquetReply, { message: string }>> {
  const { path } = request;
  const { size } = await stat(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  let reply: ParquetReply;
  try {
    // What a damaged file leaves behind is not the next one's business.
    const limit = LEAST_MS + size / BYTES_PER_MS;
    reply = (await thread.ask(request, limit, isFailure)) as ParquetReply;
  } catch (error) {
    throw invalid(path, messageOf(error), error);
  }
  if (!('message' in reply)) return reply;
  const { message, code } = reply;
  if (code === undefined) throw invalid(path, message);
  throw readError(Object.assign(new Error(message), { code }), path);
}

function isFailure(reply: unknown): boolean {
  return 'message' in (reply as ParquetReply);
}

function invalid(path: string, what: string, cause?: unknown): LungclsError {
  return new LungclsError(
    'RESULTS_INVALID',
    `${path}: expected a Parquet file of results but it cannot be read: ${what}`,
    { cause, path },
  );
}

/** @throws LungclsError RESULTS_INVALID */
export function checkColumns(
  path: string,
  columns: readonly ResultColumn[],
  found: readonly string[],
): void {
  const expected = columns.map(({ name }) => name);
  if (expected.length === found.length && expected.every((name, i) => name === found[i])) return;
  throw new LungclsError(
    'RESULTS_INVALID',
    `${path}: expected the columns ${expected.join(', ')} but found ${found.join(', ')}`,
    { path },
  );
}
