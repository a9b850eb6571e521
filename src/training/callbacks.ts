/**
 * What decides, after each epoch, about the learning rate and the end: Keras 3's EarlyStopping and
 * ReduceLROnPlateau (keras/src/callbacks, version 3.15) and the recipe's stop at a target accuracy.
 * Keras compares float32 numbers, so the comparisons here round to float32 first.
 */

const f = Math.fround;

export interface EarlyStoppingState {
  best: number | undefined;
  /** The epoch with the best value, 1 for the first; its weights are restored at the end. */
  bestEpoch: number;
  wait: number;
}

export interface EarlyStoppingOptions {
  readonly patience: number;
  /** Smallest rise that counts as an improvement; 0, Keras's default, if not given. */
  readonly minDelta?: number;
}

/**
 * EarlyStopping(monitor="val_accuracy", mode "max", restore_best_weights=True). Keras restores the
 * best weights at the end of training whether or not this callback ended it.
 */
export class EarlyStopping {
  readonly state: EarlyStoppingState;
  readonly #patience: number;
  readonly #minDelta: number;

  constructor({ patience, minDelta = 0 }: EarlyStoppingOptions, state?: EarlyStoppingState) {
    this.#patience = patience;
    this.#minDelta = minDelta;
    this.state = state ?? { best: undefined, bestEpoch: 0, wait: 0 };
  }

  /**
   * @param epoch 1 for the first
   * @returns whether it is the best so far, and whether training should stop
   */
  epochEnd(epoch: number, value: number): { best: boolean; stop: boolean } {
    const { state } = this;
    if (state.bestEpoch === 0) state.bestEpoch = epoch;
    state.wait++;
    if (state.best === undefined || f(value - this.#minDelta) > f(state.best)) {
      state.best = value;
      state.bestEpoch = epoch;
      state.wait = 0;
      return { best: true, stop: false };
    }
    // Keras never stops after the first epoch, even with patience 0.
    return { best: false, stop: state.wait >= this.#patience && epoch > 1 };
  }
}

export interface ReduceLrState {
  best: number | undefined;
  wait: number;
  cooldown: number;
}

export interface ReduceLrOptions {
  readonly patience: number;
  /** What the learning rate is multiplied with, above 0 and below 1. */
  readonly factor: number;
  /** Smallest change of the value that counts as an improvement. */
  readonly minDelta: number;
  /** Epochs after a reduction in which nothing is counted. */
  readonly cooldown: number;
  readonly minLearningRate: number;
}

/** Keras's defaults, where the recipe does not set them. */
export const REDUCE_LR_DEFAULTS = { minDelta: 1e-4, cooldown: 0, minLearningRate: 0 } as const;

/** ReduceLROnPlateau(monitor="val_loss", mode "min"). */
export class ReduceLrOnPlateau {
  readonly state: ReduceLrState;
  readonly #options: ReduceLrOptions;

  constructor(options: ReduceLrOptions, state?: ReduceLrState) {
    this.#options = options;
    this.state = state ?? { best: undefined, wait: 0, cooldown: 0 };
  }

  /** @returns the learning rate of the next epoch, a float32 number as Keras stores it */
  epochEnd(value: number, learningRate: number): number {
    const { state } = this;
    const { patience, factor, minDelta, cooldown, minLearningRate } = this.#options;
    if (state.cooldown > 0) {
      state.cooldown--;
      state.wait = 0;
    }
    if (state.best === undefined || f(value + minDelta) < f(state.best)) {
      state.best = value;
      state.wait = 0;
      return learningRate;
    }
    if (state.cooldown > 0) return learningRate;
    state.wait++;
    if (state.wait < patience || !(learningRate > f(minLearningRate))) return learningRate;
    state.cooldown = cooldown;
    state.wait = 0;
    return f(Math.max(learningRate * factor, minLearningRate));
  }
}

/** The recipe's own callback: training ends once validation accuracy is above the target. */
export function targetReached(valAccuracy: number, target: number): boolean {
  return valAccuracy > target;
}
