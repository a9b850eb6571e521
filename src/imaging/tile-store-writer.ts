/** Builds a tile store, tile by tile in order, so that a kill at any moment loses little. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { TOOL_VERSION } from '../config.js';
import { LungclsError, writeError } from '../errors.js';
import { writeAll, writeFileAtomic } from '../storage/atomic.js';
import { csvLine } from '../storage/csv.js';
import { canonicalJson } from '../storage/hash.js';
import { NPY_HEADER_BYTES, npyHeader, writeNpy } from '../storage/npy.js';
import { preprocessingFingerprint, type PreprocessingSpec } from './preprocessing.js';
import { appendJournal, readJournal } from './tile-journal.js';
import { TileRecords, type TileRecord } from './tile-records.js';
import {
  IMAGES_FILE,
  INDEX_COLUMNS,
  INDEX_FILE,
  LABELS_FILE,
  STORE_FILE,
  STORE_FORMAT,
  STORE_VERSION,
  type StoreDescription,
  type StoreSource,
} from './tile-store-format.js';

const JOURNAL_FILE = 'journal';
/** At most this much work, in milliseconds, is lost by a kill. */
const CHECKPOINT_MS = 500;

/** Decoded images, in order. */
export interface DecodedTiles {
  /** statuses.length tiles; those of images that failed are not looked at. */
  readonly tiles: Uint8Array;
  readonly statuses: readonly { readonly status: string; readonly message: string }[];
}

/** An image as index.csv lists it. */
export interface IndexedImage {
  readonly path: string;
  /** Class index. */
  readonly label: number;
  /** Which images come from one original; '' where that is not known. */
  readonly group: string;
}

/** Images that are gone through several times; an array is one. */
export interface IndexedImages extends Iterable<IndexedImage> {
  readonly length: number;
}

export interface StoreContent {
  readonly classes: readonly string[];
  /** All images, in the order in which they were appended. */
  readonly images: IndexedImages;
  readonly source: StoreSource;
}

export interface TileStoreWriterOptions {
  readonly spec: PreprocessingSpec;
  /** Take the tiles of images with status `damaged` too. */
  readonly keepDamaged: boolean;
}

/**
 * Writes a tile store into a folder that it has for itself. `done` images are in it already, left by
 * an earlier writer with the same options and images; go on with the next.
 */
export class TileStoreWriter {
  readonly #directory: string;
  readonly #options: TileStoreWriterOptions;
  readonly #images: FileHandle;
  readonly #journal: FileHandle;
  readonly #records: TileRecords;
  readonly #tileBytes: number;
  #journalBytes: number;
  /** Records that the journal has. */
  #journaled: number;
  #rows: number;
  #checkpoint: Promise<void> | undefined;
  #failure: unknown;
  #checkpointTime = performance.now();

  private constructor(
    directory: string,
    options: TileStoreWriterOptions,
    files: { images: FileHandle; journal: FileHandle },
    state: { records: TileRecords; journalBytes: number },
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#images = files.images;
    this.#journal = files.journal;
    this.#records = state.records;
    this.#journalBytes = state.journalBytes;
    this.#journaled = state.records.length;
    this.#rows = state.records.tiles;
    this.#tileBytes = options.spec.size ** 2 * 3;
  }

  /** Opens a folder, empty or left by an earlier writer. @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE */
  static async open(directory: string, options: TileStoreWriterOptions): Promise<TileStoreWriter> {
    const flags = constants.O_RDWR | constants.O_CREAT;
    try {
      const images = await open(join(directory, IMAGES_FILE), flags);
      const journal = await open(join(directory, JOURNAL_FILE), flags);
      let { records, validBytes } = await readJournal(journal);
      const tileBytes = options.spec.size ** 2 * 3;
      const expected = NPY_HEADER_BYTES + records.tiles * tileBytes;
      if ((await images.stat()).size < expected) {
        // Cannot happen on a disk that keeps what it has synced. Nothing can be trusted then.
        records = new TileRecords();
        validBytes = 0;
      }
      await journal.truncate(validBytes);
      await images.truncate(records.length === 0 ? 0 : expected);
      const shape = [0, options.spec.size, options.spec.size, 3];
      await writeAll(images, npyHeader({ dtype: '|u1', shape }), 0);
      const state = { records, journalBytes: validBytes };
      return new TileStoreWriter(directory, options, { images, journal }, state);
    } catch (error) {
      throw writeError(error, directory);
    }
  }

  /** Images that are dealt with. */
  get done(): number {
    return this.#records.length;
  }

  /** Tiles written. */
  get rows(): number {
    return this.#rows;
  }

  /** What became of each image so far. */
  get records(): TileRecords {
    return this.#records;
  }

