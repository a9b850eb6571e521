/** Fills slots of the native ring with batches, and lends them out. */
import { cudaDriver, LIMITS } from '../config.js';
import { LungclsError, messageOf } from '../errors.js';
import {
  loadAddon,
  nativeStatus,
  type NativeAddon,
  type NativeDecoderOptions,
  type NativeTileDecoder,
} from '../native/addon.js';
import { ImageFailure } from './decoded-image.js';
import type { ResolvedDecodeOptions } from './decode-options.js';
import { sourceNumbers, nativeFile } from './native-source.js';
import { decodeOtherFormat } from './other-formats.js';
import type { ImageSource } from './source.js';
import { LentTileBatch, type TileBatch, type TileResult } from './tile-batch.js';

const OK: TileResult = { status: 'ok', message: '' };

function createDecoder(addon: NativeAddon, options: NativeDecoderOptions): NativeTileDecoder {
  try {
    return new addon.TileDecoder(options);
  } catch (error) {
    const bytes = options.size ** 2 * 3 * options.batchSize * options.slots;
    throw new LungclsError(
      'INVALID_OPTION',
      `There is no room for the buffers: size, batchSize and slots ask for ${String(bytes)} bytes (${messageOf(error)})`,
      { cause: error },
    );
  }
}

export class SlotDecoder {
  readonly #options: ResolvedDecodeOptions;
  readonly #native: NativeTileDecoder;
  readonly #free: number[];
  #wakeUp: (() => void) | undefined;

  constructor(options: ResolvedDecodeOptions) {
    const addon = loadAddon();
    // The pool serves every decoder of the process; this one takes no more than its own threads.
    if (options.threads > addon.threads()) addon.setThreads(options.threads);
    this.#options = options;
    this.#native = createDecoder(addon, {
      size: options.size,
      resize: options.resize,
      batchSize: options.batchSize,
      slots: options.slots,
      threads: options.threads,
      maxPixels: options.maxPixels,
      maxFileBytes: LIMITS.maxFileBytes,
      maxMemory: options.maxMemory,
      maxMilliseconds: Math.ceil(options.maxSeconds * 1000),
      keepDamaged: options.keepDamaged,
      sparse: true,
      cudaDriver: cudaDriver(),
    });
    options.onBuffers?.(this.#native.memory);
    this.#free = Array.from({ length: options.slots }, (_, i) => i);
  }

  get hasFreeSlot(): boolean {
    return this.#free.length > 0;
  }

  /** Resolves once a slot is free. */
  async freeSlot(): Promise<void> {
    if (this.hasFreeSlot) return;
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  /** Decodes up to batchSize sources into a free slot. Images that fail have a status, nothing throws. */
  async decode(sources: readonly ImageSource[]): Promise<TileBatch> {
    const slot = this.#free.pop();
    if (slot === undefined) throw new Error('There is no free slot');
    try {
      return await this.#decodeInto(slot, sources);
    } catch (error) {
      this.#giveBack(slot);
      throw error;
    }
  }

  async #decodeInto(slot: number, sources: readonly ImageSource[]): Promise<TileBatch> {
    const { statuses, messages } = await this.#native.decode(
      slot,
      sources.map(nativeFile),
      sourceNumbers(sources),
    );
    const results: TileResult[] = new Array<TileResult>(sources.length).fill(OK);
    const others: number[] = [];
    statuses.forEach((number, i) => {
      const status = nativeStatus(number);
      if (status === 'not-jpeg') others.push(i);
      else if (status !== 'ok') results[i] = { status, message: messages[i] ?? '' };
    });
    await this.#decodeOthers(slot, sources, others, results);
    const view = this.#native.view(slot, sources.length);
    return new LentTileBatch(sources, results, new Uint8Array(view), () => {
      this.#native.detach(view);
      this.#giveBack(slot);
    });
  }

  /** Images not yet begun get the status ABORTED. */
  cancel(): void {
    this.#native.cancel();
  }

  /** Gives the buffers back; those lent out stay valid until they are released. */
  close(): void {
    this.#native.close();
  }

  #giveBack(slot: number): void {
    this.#free.push(slot);
    this.#wakeUp?.();
    this.#wakeUp = undefined;
  }

  /** Decodes the sources numbered `rows`, several at a time. */
  async #decodeOthers(
    slot: number,
    sources: readonly ImageSource[],
    rows: readonly number[],
    results: TileResult[],
  ): Promise<void> {
    const queue = rows.values();
    const worker = async (): Promise<void> => {
      for (const row of queue) {
        const source = sources[row];
        if (source !== undefined) results[row] = await this.#decodeOther(slot, row, source);
      }
    };
    const workers = Math.min(this.#options.threads, rows.length);
    await Promise.all(Array.from({ length: workers }, worker));
  }

  async #decodeOther(slot: number, row: number, source: ImageSource): Promise<TileResult> {
    if (this.#options.signal?.aborted === true) return { status: 'ABORTED', message: 'Stopped' };
    try {
      const image = await decodeOtherFormat(source, this.#options);
      const damaged = image.warning !== undefined;
      if (!damaged || this.#options.keepDamaged) {
        await this.#native.place(slot, row, image.pixels, image.width, image.height);
      }
      return damaged ? { status: 'damaged', message: image.warning } : OK;
    } catch (error) {
      const code = error instanceof ImageFailure ? error.code : 'INTERNAL';
      return { status: code, message: messageOf(error) };
    }
  }
}
