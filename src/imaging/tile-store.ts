/** Reads a tile store: what NumPy would open, as batches for training and inference. */
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LungclsError, messageOf, readError, systemErrorCode } from '../errors.js';
import { MappedRows } from '../native/addon.js';
import { readCsvRows } from '../storage/csv.js';
import { readNpyHeader, type NpyHeader } from '../storage/npy.js';
import { preprocessingFingerprint, type PreprocessingSpec } from './preprocessing.js';
import {
  IMAGES_FILE,
  INDEX_COLUMNS,
  INDEX_FILE,
  LABELS_FILE,
  parseStoreDescription,
  STORE_FILE,
  type StoreDescription,
} from './tile-store-format.js';

/** Some tiles of a store. */
export interface StoreBatch {
  /** Their rows. */
  readonly rows: Uint32Array;
  /** count * size * size * 3 bytes, RGB. Valid until the next batch is asked for. */
  readonly tiles: Uint8Array;
  readonly count: number;
}

interface Index {
  readonly paths: readonly string[];
  readonly groups: readonly string[];
}

export class TileStore {
  readonly directory: string;
  readonly description: StoreDescription;
  /** Class names; their position is the label. */
  readonly classes: readonly string[];
  readonly spec: PreprocessingSpec;
  readonly preprocessingFingerprint: string;
  /** SHA-256 of the store's content: what features and runs depend on. */
  readonly fingerprint: string;
  /** Number of tiles. */
  readonly count: number;
  /** Class index of each row. */
  readonly labels: Int32Array;
  /** Of each row: the image it came from, as index.csv names it. */
  readonly paths: readonly string[];
  /** Of each row: which images come from one original; '' where that is not known. */
  readonly groups: readonly string[];
  /** The file of the tiles' bytes, and where in it they begin. */
  readonly imagesPath: string;
  readonly imagesOffset: number;
  /** Bytes of one tile. */
  readonly tileBytes: number;
  #mapped: MappedRows | undefined;
  #closed = false;

  private constructor(
    directory: string,
    description: StoreDescription,
    parts: { imagesOffset: number; labels: Int32Array; index: Index },
  ) {
    this.directory = directory;
    this.description = description;
    this.classes = description.classes;
    this.spec = description.preprocessing;
    this.preprocessingFingerprint = preprocessingFingerprint(this.spec);
    this.fingerprint = description.fingerprint;
    this.count = description.rows;
    this.labels = parts.labels;
    this.paths = parts.index.paths;
    this.groups = parts.index.groups;
    this.imagesPath = join(directory, IMAGES_FILE);
    this.imagesOffset = parts.imagesOffset;
    this.tileBytes = this.spec.size ** 2 * 3;
  }

  /**
   * Opens a store and checks that its files are whole and agree with each other.
   * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | STORE_INVALID (with what was expected
   *   and what was found)
   */
  static async open(directory: string): Promise<TileStore> {
    const description = await readDescription(directory);
    const { rows, preprocessing, classes } = description;
    const { size } = preprocessing;
    const imagesPath = join(directory, IMAGES_FILE);
    const images = await checkArray(imagesPath, '|u1', [rows, size, size, 3], 1);
    const labelsPath = join(directory, LABELS_FILE);
    const header = await checkArray(labelsPath, '<i8', [rows], 8);
    const labels = await readLabels(labelsPath, header.dataOffset, rows, classes.length);
    const index = await readIndex(join(directory, INDEX_FILE), description, labels);
    return new TileStore(directory, description, {
      imagesOffset: images.dataOffset,
      labels,
      index,
    });
  }

  /**
   * Copies tiles to the start of `out`, in the order of `rows`, by native threads from the mapped
   * file.
   * @param rows row numbers, 0 to count - 1, in any order, repeated or not
   * @param out at least rows.length * tileBytes bytes
   * @throws LungclsError INVALID_OPTION | CLOSED | ADDON_MISSING
   */
  async readTiles(rows: ArrayLike<number>, out: Uint8Array): Promise<void> {
    if (this.#closed) {
      throw new LungclsError('CLOSED', `The tile store ${this.directory} has been closed`);
    }
    const wanted = Uint32Array.from(rows);
    wanted.forEach((row, i) => {
      if (row !== rows[i] || row >= this.count) {
        throw new LungclsError(
          'INVALID_OPTION',
          `Expected a row from 0 to ${String(this.count - 1)} for rows[${String(i)}] but received ${String(rows[i])}`,
        );
      }
    });
    const bytes = wanted.length * this.tileBytes;
    if (out.byteLength < bytes) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected at least ${String(bytes)} bytes for out but received ${String(out.byteLength)}`,
      );
    }
    if (wanted.length === 0) return;
    this.#mapped ??= MappedRows.open(this.imagesPath, {
      offset: this.imagesOffset,
      rowBytes: this.tileBytes,
      rows: this.count,
    });
    await this.#mapped.gatherBytes(wanted, out.subarray(0, bytes));
  }

  /**
   * Tiles in batches, the next one read while the caller works on the one it has.
   * @param rows which rows, in this order; all of them if undefined
   * @param batchSize tiles a batch, 1 or more; the last may be smaller
   */
  async *batches(
    rows: ArrayLike<number> | undefined,
    batchSize: number,
  ): AsyncGenerator<StoreBatch> {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected a positive integer for batchSize but received ${String(batchSize)} of type ${typeof batchSize}`,
      );
    }
    const order =
      rows === undefined
        ? Uint32Array.from({ length: this.count }, (_, i) => i)
        : Uint32Array.from(rows);
    const largest = Math.min(batchSize, order.length);
    const buffers = [0, 1].map(() => new Uint8Array(largest * this.tileBytes));
    const read = async (begin: number): Promise<StoreBatch | undefined> => {
      const part = order.slice(begin, begin + batchSize);
      const buffer = buffers[(begin / batchSize) % 2];
      if (part.length === 0 || buffer === undefined) return undefined;
      const tiles = buffer.subarray(0, part.length * this.tileBytes);
      await this.readTiles(part, tiles);
      return { rows: part, tiles, count: part.length };
    };
    let next = read(0);
    try {
      for (let begin = batchSize; ; begin += batchSize) {
        const batch = await next;
        if (batch === undefined) return;
        next = read(begin);
        yield batch;
      }
    } finally {
      // The caller may stop early: the read under way must not outlive its buffer unnoticed.
      await next.catch(() => undefined);
    }
  }

  /** Unmaps the tiles. */
  close(): void {
    this.#closed = true;
    this.#mapped?.close();
    this.#mapped = undefined;
  }
}

