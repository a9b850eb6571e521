import { readFile } from 'node:fs/promises';
import { parseCsv } from '#src/storage/csv.js';

export async function readCsv(path: string): Promise<string[][]> {
  return parseCsv(await readFile(path, 'utf8'));
}

/** The rows of a CSV with a header, each by its columns' names. */
export async function readTable(path: string): Promise<Map<string, string>[]> {
  const [header = [], ...rows] = await readCsv(path);
  return rows.map((row) => new Map(header.map((name, i) => [name, row[i] ?? ''])));
}
