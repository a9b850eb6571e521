/** How long work reports how far it is. The CLI draws it; the library only calls back. */

export interface Progress {
  /** The step under way: `decode`, `features`, `train`, `export`, `predict`, ... */
  readonly stage: string;
  /** Units done so far in this stage. */
  readonly done: number;
  /** Units in all, where known. */
  readonly total?: number;
  /** What is counted: `images`, `tiles`, `batches`, `bytes`. */
  readonly unit: string;
  /** Anything worth a line, such as the loss so far. */
  readonly note?: string;
  /** In the stage `train`. */
  readonly training?: TrainingProgress;
}

/** How far the training of the head is. */
export interface TrainingProgress {
  /** Within an epoch: training, then validation. */
  readonly phase: 'train' | 'validate';
  /** 1 for the first. */
  readonly epoch: number;
  readonly epochs: number;
  /** Of this phase of the epoch, done so far. */
  readonly batch: number;
  readonly batches: number;
  /** Of training, over the epoch so far. */
  readonly loss: number;
  /** Of training, over the epoch so far, 0 to 1. */
  readonly accuracy: number;
  /** In this phase, lately. */
  readonly tilesPerSecond?: number;
  /** Validation and checkpoint included. */
  readonly secondsLeftInEpoch?: number;
  /** If no callback ends training before its last epoch. */
  readonly secondsLeft?: number;
  /** Whether a callback may. */
  readonly mayEndEarlier: boolean;
}

/** Options that every long-running public function takes. */
export interface TaskOptions {
  onProgress?: (progress: Progress) => void;
  /** A line a user should see: what it runs on, a warning. */
  onMessage?: (message: string, level: 'info' | 'warning') => void;
  signal?: AbortSignal;
}
