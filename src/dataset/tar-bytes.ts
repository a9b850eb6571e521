/** The bytes of an archive from the first to the last: of a file, or unpacked from one. */
import type { FileHandle } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { messageOf } from '../errors.js';
import { TarProblem } from './tar-header.js';

export interface SequentialBytes {
  /** Of the next byte. */
  readonly position: number;
  /** @throws TarProblem where there are not as many */
  read(length: number): Promise<Buffer>;
  /** Goes on at a later position. */
  skipTo(position: number): Promise<void>;
  /** Throws at once where it is known that there are not as many bytes. */
  check(position: number): void;
  /** Reads whatever is left, to find out whether it is sound. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

function cutOff(at: number): TarProblem {
  return new TarProblem('TAR_DAMAGED', `is cut off: it ends at byte ${at}, before its end mark`);
}

export class FileBytes implements SequentialBytes {
  position = 0;
  readonly #file: FileHandle;
  readonly #size: number;

  /** The caller closes the file. */
  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  async read(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, this.position);
    this.position += bytesRead;
    if (bytesRead < length) throw cutOff(this.position);
    return bytes;
  }

  check(position: number): void {
    if (position > this.#size) throw cutOff(this.#size);
  }

  skipTo(position: number): Promise<void> {
    this.position = position;
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class GzipBytes implements SequentialBytes {
  position = 0;
  readonly #stream: Gunzip;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  /** The caller closes the file. */
  constructor(file: FileHandle) {
    const source = file.createReadStream({ autoClose: false, start: 0, highWaterMark: 1 << 18 });
    this.#stream = createGunzip({ chunkSize: 1 << 18 });
    // pipe() leaves it to others to hand errors on.
    source.on('error', (error) => this.#stream.destroy(error));
    this.#stream.on('close', () => source.destroy());
    source.pipe(this.#stream);
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async read(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      if (this.#rest.length === 0 && !(await this.#more())) throw cutOff(this.position);
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      this.position += piece.length;
      missing -= piece.length;
      pieces.push(piece);
    }
    // A copy: what is handed out must not keep the chunk.
    return Buffer.concat(pieces);
  }

  check(): void {
    // How much there is, the end alone tells.
  }

  async skipTo(position: number): Promise<void> {
    while (this.position < position) {
      if (this.#rest.length === 0 && !(await this.#more())) throw cutOff(this.position);
      const step = Math.min(position - this.position, this.#rest.length);
      this.#rest = this.#rest.subarray(step);
      this.position += step;
    }
  }

  async drain(): Promise<void> {
    do this.#rest = Buffer.alloc(0);
    while (await this.#more());
  }

  close(): Promise<void> {
    this.#stream.destroy();
    return Promise.resolve();
  }

  async #more(): Promise<boolean> {
    try {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
      return true;
    } catch (error) {
      const isZlib =
        error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
      if (!isZlib) throw error;
      throw new TarProblem('TAR_DAMAGED', `is damaged: gzip says ${messageOf(error)}`, error);
    }
  }
}
