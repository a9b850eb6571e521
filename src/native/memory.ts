/** Memory outside of V8: what image buffers are made of, and how to be rid of a buffer at once. */
import { cudaDriver } from '../config.js';
import { loadAddon } from './binding.js';

/**
 * `pinned`: page-locked by the CUDA driver, which is looked for at run time, so that a GPU copies from
 * it at full speed. `huge-pages`: ordinary memory for which the system gives huge pages. `plain`: neither.
 */
export type MemoryKind = 'pinned' | 'huge-pages' | 'plain';

export interface BufferMemory {
  readonly kind: MemoryKind;
  /** Why it is nothing better; empty for `pinned`. */
  readonly reason: string;
}

/**
 * What a decoder's buffers are made of on this machine, found out by making one. Where there is a CUDA
 * driver, the first call of the process starts it.
 * @throws LungclsError ADDON_MISSING
 */
export function bufferMemory(): BufferMemory {
  return loadAddon().probeMemory(cudaDriver());
}

/**
 * Frees what an array stands in, now. Left to V8, large buffers that come and go make it collect the whole
 * heap again and again: `node --trace-gc` calls it "external memory pressure".
 * The array and all others in its buffer have length 0 afterwards.
 * @throws LungclsError ADDON_MISSING
 */
export function freeArray({ buffer }: { readonly buffer: ArrayBufferLike }): void {
  // Shared memory has other owners.
  if (buffer instanceof ArrayBuffer) loadAddon().freeBuffer(buffer);
}
