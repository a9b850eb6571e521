/**
 * What of a training run survives a kill: the state after its last whole epoch.
 *
 * Weights and optimiser are files named by epoch; `state.json` names the ones that count and is
 * replaced atomically after they are on disk, so it never points at half a file. The weights of the
 * best epoch are the file that was written then: nothing is written twice.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LungclsError, messageOf, systemErrorCode, writeError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { readSafetensors, writeSafetensors } from '../storage/safetensors.js';
import type { EarlyStoppingState, ReduceLrState } from './callbacks.js';
import type { EpochRecord } from './history.js';
import type { HeadTrainer } from './head/head.js';

const STATE_FILE = 'state.json';
const VERSION = 1;

/** Everything but the tensors. */
export interface TrainingState {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Steps that are done, over all epochs. */
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

const weightsFile = (epoch: number): string => `weights-${String(epoch)}.safetensors`;
const optimizerFile = (epoch: number): string => `optimizer-${String(epoch)}.safetensors`;

export class Checkpoint {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Stores the state after an epoch; afterwards the state before it is gone.
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
    await writeSafetensors(path(weightsFile(state.epoch)), await head.weights(), metadata);
    const over = state.stopReason !== undefined;
    if (!over) {
      await writeSafetensors(
        path(optimizerFile(state.epoch)),
        await head.optimizerState(),
        metadata,
      );
    }
    await writeFileAtomic(
      path(STATE_FILE),
      `${JSON.stringify({ version: VERSION, ...state }, null, 2)}\n`,
    );
    // Training that is over needs only the weights that are kept.
    await this.#keepOnly(
      over
        ? [weightsFile(state.bestEpoch)]
        : [weightsFile(state.epoch), optimizerFile(state.epoch), weightsFile(state.bestEpoch)],
    );
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
      return value;
    } catch (error) {
      throw invalid(path, messageOf(error), error);
    }
  }

  /**
   * Puts weights and optimiser back as they were after the state's epoch.
   * @throws LungclsError CHECKPOINT_INVALID
   */
  async restore(head: HeadTrainer, state: TrainingState): Promise<void> {
    await this.#read(weightsFile(state.epoch), (tensors) => {
      head.setWeights(tensors);
    });
    await this.#read(optimizerFile(state.epoch), (tensors) => {
      head.setOptimizerState(tensors);
    });
  }

  /**
   * Puts the weights of an epoch that is still stored in the head.
   * @throws LungclsError CHECKPOINT_INVALID
   */
  async restoreWeights(head: HeadTrainer, epoch: number): Promise<void> {
    await this.#read(weightsFile(epoch), (tensors) => {
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
