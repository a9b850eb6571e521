import { LungclsError } from '../errors.js';

/** @throws LungclsError ABORTED once the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new LungclsError('ABORTED', 'Stopped before the end; run the same command to continue', {
      cause: signal.reason,
    });
  }
}
