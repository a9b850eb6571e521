import { readFile } from 'node:fs/promises';
import { parseCsv } from '#src/storage/csv.js';

export async function readCsv(path: string): Promise<string[][]> {
  return parseCsv(await readFile(path, 'utf8'));
}
