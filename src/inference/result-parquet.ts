/** Writes result rows as Apache Parquet: a row group at a time, so that memory does not grow with the rows. */
import { open } from 'node:fs/promises';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { TOOL_VERSION } from '../config.js';
import { BLANK_SEAL, SealedFile } from './parquet-seal.js';
import type { ResultColumn, ResultFields } from './result-columns.js';

/** Rows a row group: some three megabytes while it is in memory, and few enough groups for millions of rows. */
export const ROW_GROUP = 1 << 14;

const PARQUET_TYPES = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  float: { type: 'FLOAT' },
  integer: { type: 'INT64' },
  boolean: { type: 'BOOLEAN' },
} as const;

function schemaOf(columns: readonly ResultColumn[]): SchemaElement[] {
  const elements = columns.map(({ name, type, required }): SchemaElement => ({
    name,
    repetition_type: required ? 'REQUIRED' : 'OPTIONAL',
    ...PARQUET_TYPES[type],
  }));
  return [{ name: 'root', num_children: columns.length }, ...elements];
}

/** Snappy-compressed; strings are UTF-8, probabilities FLOAT, absent values null. */
export class ParquetResultWriter {
  readonly #columns: readonly ResultColumn[];
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #write: (chunk: Uint8Array) => Promise<void>;
  #rows: ResultFields[] = [];

  /**
   * @param write appends bytes to the file
   */
  constructor(columns: readonly ResultColumn[], write: (chunk: Uint8Array) => Promise<void>) {
    this.#columns = columns;
    this.#write = write;
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: schemaOf(columns),
      createdBy: `lungcls-fast version ${TOOL_VERSION}`,
    });
  }

  async add(fields: ResultFields): Promise<void> {
    this.#rows.push(fields);
    if (this.#rows.length === ROW_GROUP) await this.#flush();
  }

  /** @param metadata texts for the footer, by key */
  async finish(metadata: Readonly<Record<string, string>>): Promise<void> {
    if (this.#rows.length > 0) await this.#flush();
    this.#writer.kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
    await this.#writer.finish();
    await this.#drain();
  }

  async #flush(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    await this.#writer.write({
      columnData: this.#columns.map(({ name, type }, i) => ({
        name,
        data: rows.map((fields) => parquetValue(fields[i] ?? '', type)),
        // Read whole: its pages need no index of their own.
        offsetIndex: false,
      })),
      rowGroupSize: ROW_GROUP,
    });
    await this.#drain();
  }

  /** The bytes so far go to the file; the writer keeps count of them. */
  async #drain(): Promise<void> {
    await this.#write(new Uint8Array(this.#bytes.buffer, 0, this.#bytes.index));
    this.#bytes.index = 0;
  }
}

function parquetValue(
  text: string,
  type: ResultColumn['type'],
): string | number | bigint | boolean | undefined {
  if (text === '') return undefined;
  if (type === 'text') return text;
  if (type === 'boolean') return text === 'true';
  return type === 'float' ? Number(text) : BigInt(text);
}

/**
 * Writes a whole file, sealed (see parquet-seal.ts), and syncs it. Errors are the system's.
 * @param metadata asked for once all rows have gone by
 */
export async function writeParquet(
  path: string,
  columns: readonly ResultColumn[],
  metadata: () => Readonly<Record<string, string>>,
  rows: AsyncIterable<ResultFields>,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    const sealed = new SealedFile(file);
    const writer = new ParquetResultWriter(columns, (chunk) => sealed.write(chunk));
    for await (const fields of rows) await writer.add(fields);
    await writer.finish({ ...metadata(), ...BLANK_SEAL });
    await sealed.seal();
    await file.sync();
  } finally {
    await file.close();
  }
}
