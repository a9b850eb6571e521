/** Finds how much of an earlier process's result file still fits the inputs of today. */
import type { ResultFields } from './result-columns.js';
import type { Position, ResultFile } from './result-file.js';
import type { ResultCounts } from './results.js';

export interface ResumePoint<T> {
  /** Inputs taken from the iterator whose rows are not in the file (any more). */
  pending: T[];
  /** Rows kept. */
  rows: number;
}

/**
 * Compares the rows that are there with the inputs, one by one, by path and by the state of the image, and
 * cuts the file off where they part. The cut falls between two batches, so that every later batch holds the same tiles
 * as in a run that was never stopped. Consumes from `inputs` what it has compared.
 *
 * @param stateOf the state of an input today, as the rows' states were made
 */
export async function resume<T extends { readonly path: string }>(
  file: ResultFile,
  inputs: AsyncIterator<T>,
  stateOf: (input: T) => Promise<bigint>,
  batchSize: number,
  counts: ResultCounts,
): Promise<ResumePoint<T>> {
  let boundary: Position = file.start;
  let pending: { input: T; fields: ResultFields }[] = [];
  const keep = (): void => {
    for (const { fields } of pending) counts.add(fields);
    pending = [];
  };
  const total = file.rows;
  let parted: T | undefined;
  for await (const { fields, state, end } of file.written()) {
    const next = await inputs.next();
    if (next.done === true) break;
    if (fields[0] !== next.value.path || state !== (await stateOf(next.value))) {
      parted = next.value;
      break;
    }
    pending.push({ input: next.value, fields });
    if (end.rows % batchSize === 0) {
      keep();
      boundary = end;
    } else if (end.rows === total) {
      // A last batch that is not full is whole only where the inputs end with it.
      const following = await inputs.next();
      if (following.done === true) {
        keep();
        boundary = end;
      } else {
        parted = following.value;
      }
    }
  }
  if (boundary.rows !== total) await file.truncate(boundary);
  const left = pending.map(({ input }) => input);
  return { pending: parted === undefined ? left : [...left, parted], rows: boundary.rows };
}
