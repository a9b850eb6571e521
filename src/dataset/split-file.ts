/** A split that somebody else made, tile by tile. */
import { csvLine } from '../storage/csv.js';
import { invalid, readPathTable, type PathTableLayout } from './path-table.js';
import { MersenneTwister } from './random-state.js';
import type { Split } from './split.js';

export const SPLIT_PARTS = ['train', 'validation', 'unused'] as const;
const LAYOUT: PathTableLayout = {
  columns: ['path', 'part'],
  read: ([path = '', part = '']) => [path, part],
};

/**
 * Reads a split from a CSV with the columns `path,part`: `train`, `validation` or `unused` for every
 * tile of the store. Records of other images are passed over.
 *
 * @param paths of the tiles, as the store's index names them
 * @param seed of the order that the tiles get within their part, whatever the order of the file
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | SPLIT_INVALID
 */
export async function readSplitFile(
  file: string,
  paths: readonly string[],
  seed: number,
): Promise<Split> {
  const { values } = await readPathTable(file, [LAYOUT], paths);
  const missing = paths.filter((_, tile) => values[tile] === undefined);
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` and ${String(missing.length - 1)} other tiles` : '';
    throw invalid(
      file,
      `expected every tile of the store but it says no part for ${missing[0] ?? ''}${more}`,
    );
  }
  const parts = SPLIT_PARTS.map((part) =>
    Int32Array.from([...values.keys()].filter((tile) => values[tile] === part)),
  );
  const wrong = values.findIndex((part) => !SPLIT_PARTS.some((known) => known === part));
  if (wrong >= 0) {
    throw invalid(
      file,
      `expected ${SPLIT_PARTS.join(', ')} for part but found "${values[wrong] ?? ''}" for ${paths[wrong] ?? ''}`,
    );
  }
  const [train = new Int32Array(), validation = new Int32Array()] = parts;
  for (const [i, part] of [train, validation].entries()) {
    if (part.length === 0)
      throw invalid(file, `it has no tile with the part ${SPLIT_PARTS[i] ?? ''}`);
  }
  const random = new MersenneTwister(seed);
  random.shuffle(train);
  random.shuffle(validation);
  return { train, validation };
}

/** A split as such a file, in the order of the tiles. */
export function splitCsv({ train, validation }: Split, paths: readonly string[]): string {
  const parts = new Array<(typeof SPLIT_PARTS)[number]>(paths.length).fill('unused');
  for (const tile of train) parts[tile] = 'train';
  for (const tile of validation) parts[tile] = 'validation';
  const lines = paths.map((path, tile) => csvLine([path, parts[tile] ?? 'unused']));
  return csvLine(LAYOUT.columns) + lines.join('');
}
