/** What an audit leaves on disk. README.md has the columns. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GROUPS_FILE } from '../dataset/groups.js';
import { LungclsError, writeError } from '../errors.js';
import type { TileStore } from '../imaging/tile-store.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { refuseExisting } from '../storage/existing.js';
import { csvLine, readCsvRows } from '../storage/csv.js';
import type { Grouping } from './group-tiles.js';

/** The pairs that joined groups: path, onto, inliers. */
export const MERGES_FILE = 'merges.csv';
export const AUDIT_FILE = 'audit.json';
const MERGES_COLUMNS = ['path', 'onto', 'inliers'];

/**
 * Names of the groups: `lung_n-000`, the class of the group's first tile and its number among the
 * groups named after that class, by first row.
 */
export function nameGroups(
  { groupOf, groups }: Grouping,
  store: Pick<TileStore, 'classes' | 'labels'>,
): string[] {
  const names: string[] = [];
  const counts = new Map<string, number>();
  groupOf.forEach((group, row) => {
    if (group !== names.length) return;
    const label = store.classes[store.labels[row] ?? -1] ?? '';
    const number = counts.get(label) ?? 0;
    counts.set(label, number + 1);
    names.push(`${label}-${String(number).padStart(3, '0')}`);
  });
  if (names.length !== groups) throw new Error('groups are not numbered by their first row');
  return names;
}

/** @throws LungclsError OUTPUT_EXISTS unless `force`, OUTPUT_UNWRITABLE */
export async function checkOutputs(directory: string, force: boolean): Promise<void> {
  if (force) return;
  for (const name of [GROUPS_FILE, MERGES_FILE, AUDIT_FILE]) {
    await refuseExisting(join(directory, name));
  }
}

/** Each file whole or not at all; groups.csv, which other commands read, comes last. */
export async function writeAudit(
  directory: string,
  store: TileStore,
  { groupOf, merges }: Grouping,
  names: readonly string[],
  facts: object,
): Promise<void> {
  const pathOf = (row: number): string => store.paths[row] ?? '';
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw writeError(error, directory);
  }
  await writeFileAtomic(
    join(directory, MERGES_FILE),
    csvLine(MERGES_COLUMNS) +
      merges
        .map(({ from, onto, inliers }) => csvLine([pathOf(from), pathOf(onto), inliers]))
        .join(''),
  );
  await writeFileAtomic(join(directory, AUDIT_FILE), `${JSON.stringify(facts, null, 2)}\n`);
  await writeFileAtomic(
    join(directory, GROUPS_FILE),
    csvLine(['path', 'group']) +
      Array.from(groupOf, (group, row) => csvLine([pathOf(row), names[group] ?? ''])).join(''),
  );
}

/**
 * The pairs of merges.csv, as rows of the store; none where there is no such file.
 * @throws LungclsError INPUT_UNREADABLE where it is not of this store
 */
export async function readMerges(
  directory: string,
  store: TileStore,
): Promise<[from: number, onto: number][]> {
  const path = join(directory, MERGES_FILE);
  const rowOf = new Map(store.paths.map((name, row) => [name, row]));
  const merges: [number, number][] = [];
  try {
    let header = true;
    for await (const [from = '', onto = ''] of readCsvRows(path)) {
      if (header) {
        header = false;
        continue;
      }
      const [a, b] = [rowOf.get(from), rowOf.get(onto)];
      if (a === undefined || b === undefined) {
        const what = a === undefined ? from : onto;
        throw new LungclsError('INPUT_UNREADABLE', `${path}: the store has no tile ${what}`, {
          path,
        });
      }
      merges.push([a, b]);
    }
  } catch (error) {
    if (error instanceof LungclsError && error.code === 'INPUT_NOT_FOUND') return [];
    throw error;
  }
  return merges;
}
