/** The thread of parquet-reader.ts, which alone starts it. */
import { parentPort } from 'node:worker_threads';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetRead,
  type FileMetaData,
} from 'hyparquet';
import { messageOf, systemErrorCode } from '../errors.js';
import type { ParquetReply, ParquetRequest } from './parquet-reader.js';
import { formatFloat32, type ResultFields } from './result-columns.js';

/** Footers of files whose rows are asked for a group at a time: of a merge's many parts, each in turn. */
const MOST_FOOTERS = 1024;
const footers = new Map<string, FileMetaData>();

async function answer({ path, group }: ParquetRequest): Promise<ParquetReply> {
  try {
    const file = await asyncBufferFromFile(path);
    const known = group === undefined ? undefined : footers.get(path);
    const metadata = known ?? (await parquetMetadataAsync(file));
    if (known === undefined) remember(path, metadata);
    if (group === undefined) return footer(metadata);
    const before = metadata.row_groups.slice(0, group);
    const rowStart = before.reduce((sum, { num_rows }) => sum + Number(num_rows), 0);
    const rowEnd = rowStart + Number(metadata.row_groups[group]?.num_rows ?? 0);
    let rows: ResultFields[] = [];
    await parquetRead({
      ...{ file, metadata, rowStart, rowEnd },
      onComplete: (values: unknown[][]) => {
        rows = values.map((row) => row.map(textOf));
      },
    });
    return { rows };
  } catch (error) {
    return { message: messageOf(error), code: systemErrorCode(error) };
  }
}

function remember(path: string, metadata: FileMetaData): void {
  const [oldest] = footers.keys();
  if (footers.size >= MOST_FOOTERS && oldest !== undefined) footers.delete(oldest);
  footers.set(path, metadata);
}

function footer({
  key_value_metadata: pairs = [],
  schema,
  row_groups,
}: FileMetaData): ParquetReply {
  return {
    texts: new Map(pairs.map(({ key, value }) => [key, value ?? ''])),
    columns: schema.slice(1).map(({ name }) => name),
    groups: row_groups.length,
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatFloat32(value);
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : '';
}

parentPort?.on('message', (request: ParquetRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});
