/** What training records of each epoch. */
import { csvLine } from '../storage/csv.js';

/** Losses are mean categorical cross-entropies, accuracies 0 to 1, both as Keras's history has them. */
export interface EpochRecord {
  /** 1 for the first. */
  readonly epoch: number;
  /** Over the epoch's batches while the weights move, with dropout. */
  readonly loss: number;
  readonly accuracy: number;
  /** On the validation part, after the epoch. */
  readonly valLoss: number;
  readonly valAccuracy: number;
  /** With which the epoch was trained. */
  readonly learningRate: number;
  readonly seconds: number;
}

/** What a running mean has taken in. */
export interface MeanState {
  readonly total: number;
  readonly count: number;
}

/**
 * Keras's running mean over batches: float32 totals, each batch weighted by its rows
 * (keras/src/metrics/reduction_metrics.py).
 */
export class RunningMean {
  #total: number;
  #count: number;

  /** @param state of an earlier one, to go on from */
  constructor({ total, count }: MeanState = { total: 0, count: 0 }) {
    this.#total = total;
    this.#count = count;
  }

  get state(): MeanState {
    return { total: this.#total, count: this.#count };
  }

  /** @param mean of a batch of `rows` rows */
  add(mean: number, rows: number): void {
    this.addSum(Math.fround(Math.fround(mean) * rows), rows);
  }

  addSum(sum: number, rows: number): void {
    this.#total = Math.fround(this.#total + sum);
    this.#count += rows;
  }

  /** NaN before the first batch. */
  get value(): number {
    return Math.fround(this.#total / this.#count);
  }
}

/** The history as CSV; numbers with the digits that a float32 carries. */
export function historyCsv(history: readonly EpochRecord[]): string {
  const digits = (value: number): number => Number(value.toPrecision(7));
  return [
    csvLine(['epoch', 'loss', 'accuracy', 'val_loss', 'val_accuracy', 'learning_rate', 'seconds']),
    ...history.map((e) =>
      csvLine([
        e.epoch,
        ...[e.loss, e.accuracy, e.valLoss, e.valAccuracy, e.learningRate].map(digits),
        Number(e.seconds.toFixed(3)),
      ]),
    ),
  ].join('');
}
