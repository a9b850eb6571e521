/** Equally long rows of a file, such as an .npy's, read through a memory map. */
import { LungclsError, messageOf } from '../errors.js';
import { loadAddon, type NativeMappedRows } from './binding.js';
import { nativeStatus } from './status.js';

export interface MappedRowsLayout {
  /** Byte offset of the first row. */
  readonly offset: number;
  /** Bytes a row, at least 1. */
  readonly rowBytes: number;
  /** Number of rows, less than 2^32. */
  readonly rows: number;
}

/**
 * Rows of a mapped file. Gathering runs on the native thread pool; the arrays given to it must not be
 * changed, nor transferred to another thread, until its promise is settled. The file must not be cut
 * short while it is open here.
 */
export class MappedRows {
  readonly path: string;
  readonly rows: number;
  readonly rowBytes: number;
  #native: NativeMappedRows | undefined;

  private constructor(path: string, layout: MappedRowsLayout, native: NativeMappedRows) {
    this.path = path;
    this.rows = layout.rows;
    this.rowBytes = layout.rowBytes;
    this.#native = native;
  }

  /**
   * @throws LungclsError INPUT_NOT_FOUND or INPUT_UNREADABLE, the latter also when the file is shorter
   * than the layout says; INVALID_OPTION for a layout that makes no sense.
   */
  static open(path: string, layout: MappedRowsLayout): MappedRows {
    checkLayout(layout);
    const addon = loadAddon();
    try {
      const native = new addon.MappedRows(path, layout.offset, layout.rowBytes, layout.rows);
      return new MappedRows(path, layout, native);
    } catch (error) {
      const code = nativeStatus(statusOf(error));
      throw new LungclsError(
        code === 'INPUT_NOT_FOUND' ? code : 'INPUT_UNREADABLE',
        `Cannot map ${path}: ${messageOf(error)}`,
        { cause: error, path },
      );
    }
  }

  /**
   * Copies rows, in the order of `rows`, one after the other into `out`.
   * @throws LungclsError CLOSED after close(); a TypeError for a row number out of range or too small
   * an array.
   */
  async gatherBytes(rows: Uint32Array | Int32Array, out: Uint8Array): Promise<void> {
    await this.#open().gatherBytes(rows, out);
  }

  /** The same for rows of float16, widened to float32: rowBytes / 2 numbers a row. */
  async gatherHalfToFloat(rows: Uint32Array | Int32Array, out: Float32Array): Promise<void> {
    await this.#open().gatherHalfToFloat(rows, out);
  }

  /**
   * Of rows of float16 that are maps with their channels innermost, each channel's mean over the positions: summed
   * in order in float64, rounded to float32 once.
   * @param channels divides the halves of a row
   * @param out takes `channels` numbers a row
   */
  async averageHalf(
    rows: Uint32Array | Int32Array,
    channels: number,
    out: Float32Array,
  ): Promise<void> {
    await this.#open().averageHalf(rows, channels, out);
  }

  /** Ends the mapping, once what is under way has ended. May be called again. */
  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }

  #open(): NativeMappedRows {
    if (this.#native === undefined) {
      throw new LungclsError('CLOSED', `The rows of ${this.path} have been closed`, {
        path: this.path,
      });
    }
    return this.#native;
  }
}

function checkLayout(layout: MappedRowsLayout): void {
  for (const [name, least, most] of [
    ['offset', 0, Number.MAX_SAFE_INTEGER],
    ['rowBytes', 1, Number.MAX_SAFE_INTEGER],
    ['rows', 0, 2 ** 32 - 1],
  ] as const) {
    const value = layout[name];
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected an integer from ${String(least)} to ${String(most)} for ${name} but received ${String(value)} of type ${typeof value}`,
      );
    }
  }
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  return typeof error.status === 'number' ? error.status : undefined;
}
