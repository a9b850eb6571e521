/** CSV files that say something about tiles by their paths: groups, and splits made elsewhere. */
import { LungclsError } from '../errors.js';
import { readCsvRows } from '../storage/csv.js';

/** One way in which such a file may be laid out, told by its header. */
export interface PathTableLayout {
  /** Columns that it needs; others may stand between them. */
  readonly columns: readonly string[];
  /** The tile's path and what is said about it, from the values of those columns, in their order. */
  readonly read: (values: readonly string[]) => readonly [path: string, value: string];
}

export interface PathTable {
  /** Of each tile: what the file says; undefined where it says nothing or the field is empty. */
  readonly values: readonly (string | undefined)[];
  /** Records whose path is that of no tile. */
  readonly others: number;
}

/**
 * Reads a file and finds the tile of each record: by the whole path; else one path must be the end of
 * the other, at a folder's border, and of one tile only (`lung_aca/lungaca1.jpeg` for
 * `lung_image_sets/lung_aca/lungaca1.jpeg`).
 *
 * @param layouts the first whose columns the header has is taken
 * @param paths of the tiles, as the store's index names them
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE, and SPLIT_INVALID: columns that are
 *   missing, a record cut short, a path that could mean several tiles, a tile named twice, no tile named
 */
export async function readPathTable(
  file: string,
  layouts: readonly PathTableLayout[],
  paths: readonly string[],
): Promise<PathTable> {
  const finder = new TileFinder(paths);
  const values = new Array<string | undefined>(paths.length).fill(undefined);
  const namedBy = new Map<number, number>();
  let reader: ((fields: readonly string[]) => readonly [string, string] | undefined) | undefined;
  let record = 0;
  let others = 0;
  let firstOther = '';
  for await (const fields of readCsvRows(file)) {
    record += 1;
    if (reader === undefined) {
      reader = readerOf(file, fields, layouts);
      continue;
    }
    if (fields.length === 1 && fields[0] === '') continue;
    const found = reader(fields);
    if (found === undefined) throw invalid(file, `record ${String(record)} is cut short`);
    const [path, value] = found;
    const tile = finder.find(path);
    if (tile === 'several') {
      throw invalid(
        file,
        `record ${String(record)}: ${path} could be several tiles of the store; give more of the path`,
      );
    }
    if (tile === undefined) {
      if (others === 0) firstOther = path;
      others += 1;
      continue;
    }
    const before = namedBy.get(tile);
    if (before !== undefined) {
      throw invalid(
        file,
        `expected each tile once but records ${String(before)} and ${String(record)} both name ${paths[tile] ?? ''}`,
      );
    }
    namedBy.set(tile, record);
    if (value !== '') values[tile] = value;
  }
  if (namedBy.size === 0) {
    const example = others > 0 ? `: not ${firstOther}, nor any other` : '';
    throw invalid(
      file,
      `none of its ${String(others)} paths is that of a tile of the store${example}`,
    );
  }
  return { values, others };
}

export function invalid(path: string, what: string): LungclsError {
  return new LungclsError('SPLIT_INVALID', `${path}: ${what}`, { path });
}

function readerOf(
  file: string,
  header: readonly string[],
  layouts: readonly PathTableLayout[],
): (fields: readonly string[]) => readonly [string, string] | undefined {
  // Spreadsheets put a byte order mark in front.
  const names = header.map((name) => name.replace(/^\ufeff/, '').trim());
  for (const { columns, read } of layouts) {
    const places = columns.map((column) => names.indexOf(column));
    if (places.includes(-1)) continue;
    return (fields) => {
      const values = places.map((place) => fields[place]);
      return values.every((value) => value !== undefined) ? read(values) : undefined;
    };
  }
  const wanted = layouts.map(({ columns }) => columns.join()).join(' or ');
  throw invalid(file, `expected the columns ${wanted} but found ${names.join()}`);
}

/** Tiles by whole paths and by ends of paths. */
class TileFinder {
  readonly #paths: readonly string[];
  readonly #whole = new Map<string, number>();
  /** By number of components: the ends of that length. Made when first needed. */
  readonly #ends = new Map<number, Map<string, number | 'several'>>();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
    paths.forEach((path, tile) => this.#whole.set(path, tile));
  }

  find(path: string): number | 'several' | undefined {
    const exact = this.#whole.get(path);
    if (exact !== undefined) return exact;
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const end = this.#endsOf(parts.length).get(parts.join('/'));
    if (end !== undefined) return end;
    for (let length = parts.length - 1; length > 0; length--) {
      const tile = this.#whole.get(parts.slice(-length).join('/'));
      if (tile !== undefined) return tile;
    }
    return undefined;
  }

  #endsOf(length: number): Map<string, number | 'several'> {
    let ends = this.#ends.get(length);
    if (ends === undefined) {
      ends = new Map();
      for (const [tile, path] of this.#paths.entries()) {
        const parts = path.split('/');
        if (parts.length < length) continue;
        const end = parts.slice(-length).join('/');
        ends.set(end, ends.has(end) ? 'several' : tile);
      }
      this.#ends.set(length, ends);
    }
    return ends;
  }
}