async function readDescription(directory: string): Promise<StoreDescription> {
  const path = join(directory, STORE_FILE);
  let text: string;
  try {
    if (!(await stat(directory)).isDirectory()) {
      throw new LungclsError(
        'STORE_INVALID',
        `Expected the folder of a tile store but ${directory} is a file`,
        {
          path: directory,
        },
      );
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    // A folder without store.json is there, but no store.
    if (systemErrorCode(error) === 'ENOENT' && (await exists(directory))) {
      throw new LungclsError(
        'STORE_INVALID',
        `${directory} is not a tile store: expected ${STORE_FILE} in it; preprocess makes one`,
        { path: directory, cause: error },
      );
    }
    throw readError(error, directory, 'tile store');
  }
  return parseStoreDescription(text, path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function invalid(path: string, what: string, cause?: unknown): LungclsError {
  return new LungclsError('STORE_INVALID', `${path}: ${what}`, { path, cause });
}

async function checkArray(
  path: string,
  dtype: string,
  shape: readonly number[],
  itemBytes: number,
): Promise<NpyHeader> {
  let header: NpyHeader;
  let size: number;
  try {
    header = await readNpyHeader(path);
    size = (await stat(path)).size;
  } catch (error) {
    throw invalid(path, `expected an array but found none: ${messageOf(error)}`, error);
  }
  const expected = `${dtype} (${shape.join(', ')})`;
  const found = `${header.dtype} (${header.shape.join(', ')})`;
  if (expected !== found) throw invalid(path, `expected an array ${expected} but found ${found}`);
  const bytes = header.dataOffset + shape.reduce((a, b) => a * b, itemBytes);
  if (size !== bytes) {
    throw invalid(path, `expected ${String(bytes)} bytes but found ${String(size)}`);
  }
  return header;
}

async function readLabels(
  path: string,
  offset: number,
  rows: number,
  classes: number,
): Promise<Int32Array> {
  const values = new BigInt64Array(rows);
  try {
    const file = await open(path, 'r');
    try {
      await file.read(new Uint8Array(values.buffer), 0, values.byteLength, offset);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw invalid(path, `cannot be read: ${messageOf(error)}`, error);
  }
  return Int32Array.from(values, (value, row) => {
    if (value < 0n || value >= BigInt(classes)) {
      throw invalid(
        path,
        `expected a label from 0 to ${String(classes - 1)} in row ${String(row)} but found ${String(value)}`,
      );
    }
    return Number(value);
  });
}

async function readIndex(
  path: string,
  { classes, rows }: StoreDescription,
  labels: Int32Array,
): Promise<Index> {
  const paths: string[] = [];
  const groups: string[] = [];
  let line = 0;
  try {
    for await (const fields of readCsvRows(path)) {
      line += 1;
      if (line === 1) {
        if (fields.join() !== INDEX_COLUMNS.join()) {
          throw invalid(
            path,
            `expected the columns ${INDEX_COLUMNS.join()} but found ${fields.join()}`,
          );
        }
        continue;
      }
      const [row = '', image = '', label = '', group = ''] = fields;
      if (row === '') continue;
      if (fields.length !== INDEX_COLUMNS.length || row !== String(paths.length)) {
        throw invalid(
          path,
          `expected row ${String(paths.length)} in record ${String(line)} but found "${row}"`,
        );
      }
      if (label !== classes[labels[paths.length] ?? -1]) {
        throw invalid(path, `the label ${label} of row ${row} is not that of ${LABELS_FILE}`);
      }
      paths.push(image);
      groups.push(group);
    }
  } catch (error) {
    if (error instanceof LungclsError && error.code === 'STORE_INVALID') throw error;
    throw invalid(path, `cannot be read: ${messageOf(error)}`, error);
  }
  if (paths.length !== rows) {
    throw invalid(path, `expected ${String(rows)} rows but found ${String(paths.length)}`);
  }
  return { paths, groups };
}
