/** Random access to a file through one window, so that a central directory costs few reads. */
import type { FileHandle } from 'node:fs/promises';
import { RandomAccessReader } from 'yauzl';

const WINDOW_BYTES = 1 << 20;

/** What yauzl reads an archive through. It asks for some 50 bytes at a time, mostly in order. */
export class WindowReader extends RandomAccessReader {
  readonly #file: FileHandle;
  #window = Buffer.alloc(0);
  #start = 0;

  constructor(file: FileHandle) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.#read(buffer.subarray(offset, offset + length), position).then(
      (bytesRead) => {
        callback(null, bytesRead);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  /** The caller owns the file handle. */
  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }

  async #read(target: Buffer, position: number): Promise<number> {
    const inside = position - this.#start;
    if (inside < 0 || inside + target.length > this.#window.length) {
      const window = Buffer.alloc(Math.max(WINDOW_BYTES, target.length));
      const { bytesRead } = await this.#file.read(window, 0, window.length, position);
      this.#window = window.subarray(0, bytesRead);
      this.#start = position;
    }
    return this.#window.copy(target, 0, position - this.#start);
  }
}
