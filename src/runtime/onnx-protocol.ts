/** What the session's worker and its owner say to each other. */

import type { Accelerator } from './device.js';

export type ProviderName = 'cpu' | Accelerator;

/** A way to run the model: ONNX Runtime's execution providers for it, the first one being asked first for each node. */
export interface Attempt {
  readonly provider: ProviderName;
  /** Which of them; the provider chooses if undefined. */
  readonly number: number | undefined;
}

/** How the worker is started. */
export interface WorkerStart {
  readonly model: string | Uint8Array;
  /** What to try, in this order. */
  readonly attempts: readonly Attempt[];
  readonly threads: number;
  /** Two Int32, at the indices of FLAGS. */
  readonly flags: SharedArrayBuffer;
}

/** What both threads look at without a message. */
export const FLAGS = {
  /** 1 once queued runs are to be dropped. */
  stop: 0,
  /** 1 while the worker is inside ONNX Runtime, where it must not be ended. */
  busy: 1,
} as const;

/** A run: the input's bytes are moved into the worker, and moved back with the answer. */
export interface RunRequest {
  readonly kind: 'run';
  readonly id: number;
  readonly input: ArrayBuffer;
  /** Bytes of `input` that are in use. */
  readonly length: number;
  readonly shape: readonly number[];
  /** Names of the outputs to give; all if undefined. */
  readonly outputs?: readonly string[] | undefined;
}

export interface CloseRequest {
  readonly kind: 'close';
}

export type Request = RunRequest | CloseRequest;

export interface OutputTensor {
  data: Float32Array;
  shape: number[];
}

export type Reply =
  | {
      kind: 'ready';
      provider: ProviderName;
      version: string;
      outputs: readonly string[];
      failures: ProviderFailure[];
    }
  | { kind: 'failed'; failures: ProviderFailure[] }
  | { kind: 'result'; id: number; input: ArrayBuffer; outputs: Map<string, OutputTensor> }
  | { kind: 'error'; id: number; message: string };

/** Why a provider could not take the model. */
export interface ProviderFailure {
  readonly provider: ProviderName;
  readonly message: string;
}