  /** Appends the next images. @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE */
  async append({ tiles, statuses }: DecodedTiles): Promise<void> {
    this.#rethrow();
    const taken = statuses.map(
      ({ status }) => status === 'ok' || (status === 'damaged' && this.#options.keepDamaged),
    );
    let records: TileRecord[];
    try {
      const writing = this.#writeTiles(tiles, taken);
      // Checksums are made while the system takes the bytes.
      records = statuses.map(({ status, message }, i) =>
        taken[i] === true ? [status, crc32(this.#tile(tiles, i, i + 1))] : [status, null, message],
      );
      await writing;
    } catch (error) {
      this.#failure = error;
      throw writeError(error, this.#directory);
    }
    for (const record of records) this.#records.push(record);
    if (performance.now() - this.#checkpointTime >= CHECKPOINT_MS) this.#startCheckpoint();
  }

  /** Makes all that was appended last. @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE */
  async flush(): Promise<void> {
    await this.#checkpoint;
    this.#rethrow();
    this.#startCheckpoint();
    await this.#checkpoint;
    this.#rethrow();
  }

  /**
   * Completes the store: the folder then holds exactly its four files. The writer is closed.
   * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
   */
  async finish(content: StoreContent): Promise<StoreDescription> {
    if (content.images.length !== this.#records.length) {
      throw new LungclsError(
        'INTERNAL',
        `Expected ${String(this.#records.length)} images in the index but received ${String(content.images.length)}`,
      );
    }
    await this.flush();
    const { spec } = this.#options;
    try {
      const shape = [this.#rows, spec.size, spec.size, 3];
      await writeAll(this.#images, npyHeader({ dtype: '|u1', shape }), 0);
      await this.#images.truncate(NPY_HEADER_BYTES + this.#rows * this.#tileBytes);
      await this.#images.datasync();
      await this.#writeLabels(content);
      const description = this.#describe(content);
      await writeFileAtomic(join(this.#directory, INDEX_FILE), this.#indexLines(content));
      await writeFileAtomic(
        join(this.#directory, STORE_FILE),
        `${JSON.stringify(description, null, 2)}\n`,
      );
      await this.#closeFiles();
      await rm(join(this.#directory, JOURNAL_FILE));
      return description;
    } catch (error) {
      throw writeError(error, this.#directory);
    }
  }

  /** Stops; what was appended is kept as far as it can be. Does nothing after finish. */
  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    await this.#closeFiles();
  }

  async #closeFiles(): Promise<void> {
    await this.#images.close();
    await this.#journal.close();
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw writeError(this.#failure, this.#directory);
  }

  #tile(tiles: Uint8Array, begin: number, end: number): Uint8Array {
    return tiles.subarray(begin * this.#tileBytes, end * this.#tileBytes);
  }

  /** Writes the tiles of images that have one, in runs. */
  async #writeTiles(tiles: Uint8Array, taken: readonly boolean[]): Promise<void> {
    let begin = 0;
    while (begin < taken.length) {
      let end = begin;
      while (end < taken.length && taken[end] === true) end += 1;
      if (end > begin) {
        const position = NPY_HEADER_BYTES + this.#rows * this.#tileBytes;
        await writeAll(this.#images, this.#tile(tiles, begin, end), position);
        this.#rows += end - begin;
      }
      begin = end + 1;
    }
  }

  /** Writing goes on while the disk catches up; one checkpoint at a time. */
  #startCheckpoint(): void {
    if (this.#checkpoint !== undefined || this.#journaled === this.#records.length) return;
    const records = this.#records.from(this.#journaled);
    const work = async (): Promise<void> => {
      try {
        await this.#images.datasync();
        this.#journalBytes += await appendJournal(this.#journal, this.#journalBytes, records);
        this.#journaled += records.length;
      } catch (error) {
        this.#failure = error;
      } finally {
        this.#checkpoint = undefined;
        this.#checkpointTime = performance.now();
      }
    };
    this.#checkpoint = work();
  }

  async #writeLabels({ images }: StoreContent): Promise<void> {
    const labels = new BigInt64Array(this.#rows);
    let row = 0;
    let i = 0;
    for (const { label } of images) {
      if (this.#records.hasTile(i++)) labels[row++] = BigInt(label);
    }
    const bytes = new Uint8Array(labels.buffer);
    await writeNpy(join(this.#directory, LABELS_FILE), { dtype: '<i8', shape: [row] }, bytes);
  }

  *#index(content: StoreContent): Generator<string> {
    let row = 0;
    let i = 0;
    for (const { path, label, group } of content.images) {
      const [status, checksum] = this.#records.at(i++);
      const name = content.classes[label] ?? '';
      yield csvLine([checksum === null ? '' : row++, path, name, group, status]);
    }
  }

  *#indexLines(content: StoreContent): Generator<Uint8Array> {
    let text = csvLine(INDEX_COLUMNS);
    for (const line of this.#index(content)) {
      text += line;
      if (text.length > 1 << 16) {
        yield Buffer.from(text);
        text = '';
      }
    }
    yield Buffer.from(text);
  }

  #describe(content: StoreContent): StoreDescription {
    const { spec } = this.#options;
    const { size, resize, color, dtype, layout } = spec;
    const counts = Object.fromEntries(
      content.classes.map((name): [string, Record<string, number>] => [name, {}]),
    );
    let image = 0;
    for (const { label } of content.images) {
      const ofClass = counts[content.classes[label] ?? ''];
      const status = this.#records.status(image++);
      if (ofClass !== undefined) ofClass[status] = (ofClass[status] ?? 0) + 1;
    }
    const hash = createHash('sha256');
    hash.update(
      canonicalJson({
        format: STORE_FORMAT,
        version: STORE_VERSION,
        preprocessing: { size, resize, color, dtype, layout },
        classes: content.classes,
      }),
    );
    let i = 0;
    for (const line of this.#index(content)) {
      hash.update(`\n${String(this.#records.at(i++)[1] ?? '')} ${line}`);
    }
    return {
      format: STORE_FORMAT,
      version: STORE_VERSION,
      toolVersion: TOOL_VERSION,
      classes: content.classes,
      preprocessing: spec,
      preprocessingFingerprint: preprocessingFingerprint(spec),
      rows: this.#rows,
      counts,
      source: content.source,
      fingerprint: hash.digest('hex'),
    };
  }
}
