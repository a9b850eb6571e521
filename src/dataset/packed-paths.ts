/** Many paths in little more room than the bytes of their names: each folder is kept once. */
import { Column } from '../storage/column.js';
import { compareNames, comparePaths } from './natural-order.js';
import { PackedNames } from './packed-names.js';

/** '/'-separated paths by their numbers, 0, 1, 2 ... */
export class PackedPaths {
  readonly #folders: string[] = [];
  readonly #segments: (readonly string[])[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #folderOf = new Column(Uint32Array);
  readonly #names = new PackedNames();

  get length(): number {
    return this.#names.length;
  }

  /** Their folders, as they came; '' for paths without one. */
  get folders(): readonly string[] {
    return this.#folders;
  }

  push(path: string): void {
    const cut = path.lastIndexOf('/');
    const folder = path.slice(0, Math.max(cut, 0));
    let number = this.#numbers.get(folder);
    if (number === undefined) {
      number = this.#folders.push(folder) - 1;
      this.#segments.push(folder === '' ? [] : folder.split('/'));
      this.#numbers.set(folder, number);
    }
    this.#folderOf.push(number);
    this.#names.push(path.slice(cut + 1));
  }

  at(index: number): string {
    const folder = this.#folders[this.folderOf(index)] ?? '';
    return folder === '' ? this.#names.at(index) : `${folder}/${this.#names.at(index)}`;
  }

  /** Which of `folders` a path is in. */
  folderOf(index: number): number {
    return this.#folderOf.at(index);
  }

  /** Compares two paths in natural order, folder by folder; zero for equal paths only. */
  compare(a: number, b: number): number {
    const first = this.folderOf(a);
    const second = this.folderOf(b);
    if (first === second) return this.#names.compare(a, b);
    return this.#compareAcross(this.#segments[first] ?? [], this.#segments[second] ?? [], a, b);
  }

  #compareAcross(
    folderA: readonly string[],
    folderB: readonly string[],
    a: number,
    b: number,
  ): number {
    const common = Math.min(folderA.length, folderB.length);
    for (let i = 0; i < common; i++) {
      if (folderA[i] !== folderB[i]) return compareNames(folderA[i] ?? '', folderB[i] ?? '');
    }
    return comparePaths(
      [...folderA.slice(common), this.#names.at(a)],
      [...folderB.slice(common), this.#names.at(b)],
    );
  }
}
