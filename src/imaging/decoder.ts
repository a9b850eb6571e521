/** Encoded images in, batches of uint8 RGB tiles out, decoded ahead of their use. */
import { throwIfAborted } from '../runtime/abort.js';
import { resolveDecodeOptions, type DecodeOptions } from './decode-options.js';
import { SlotDecoder } from './slot-decoder.js';
import type { ImageSource } from './source.js';
import type { TileBatch } from './tile-batch.js';

export type { DecodeOptions } from './decode-options.js';
export type { TileBatch, TileResult, TileStatus } from './tile-batch.js';

/**
 * Decodes images to square RGB tiles, `batchSize` at a time, in input order, on native threads. While
 * one batch is in use, up to slots - 1 more are made; then decoding waits for release().
 *
 * The pixels of a JPEG are OpenCV's, bit for bit: imread, then resize to size x size with INTER_LINEAR,
 * or as `resize` says. PNG, TIFF, WebP and BMP are decoded by other libraries and resized likewise. An image that fails has
 * a status and a message in its batch; it does not throw.
 *
 * @throws LungclsError INVALID_OPTION, ADDON_MISSING; ABORTED once the signal has fired; whatever
 * `sources` throws.
 */
export async function* decodeTiles(
  sources: Iterable<ImageSource> | AsyncIterable<ImageSource>,
  options: DecodeOptions,
): AsyncGenerator<TileBatch, void, undefined> {
  const resolved = resolveDecodeOptions(options);
  const { signal, slots } = resolved;
  throwIfAborted(signal);
  const decoder = new SlotDecoder(resolved);
  const chunks = chunked(sources, resolved.batchSize);
  const interruption = new Interruption(signal, () => {
    decoder.cancel();
  });
  const underWay: Promise<TileBatch>[] = [];
  let reading: Promise<readonly ImageSource[] | undefined> | undefined;
  let ended = false;
  try {
    for (;;) {
      if (!ended && underWay.length < slots && decoder.hasFreeSlot) reading ??= chunks.next();
      const first = underWay[0];
      if (ended && first === undefined) return;
      // Whichever comes first: more to decode, a batch that is ready, a buffer, or the end.
      const event = await Promise.race([
        ...(first === undefined ? [] : [first.then(() => 'ready' as const)]),
        ...(reading === undefined ? [] : [reading.then(() => 'read' as const)]),
        ...(first === undefined && reading === undefined
          ? [decoder.freeSlot().then(() => 'free' as const)]
          : []),
        interruption.wait(),
      ]);
      throwIfAborted(signal);
      if (event === 'read') {
        const chunk = await reading;
        reading = undefined;
        if (chunk === undefined) ended = true;
        else underWay.push(quiet(decoder.decode(chunk)));
      } else if (event === 'ready' && first !== undefined) {
        const batch = await first;
        void underWay.shift();
        yield batch;
        throwIfAborted(signal);
      }
    }
  } finally {
    interruption.dispose();
    decoder.cancel();
    for (const settled of await Promise.allSettled(underWay)) {
      if (settled.status === 'fulfilled') settled.value.release();
    }
    decoder.close();
    void quiet(reading ?? Promise.resolve(undefined));
    chunks.close();
  }
}

/** Calls `onAbort` once the signal has fired, and then ends the current wait. */
class Interruption {
  readonly #signal: AbortSignal | undefined;
  readonly #listener: () => void;
  #endWait: (() => void) | undefined;

  constructor(signal: AbortSignal | undefined, onAbort: () => void) {
    this.#signal = signal;
    this.#listener = () => {
      onAbort();
      this.#endWait?.();
    };
    signal?.addEventListener('abort', this.#listener, { once: true });
  }

  /**
   * A promise of this wait alone: racing against one that lives as long as the signal would pile up
   * reactions on it.
   */
  wait(): Promise<'aborted'> {
    return new Promise((resolve) => {
      this.#endWait = () => {
        resolve('aborted');
      };
    });
  }

  dispose(): void {
    this.#signal?.removeEventListener('abort', this.#listener);
  }
}

/** Keeps a failure that nobody has come to await yet from ending the process. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

interface Chunks {
  /** The next `length` sources or the rest of them; undefined at the end. */
  next(): Promise<readonly ImageSource[] | undefined>;
  /** Lets go of the sources, without waiting. */
  close(): void;
}

function chunked(
  sources: Iterable<ImageSource> | AsyncIterable<ImageSource>,
  length: number,
): Chunks {
  const iterator =
    Symbol.asyncIterator in sources ? sources[Symbol.asyncIterator]() : sources[Symbol.iterator]();
  let ended = false;
  return {
    next: async () => {
      const chunk: ImageSource[] = [];
      while (!ended && chunk.length < length) {
        const item = await iterator.next();
        if (item.done === true) ended = true;
        else chunk.push(item.value);
      }
      return chunk.length === 0 ? undefined : chunk;
    },
    close: () => {
      if (ended) return;
      ended = true;
      void quiet(Promise.resolve(iterator.return?.(undefined)));
    },
  };
}
