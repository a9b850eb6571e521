/** Tells whether the images of a data set are still those of an earlier run, or of the run's beginning. */
import { createHash } from 'node:crypto';
import { LungclsError } from '../errors.js';
import { fileState, sourceState, stateDigest, type StateKind } from '../imaging/source-state.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { Dataset } from './dataset.js';
import type { DatasetItem, DatasetItems } from './dataset-items.js';

/** Files looked at at once; each that is read takes a megabyte. */
const PARALLEL: Readonly<Record<StateKind, number>> = { stat: 64, content: 8 };

/** The images of a data set as they were when it was opened. */
export class DatasetState {
  /**
   * SHA-256 (hex) over every image's path, label and state; of an archive over its own state and its
   * entries' positions and checksums. Where files lie does not count.
   */
  readonly identity: string;
  readonly #dataset: Dataset;
  readonly #kind: StateKind;
  readonly #states: BigUint64Array;
  readonly #archive: string;

  private constructor(
    dataset: Dataset,
    kind: StateKind,
    facts: { identity: string; states: BigUint64Array; archive: string },
  ) {
    this.identity = facts.identity;
    this.#dataset = dataset;
    this.#kind = kind;
    this.#states = facts.states;
    this.#archive = facts.archive;
  }

  /**
   * @param kind what tells one state of a file from another
   * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | ABORTED
   */
  static async of(dataset: Dataset, kind: StateKind, signal?: AbortSignal): Promise<DatasetState> {
    const hash = createHash('sha256');
    const zip = dataset.kind === 'zip';
    // Reading an archive again for every batch would take too long; its entries have checksums.
    const archive = zip ? await fileState(dataset.input, 'stat') : '';
    if (zip) hash.update(kind === 'stat' ? archive : await fileState(dataset.input, kind));
    const states = new BigUint64Array(zip ? 0 : dataset.items.length);
    let at = 0;
    for await (const { item, state } of statesOf(dataset.items, 0, dataset.items.length, kind)) {
      throwIfAborted(signal);
      hash.update(`${JSON.stringify([item.source.path, item.label])} ${state}\n`);
      if (!zip) states[at++] = stateDigest(state);
    }
    return new DatasetState(dataset, kind, { identity: hash.digest('hex'), states, archive });
  }

  /**
   * Which of the `count` items from `begin` on are no longer as they were: to be asked once they have
   * been read, so that no bytes of another state pass for those that were listed.
   * @throws LungclsError INPUT_CHANGED where the archive as a whole has changed | INPUT_UNREADABLE
   */
  async changed(begin: number, count: number): Promise<boolean[]> {
    if (this.#dataset.kind === 'zip') {
      const { input } = this.#dataset;
      if ((await fileState(input, 'stat')) !== this.#archive) {
        throw new LungclsError(
          'INPUT_CHANGED',
          `The archive ${input} changed while it was being read; run the command again`,
          { path: input },
        );
      }
      return new Array<boolean>(count).fill(false);
    }
    const changed: boolean[] = [];
    const { items } = this.#dataset;
    for await (const { state } of statesOf(items, begin, begin + count, this.#kind)) {
      changed.push(stateDigest(state) !== this.#states[begin + changed.length]);
    }
    return changed;
  }
}

/** The states of items from `begin` to before `end`, in order, several at a time. */
async function* statesOf(
  items: DatasetItems,
  begin: number,
  end: number,
  kind: StateKind,
): AsyncGenerator<{ item: DatasetItem; state: string }> {
  for (let first = begin; first < end; first += PARALLEL[kind]) {
    const some = [...items.range(first, Math.min(first + PARALLEL[kind], end))];
    const states = await Promise.all(some.map((item) => sourceState(item.source, kind)));
    for (const [i, item] of some.entries()) yield { item, state: states[i] ?? '' };
  }
}
