/**
 * Keras files read in a thread of their own: the HDF5 library, given a damaged file, may go round in
 * circles, or leave its memory in a state in which it fails from then on.
 */
import { LungclsError, messageOf } from '../errors.js';
import { WatchedThread } from '../runtime/watched-thread.js';
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
  const thread = new WatchedThread(new URL('./keras-thread.js', import.meta.url), 'HDF5');
  try {
    const limit = LEAST_MS + bytes.length / BYTES_PER_MS;
    const reply = (await thread.ask(request, limit)) as KerasReply;
    if ('tensors' in reply) return reply.tensors;
    throw reply.isOurs ? new LungclsError('BASE_INVALID', reply.message) : new Error(reply.message);
  } catch (error) {
    if (error instanceof LungclsError) throw error;
    throw new LungclsError('BASE_INVALID', `${what} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await thread.close();
  }
}
