/** The images of a folder or an archive, kept in so little room that there may be millions. */
import type { ImageSource, ZipEntryLocation } from '../imaging/source.js';
import { Column, sortedIndices } from '../storage/column.js';
import { PackedPaths } from './packed-paths.js';

/** Images in natural order (see natural-order.ts), made when they are asked for. */
export abstract class ImageList implements Iterable<ImageSource> {
  abstract readonly length: number;
  /** Folders of the images, from the root of the list, as they came; '' is the root. */
  abstract readonly folders: readonly string[];
  /** Which of `folders` an image is in. */
  abstract folderOf(index: number): number;
  /** @throws RangeError outside of 0 to length - 1 */
  abstract at(index: number): ImageSource;

  *[Symbol.iterator](): Generator<ImageSource, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** Files below a folder. */
export class FolderImages extends ImageList {
  readonly #root: string;
  readonly #paths = new PackedPaths();
  /** Those whose file is not the root and the path: of names that are no UTF-8. */
  readonly #others = new Map<number, ImageSource>();

  /** @param root as it stands before the paths in the names of the files */
  constructor(root: string) {
    super();
    this.#root = root.endsWith('/') ? root : `${root}/`;
  }

  get length(): number {
    return this.#paths.length;
  }

  get folders(): readonly string[] {
    return this.#paths.folders;
  }

  /** Adds the next in natural order. */
  push(source: ImageSource): void {
    const { path, file, fileBytes } = source;
    if (fileBytes !== undefined || file !== `${this.#root}${path}`) {
      this.#others.set(this.length, source);
    }
    this.#paths.push(path);
  }

  folderOf(index: number): number {
    return this.#paths.folderOf(index);
  }

  at(index: number): ImageSource {
    const path = this.#paths.at(index);
    return this.#others.get(index) ?? { path, file: `${this.#root}${path}` };
  }
}

/** Entries of a zip archive. */
export class ZipImages extends ImageList {
  readonly #file: string;
  readonly #prefix: string;
  readonly #paths = new PackedPaths();
  readonly #offsets = new Column(Float64Array);
  readonly #compressed = new Column(Float64Array);
  readonly #uncompressed = new Column(Float64Array);
  readonly #checksums = new Column(Uint32Array);
  readonly #deflated = new Column(Uint8Array);
  #order: Uint32Array | undefined;

  /**
   * @param file the archive
   * @param prefix put before each path that users see, '/'-ended or empty
   */
  constructor(file: string, prefix: string) {
    super();
    this.#file = file;
    this.#prefix = prefix;
  }

  get length(): number {
    return this.#paths.length;
  }

  get folders(): readonly string[] {
    return this.#paths.folders;
  }

  /** Adds an entry; they may come in any order. */
  push(path: string, location: ZipEntryLocation): void {
    this.#paths.push(path);
    this.#offsets.push(location.headerOffset);
    this.#compressed.push(location.compressedSize);
    this.#uncompressed.push(location.uncompressedSize);
    this.#checksums.push(location.crc32);
    this.#deflated.push(location.method === 8 ? 1 : 0);
  }

  /**
   * Puts them into natural order, when all are there.
   * @returns a path that two of them have, if there is one
   */
  sort(): string | undefined {
    const order = sortedIndices(this.length, (a, b) => this.#paths.compare(a, b));
    this.#order = order;
    const twin = order.findIndex(
      (b, i) => i > 0 && this.#paths.compare(order[i - 1] ?? 0, b) === 0,
    );
    return twin < 0 ? undefined : this.at(twin).path;
  }

  folderOf(index: number): number {
    return this.#paths.folderOf(this.#entry(index));
  }

  at(index: number): ImageSource {
    const i = this.#entry(index);
    const entry: ZipEntryLocation = {
      headerOffset: this.#offsets.at(i),
      compressedSize: this.#compressed.at(i),
      uncompressedSize: this.#uncompressed.at(i),
      method: this.#deflated.at(i) === 1 ? 8 : 0,
      crc32: this.#checksums.at(i),
    };
    return { path: `${this.#prefix}${this.#paths.at(i)}`, file: this.#file, entry };
  }

  #entry(index: number): number {
    const entry = this.#order === undefined ? index : this.#order[index];
    if (entry === undefined) {
      throw new RangeError(`Expected an index below ${this.length} but received ${index}`);
    }
    return entry;
  }
}
