/**
 * What of a training run survives a kill: the state after its last whole epoch, or within the one after it.
 *
 * Weights and optimiser are files named by epoch (and batch); `state.json` names the ones that count and is
 * replaced atomically after they are on disk, so it never points at half a file. The weights of the
 * best epoch are the file that was written then: nothing is written twice.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LungclsError, messageOf, systemErrorCode, writeError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { readSafetensors, writeSafetensors } from '../storage/safetensors.js';
import type { EarlyStoppingState, ReduceLrState } from './callbacks.js';
import type { EpochRecord, MeanState } from './history.js';
import type { HeadTrainer } from './head/head.js';

const STATE_FILE = 'state.json';
const VERSION = 1;

/** What of an epoch is done. */
export interface EpochProgress {
  readonly batches: number;
  readonly loss: MeanState;
  readonly accuracy: MeanState;
  readonly seconds: number;
}

/** Everything but the tensors. */
export interface TrainingState {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Of the epoch after them; absent between epochs. */
  readonly underWay?: EpochProgress;
  /** Steps of the epochs that are done. */
  readonly step: number;
  /** Of the next epoch. */
  readonly learningRate: number;
  readonly earlyStopping: EarlyStoppingState;
  readonly reduceLr: ReduceLrState;
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights are kept at the end, 1 for the first. */
  readonly bestEpoch: number;
  /** Why training is over; absent while it is not. */
  readonly stopReason?: string;
  /** What it ran on: on anything else it continues, but not with the same last bits. */
  readonly runsOn: string;
}

type Position = Pick<TrainingState, 'epoch' | 'underWay'>;

/** `3` after the third epoch, `3-20` twenty batches later. */
const label = ({ epoch, underWay }: Position): string =>
  underWay === undefined ? String(epoch) : `${String(epoch)}-${String(underWay.batches)}`;
const weightsFile = (position: Position): string => `weights-${label(position)}.safetensors`;
const optimizerFile = (position: Position): string => `optimizer-${label(position)}.safetensors`;

export class Checkpoint {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Stores the state after an epoch, or within one; afterwards the state before it is gone.
   * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
   */
  async save(head: HeadTrainer, state: TrainingState): Promise<void> {
    try {
      await mkdir(this.directory, { recursive: true });
    } catch (error) {
      throw writeError(error, this.directory);
    }
    const metadata = { format: 'pt', epoch: String(state.epoch) };
    const path = (name: string): string => join(this.directory, name);
    await writeSafetensors(path(weightsFile(state)), await head.weights(), metadata);
    const over = state.stopReason !== undefined;
    if (!over) {
      await writeSafetensors(path(optimizerFile(state)), await head.optimizerState(), metadata);
    }
    await writeFileAtomic(
      path(STATE_FILE),
      `${JSON.stringify({ version: VERSION, ...state }, null, 2)}\n`,
    );
    const best = weightsFile({ epoch: state.bestEpoch });
    // Training that is over needs only the weights that are kept.
    await this.#keepOnly(over ? [best] : [weightsFile(state), optimizerFile(state), best]);
  }

  /**
   * The state that an earlier process left, or undefined where there is none.
   * @throws LungclsError CHECKPOINT_INVALID
   */
  async readState(): Promise<TrainingState | undefined> {
    const path = join(this.directory, STATE_FILE);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw invalid(path, messageOf(error), error);
    }
    try {
      const value = JSON.parse(text) as TrainingState & { version?: unknown };
      if (value.version !== VERSION || !Array.isArray(value.history)) {
        throw new Error(`expected version ${String(VERSION)}`);
      }
      const batches = value.underWay?.batches ?? 1;
      if (!Number.isSafeInteger(batches) || batches < 1) {
        throw new Error(`expected a number of batches but found ${String(batches)}`);
      }
      return value;
    } catch (error) {
      throw invalid(path, messageOf(error), error);
    }
  }

  /**
   * Puts weights and optimiser back as they were when the state was stored.
   * @throws LungclsError CHECKPOINT_INVALID
   */
  async restore(head: HeadTrainer, state: TrainingState): Promise<void> {
    await this.#read(weightsFile(state), (tensors) => {
      head.setWeights(tensors);
    });
    await this.#read(optimizerFile(state), (tensors) => {
      head.setOptimizerState(tensors);
    });
  }

  /**
   * Puts the weights of an epoch that is still stored in the head.
   * @throws LungclsError CHECKPOINT_INVALID
   */
  async restoreWeights(head: HeadTrainer, epoch: number): Promise<void> {
    await this.#read(weightsFile({ epoch }), (tensors) => {
      head.setWeights(tensors);
    });
  }

  async #read(
    name: string,
    use: (tensors: Awaited<ReturnType<typeof readSafetensors>>['tensors']) => void,
  ): Promise<void> {
    const path = join(this.directory, name);
    try {
      use((await readSafetensors(path)).tensors);
    } catch (error) {
      throw invalid(path, messageOf(error), error);
    }
  }

  async #keepOnly(names: readonly string[]): Promise<void> {
    const kept = new Set([STATE_FILE, ...names]);
    for (const name of await readdir(this.directory)) {
      if (!kept.has(name)) await rm(join(this.directory, name), { force: true });
    }
  }
}

function invalid(path: string, why: string, cause: unknown): LungclsError {
  return new LungclsError(
    'CHECKPOINT_INVALID',
    `The checkpoint ${path} cannot be used: ${why}. Remove the folder it is in to start anew`,
    { path, cause },
  );
}
