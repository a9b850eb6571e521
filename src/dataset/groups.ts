/** Which tiles belong together: those made from one original image, or of one patient. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TileStore } from '../imaging/tile-store.js';
import { INDEX_FILE } from '../imaging/tile-store-format.js';
import { compareCodePoints } from './natural-order.js';
import { readPathTable, type PathTableLayout } from './path-table.js';

/** Beside the tiles: `path,group`, as `audit` writes it. */
export const GROUPS_FILE = 'groups.csv';

export interface Groups {
  /** Where they come from: a file, as it was named. */
  readonly from: string;
  /** The groups' names, in the order of their code points, as `numpy.unique` has them. */
  readonly names: readonly string[];
  /**
   * Of each tile the position of its group in `names`. A tile of no known group is a group of its own,
   * numbered behind them in the order of the tiles.
   */
  readonly ids: Int32Array;
  /** Tiles of no known group. */
  readonly unknown: number;
}

/** What of a store is looked at. */
type GroupedTiles = Pick<TileStore, 'directory' | 'paths' | 'groups'>;

const LAYOUTS: readonly PathTableLayout[] = [
  { columns: ['path', 'group'], read: ([path = '', group = '']) => [path, group] },
  // The two csv files of LC25000-clean (github.com/GeorgeBatch/LC25000-clean): all classes,
  // kaggle/lc25000_image_groups.csv, ...
  {
    columns: ['label', 'filename', 'group_id'],
    read: ([label = '', filename = '', group = '']) => [`${label}/${filename}`, group],
  },
  // ... and a class, annotations/<class>/<network>/<scaling>/final_clusters.csv: its paths begin with
  // a folder of its authors', its numbers with 0 in every class.
  {
    columns: ['img_path', 'cluster_label'],
    read: ([path = '', cluster = '']) => {
      const [label = '', filename = ''] = path.split('/').slice(-2);
      return [`${label}/${filename}`, cluster === '' ? '' : `${label}/${cluster}`];
    },
  },
];

/**
 * The groups of a store's tiles: of the file given; else of groups.csv in the store; else of the
 * column `group` of its index.csv, where that is filled; else undefined.
 *
 * @param file a CSV with the columns `path,group`, or one of LC25000-clean's (`label,filename,group_id`,
 *   `cluster_label,img_path`); its paths need to tell the tiles apart, no more (see readPathTable)
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | SPLIT_INVALID
 */
export async function findGroups(store: GroupedTiles, file?: string): Promise<Groups | undefined> {
  if (file !== undefined) return fromFile(store, file);
  const audited = join(store.directory, GROUPS_FILE);
  if (await isFile(audited)) return fromFile(store, audited);
  if (store.groups.some((group) => group !== '')) {
    return numberGroups(
      join(store.directory, INDEX_FILE),
      store.groups.map((group) => (group === '' ? undefined : group)),
    );
  }
  return undefined;
}

/**
 * Numbers groups by their names.
 * @param groups of each tile the name of its group, or undefined
 */
export function numberGroups(from: string, groups: readonly (string | undefined)[]): Groups {
  const known = new Set(groups.filter((group) => group !== undefined));
  const names = [...known].sort(compareCodePoints);
  const number = new Map(names.map((name, i) => [name, i]));
  let unknown = 0;
  const ids = Int32Array.from(groups, (group) => {
    const id = group === undefined ? undefined : number.get(group);
    return id ?? names.length + unknown++;
  });
  return { from, names, ids, unknown };
}

/** Undefined where every field of the file is empty. */
async function fromFile(store: GroupedTiles, file: string): Promise<Groups | undefined> {
  const { values } = await readPathTable(file, LAYOUTS, store.paths);
  return values.some((group) => group !== undefined) ? numberGroups(file, values) : undefined;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
