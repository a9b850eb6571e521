/** How far training is, how fast it goes, and how long it will take. */
import type { TaskOptions, TrainingProgress } from '../runtime/progress.js';

/**
 * What a validation tile costs of a training tile until it has been measured: its forward pass is one of
 * the three products of a training step.
 */
const VALIDATION_SHARE = 1 / 3;

/** How much of what was measured before a batch counts after it: about the last fifty count. */
const MEMORY = 0.98;

export interface FitProgressOptions extends Pick<TaskOptions, 'onProgress'> {
  readonly epochs: number;
  readonly batchSize: number;
  readonly trainTiles: number;
  readonly validationTiles: number;
  /** Whether a callback may end training before its last epoch. */
  readonly mayEndEarlier: boolean;
  /** Milliseconds of a clock that only goes forward; tests give their own. */
  readonly now?: () => number;
}

/** Seconds a tile, lately. */
class Pace {
  #tiles = 0;
  #seconds = 0;

  add(tiles: number, seconds: number): void {
    this.#tiles = MEMORY * this.#tiles + tiles;
    this.#seconds = MEMORY * this.#seconds + seconds;
  }

  /** Undefined before the first batch. */
  get secondsPerTile(): number | undefined {
    return this.#tiles === 0 ? undefined : this.#seconds / this.#tiles;
  }
}

export class FitProgress {
  readonly #options: FitProgressOptions;
  readonly #now: () => number;
  readonly #training = new Pace();
  readonly #validation = new Pace();
  #storing = 0;
  #lap: number;
  #epoch = 1;
  #trained = 0;
  #validated = 0;
  #loss = NaN;
  #accuracy = NaN;

  constructor(options: FitProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#lap = this.#now();
  }

  /**
   * @param epoch 1 for the first
   * @param batches of it that an earlier process trained
   */
  epochBegins(epoch: number, batches: number): void {
    this.#epoch = epoch;
    this.#trained = batches * this.#options.batchSize;
    this.#validated = 0;
    this.#elapsed();
  }

  /** After a batch: loss and accuracy are means over the epoch so far. */
  trained(tiles: number, loss: number, accuracy: number): void {
    this.#training.add(tiles, this.#elapsed());
    this.#trained += tiles;
    this.#loss = loss;
    this.#accuracy = accuracy;
    this.#report('train');
  }

  validated(tiles: number): void {
    this.#validation.add(tiles, this.#elapsed());
    this.#validated += tiles;
    this.#report('validate');
  }

  /** After a checkpoint. */
  stored(): void {
    this.#storing = this.#elapsed();
  }

  /** Seconds since the last event. */
  #elapsed(): number {
    const before = this.#lap;
    this.#lap = this.#now();
    return (this.#lap - before) / 1000;
  }

  #report(phase: TrainingProgress['phase']): void {
    const { onProgress, epochs, batchSize, trainTiles, validationTiles } = this.#options;
    if (onProgress === undefined) return;
    const perEpoch = Math.ceil(trainTiles / batchSize);
    const batch = Math.ceil(this.#trained / batchSize);
    const pace = phase === 'train' ? this.#training : this.#validation;
    const perTile = pace.secondsPerTile ?? 0;
    const training: TrainingProgress = {
      phase,
      epoch: this.#epoch,
      epochs,
      batch: phase === 'train' ? batch : Math.ceil(this.#validated / batchSize),
      batches: phase === 'train' ? perEpoch : Math.ceil(validationTiles / batchSize),
      loss: this.#loss,
      accuracy: this.#accuracy,
      ...(perTile > 0 ? { tilesPerSecond: 1 / perTile } : {}),
      ...this.#timeLeft(),
    };
    onProgress({
      stage: 'train',
      done: (this.#epoch - 1) * perEpoch + batch,
      total: epochs * perEpoch,
      unit: 'batches',
      note: `epoch ${String(this.#epoch)}/${String(epochs)}, batch ${String(batch)}/${String(perEpoch)}, loss ${this.#loss.toFixed(4)}, accuracy ${this.#accuracy.toFixed(4)}`,
      training,
    });
  }

  #timeLeft(): Pick<TrainingProgress, 'secondsLeftInEpoch' | 'secondsLeft' | 'mayEndEarlier'> {
    const { epochs, trainTiles, validationTiles } = this.#options;
    const training = this.#training.secondsPerTile;
    const validation =
      this.#validation.secondsPerTile ??
      (training === undefined ? undefined : VALIDATION_SHARE * training);
    const mayEndEarlier = this.#options.mayEndEarlier && this.#epoch < epochs;
    if (validation === undefined) return { mayEndEarlier };
    const cost = (trained: number, validated: number): number =>
      trained * (training ?? validation / VALIDATION_SHARE) +
      validated * validation +
      this.#storing;
    const secondsLeftInEpoch = cost(trainTiles - this.#trained, validationTiles - this.#validated);
    return {
      secondsLeftInEpoch,
      secondsLeft: secondsLeftInEpoch + (epochs - this.#epoch) * cost(trainTiles, validationTiles),
      mayEndEarlier,
    };
  }
}
