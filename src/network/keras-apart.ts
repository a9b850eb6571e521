/**
 * Keras files read in a thread of their own: the HDF5 library, given a damaged file, may go round in
 * circles, or leave its memory in a state in which it fails from then on.
 */
import { Worker } from 'node:worker_threads';
import { LungclsError, messageOf } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';

export interface KerasRequest {
  readonly bytes: Uint8Array;
  readonly what: string;
}

export type KerasReply =
  | { readonly tensors: Map<string, NamedTensor> }
  | { readonly message: string; readonly isOurs: boolean };

/** A sound file takes far less: HDF5 reads hundreds of megabytes a second. */
const LEAST_MS = 10_000;
const BYTES_PER_MS = 10_000;

/**
 * The same as readKerasFile, for a file that nobody has looked at yet.
 * @throws LungclsError BASE_INVALID, also when HDF5 fails as a whole or does not come to an end
 */
export async function readKerasFileApart(
  bytes: Uint8Array,
  what: string,
): Promise<Map<string, NamedTensor>> {
  const request: KerasRequest = { bytes, what };
  const worker = new Worker(new URL('./keras-thread.js', import.meta.url), {
    workerData: request,
    // Not the caller's: with node --input-type the worker would not start.
    execArgv: [],
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const reply = await new Promise<KerasReply>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => {
        reject(new Error('HDF5 has ended its thread'));
      });
      const limit = LEAST_MS + bytes.length / BYTES_PER_MS;
      timer = setTimeout(() => {
        reject(new Error(`HDF5 has not come to an end in ${String(Math.round(limit / 1000))} s`));
      }, limit);
    });
    if ('tensors' in reply) return reply.tensors;
    throw reply.isOurs ? new LungclsError('BASE_INVALID', reply.message) : new Error(reply.message);
  } catch (error) {
    if (error instanceof LungclsError) throw error;
    throw new LungclsError('BASE_INVALID', `${what} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
