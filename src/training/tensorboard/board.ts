/**
 * TensorBoard's view of a run, in the layout of Keras 3's TensorBoard callback
 * (keras/src/callbacks/tensorboard.py, version 3.15): `train/` and `validation/`, tags `epoch_loss`, `epoch_accuracy`,
 * `epoch_learning_rate` at steps from 0, one an epoch, and `batch_loss`, `batch_accuracy` at steps from 1, one a batch.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LungclsError, writeError } from '../../errors.js';
import { writeFileAtomic } from '../../storage/atomic.js';
import type { EpochRecord } from '../history.js';
import { EventFiles, eventFiles, removeEventFiles } from './event-file.js';

/** Names the run whose curves a folder holds. */
const RUN_FILE = 'lungcls-run.json';
const TRAIN = 'train';
const VALIDATION = 'validation';

export interface BoardOptions {
  readonly directory: string;
  /** Fingerprint of everything the run depends on. */
  readonly run: string;
  /** Whether an earlier process had begun this run. */
  readonly resumed: boolean;
  /** Replace the curves of another run. */
  readonly force: boolean;
  /** Every how many batches their loss and accuracy are written; 0: never. */
  readonly everyBatches: number;
}

export class TensorBoard implements AsyncDisposable {
  readonly directory: string;
  readonly #train: EventFiles;
  readonly #validation: EventFiles;
  readonly #everyBatches: number;

  private constructor(
    directory: string,
    train: EventFiles,
    validation: EventFiles,
    everyBatches: number,
  ) {
    this.directory = directory;
    this.#train = train;
    this.#validation = validation;
    this.#everyBatches = everyBatches;
  }

  /**
   * Opens the folder, new or as an earlier process of the same run left it.
   * @throws LungclsError OUTPUT_EXISTS (curves of another run without `force`, or of another program) |
   *   OUTPUT_UNWRITABLE | DISK_FULL
   */
  static async open(options: BoardOptions): Promise<TensorBoard> {
    const { directory, run, resumed, force, everyBatches } = options;
    const folders = [TRAIN, VALIDATION].map((name) => join(directory, name));
    const before = await readRun(directory);
    for (const folder of folders) {
      const { own, others } = await eventFiles(folder);
      if (others.length > 0) {
        throw occupied(directory, 'event files of another program', 'give another folder');
      }
      if (own.length > 0 && before !== run && !force) {
        throw occupied(
          directory,
          'the curves of another run',
          'give --force to replace them, or another folder',
        );
      }
      if (!(resumed && before === run)) await removeEventFiles(folder);
    }
    try {
      await mkdir(directory, { recursive: true });
    } catch (error) {
      throw writeError(error, directory);
    }
    await writeFileAtomic(join(directory, RUN_FILE), `${JSON.stringify({ run })}\n`);
    const [train, validation] = await Promise.all([
      EventFiles.open(join(directory, TRAIN)),
      EventFiles.open(join(directory, VALIDATION)),
    ]);
    return new TensorBoard(directory, train, validation, everyBatches);
  }

  /** Writes the epochs that are not there yet. @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE */
  async epochs(history: readonly EpochRecord[]): Promise<void> {
    for (const e of history) {
      const step = e.epoch - 1;
      await this.#train.add(step, {
        epoch_accuracy: e.accuracy,
        epoch_loss: e.loss,
        epoch_learning_rate: e.learningRate,
      });
      await this.#validation.add(step, {
        epoch_accuracy: e.valAccuracy,
        epoch_loss: e.valLoss,
      });
    }
  }

  /**
   * @param step 1 for the first batch of the run
   * @param loss mean over the epoch so far, as Keras's logs have it
   * @param accuracy likewise
   * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
   */
  async batch(step: number, loss: number, accuracy: number): Promise<void> {
    if (this.#everyBatches === 0 || step % this.#everyBatches !== 0) return;
    await this.#train.add(step, { batch_accuracy: accuracy, batch_loss: loss });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#train.close();
    await this.#validation.close();
  }
}

async function readRun(directory: string): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, RUN_FILE), 'utf8'));
    if (typeof value === 'object' && value !== null && 'run' in value) {
      return typeof value.run === 'string' ? value.run : undefined;
    }
  } catch {
    // Absent, or no file of ours.
  }
  return undefined;
}

function occupied(directory: string, what: string, advice: string): LungclsError {
  return new LungclsError('OUTPUT_EXISTS', `${directory} holds ${what}; ${advice}`, {
    path: directory,
  });
}
