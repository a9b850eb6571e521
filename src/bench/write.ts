/** Writes what a bench found: for programs, for readers, for a browser. */
import { join } from 'node:path';
import { writeFileAtomic } from '../storage/atomic.js';
import { renderBench } from './page.js';
import type { BenchResults } from './results.js';
import { markdown } from './text.js';

export const RESULT_FILES = {
  json: 'bench.json',
  markdown: 'bench.md',
  html: 'bench.html',
} as const;

/** @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE */
export async function writeResults(folder: string, results: BenchResults): Promise<void> {
  const text = `${JSON.stringify(results, shorter, 2)}\n`;
  await writeFileAtomic(join(folder, RESULT_FILES.markdown), markdown(results));
  await writeFileAtomic(join(folder, RESULT_FILES.html), renderBench(results));
  // Last: where it is, the others are.
  await writeFileAtomic(join(folder, RESULT_FILES.json), text);
}

/** Six digits are more than any clock here has. */
function shorter(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}
