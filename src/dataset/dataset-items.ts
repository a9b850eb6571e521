/** The images of a data set with their labels, in the order on which splits depend. */
import type { ImageSource } from '../imaging/source.js';
import type { ImageList } from './image-list.js';

export interface DatasetItem {
  readonly source: ImageSource;
  /** Index into the classes. */
  readonly label: number;
}

/** Class by class; within a class in the order of the list they are from. */
export class DatasetItems implements Iterable<DatasetItem> {
  readonly #images: ImageList;
  readonly #labels: ReadonlyMap<number, number>;
  readonly #order: Uint32Array;

  /**
   * @param labels of each folder by its number in `images`: 0 to classes - 1, or -1 where its images
   * are left out
   */
  constructor(images: ImageList, classes: number, labels: ReadonlyMap<number, number>) {
    this.#images = images;
    this.#labels = labels;
    const ends = new Array<number>(classes).fill(0);
    for (let i = 0; i < images.length; i++) {
      const label = this.#labelOf(i);
      if (label >= 0) ends[label] = (ends[label] ?? 0) + 1;
    }
    let total = 0;
    const next = ends.map((count) => (total += count) - count);
    this.#order = new Uint32Array(total);
    for (let i = 0; i < images.length; i++) {
      const label = this.#labelOf(i);
      if (label >= 0) this.#order[next[label]!++] = i;
    }
  }

  get length(): number {
    return this.#order.length;
  }

  /** @throws RangeError outside of 0 to length - 1 */
  at(index: number): DatasetItem {
    const image = this.#image(index);
    return { source: this.#images.at(image), label: this.#labelOf(image) };
  }

  label(index: number): number {
    return this.#labelOf(this.#image(index));
  }

  /** Items from `begin` to before `end`, or to the last. */
  *range(begin: number, end = this.length): Generator<DatasetItem, void, undefined> {
    for (let i = begin; i < Math.min(end, this.length); i++) yield this.at(i);
  }

  [Symbol.iterator](): Generator<DatasetItem, void, undefined> {
    return this.range(0);
  }

  #image(index: number): number {
    const image = this.#order[index];
    if (image === undefined) {
      throw new RangeError(`Expected an index below ${this.length} but received ${index}`);
    }
    return image;
  }

  #labelOf(image: number): number {
    return this.#labels.get(this.#images.folderOf(image)) ?? -1;
  }
}
