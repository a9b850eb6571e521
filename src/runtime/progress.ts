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
}

/** Options that every long-running public function takes. */
export interface TaskOptions {
  onProgress?: (progress: Progress) => void;
  /** A line a user should see: what it runs on, a warning. */
  onMessage?: (message: string, level: 'info' | 'warning') => void;
  signal?: AbortSignal;
}
