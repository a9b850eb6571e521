/** Puts features on disk as float16, with a journal from which a later process continues. */
import { constants } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { writeError } from '../errors.js';
import { floatToHalf } from '../native/addon.js';
import { writeAll, writeFileAtomic } from '../storage/atomic.js';
import { NPY_HEADER_BYTES, npyHeader } from '../storage/npy.js';
import type { PartialOutput } from '../storage/partial.js';

const JOURNAL_FILE = 'journal.json';
/** Tiles between two entries of the journal, which wait for the disk: 154 MB of features. */
const JOURNAL_TILES = 512;
/** Float16's infinity and its largest number, 65504. */
const HALF_INFINITY = 0x7c00;
const HALF_MAX = 0x7bff;

interface Journal {
  /** Tiles whose features are on disk. */
  rows: number;
  seconds: number;
}

/** Appends rows to features.npy and keeps the journal. */
export class FeatureWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #journalPath: string;
  readonly #rowBytes: number;
  readonly #before: Journal;
  readonly #startedAt = performance.now();
  #half = new Uint16Array();
  #clamped = 0;
  #rows: number;
  #journaled: number;
  #journal: Promise<void> = Promise.resolve();

  private constructor(
    file: FileHandle,
    path: string,
    journalPath: string,
    rowBytes: number,
    before: Journal,
  ) {
    this.#file = file;
    this.#path = path;
    this.#journalPath = journalPath;
    this.#rowBytes = rowBytes;
    this.#before = before;
    this.#rows = before.rows;
    this.#journaled = before.rows;
  }

  static async open(
    path: string,
    partial: PartialOutput,
    shape: readonly number[],
    rowBytes: number,
  ): Promise<FeatureWriter> {
    try {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT);
      const journalPath = partial.path(JOURNAL_FILE);
      const before = await readJournal(journalPath);
      const { size } = await file.stat();
      const whole = size >= NPY_HEADER_BYTES + before.rows * rowBytes;
      await writeAll(file, npyHeader({ dtype: '<f2', shape }), 0);
      const start = whole ? before : { rows: 0, seconds: 0 };
      return new FeatureWriter(file, path, journalPath, rowBytes, start);
    } catch (error) {
      throw writeError(error, path);
    }
  }

  get rowBytes(): number {
    return this.#rowBytes;
  }

  /** Tiles written so far. */
  get rows(): number {
    return this.#rows;
  }

  get seconds(): number {
    return this.#before.seconds + (performance.now() - this.#startedAt) / 1000;
  }

  async append(features: Float32Array): Promise<void> {
    if (this.#half.length < features.length) this.#half = new Uint16Array(features.length);
    const half = this.#half.subarray(0, features.length);
    floatToHalf(features, half);
    this.#clamped += clampInfinities(half);
    try {
      await writeAll(
        this.#file,
        new Uint8Array(half.buffer, 0, half.byteLength),
        NPY_HEADER_BYTES + this.#rows * this.#rowBytes,
      );
    } catch (error) {
      throw writeError(error, this.#path);
    }
    this.#rows += half.byteLength / this.#rowBytes;
    if (this.#rows - this.#journaled >= JOURNAL_TILES) {
      await this.#journal;
      this.#journaled = this.#rows;
      this.#journal = this.#record(this.#rows);
      // Awaited by the next entry, or by close().
      this.#journal.catch(() => undefined);
    }
  }

  /** Numbers that were too large for float16. */
  get clamped(): number {
    return this.#clamped;
  }

  /** Everything is on disk afterwards. */
  async finish(): Promise<void> {
    await this.#journal;
    await this.#record(this.#rows);
  }

  async close(): Promise<void> {
    await this.#journal.catch(() => undefined);
    await this.#file.close();
  }

  async #record(rows: number): Promise<void> {
    const entry: Journal = { rows, seconds: this.seconds };
    try {
      await this.#file.datasync();
    } catch (error) {
      throw writeError(error, this.#path);
    }
    await writeFileAtomic(this.#journalPath, `${JSON.stringify(entry)}\n`);
  }
}

/**
 * Puts float16's largest number where a feature was larger: one infinity would make every loss NaN.
 * @returns how many there were
 */
export function clampInfinities(half: Uint16Array): number {
  let count = 0;
  // Features stand behind a relu: none is negative.
  for (let i = half.indexOf(HALF_INFINITY); i >= 0; i = half.indexOf(HALF_INFINITY, i + 1)) {
    half[i] = HALF_MAX;
    count++;
  }
  return count;
}

async function readJournal(path: string): Promise<Journal> {
  try {
    const { rows, seconds } = JSON.parse(await readFile(path, 'utf8')) as Partial<Journal>;
    if (Number.isSafeInteger(rows) && rows !== undefined && rows >= 0) {
      return { rows, seconds: seconds ?? 0 };
    }
  } catch {
    // None yet: begin at the first tile.
  }
  return { rows: 0, seconds: 0 };
}
