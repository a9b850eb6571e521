/**
 * A seal on a Parquet file of results: among the texts of its footer stands the SHA-256 of the whole file, in
 * which 64 zeros stand in the seal's own place. Parquet's own checksums cover pages alone, and few readers look at them:
 * a byte that has changed is another probability.
 */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { readError } from '../errors.js';
import { writeAll } from '../storage/atomic.js';

/** The key of the seal among the footer's texts. */
const SEAL_KEY = 'lungcls.sha256';
const BLANK = '0'.repeat(64);
export const BLANK_SEAL: Readonly<Record<string, string>> = { [SEAL_KEY]: BLANK };

/**
 * What stands before the seal: its key, and that a field of 64 bytes follows (Thrift's compact protocol). The texts of
 * a job are JSON, in which the byte 0x18 is escaped.
 */
const MARK = Buffer.from(`${SEAL_KEY}\x18\x40`, 'latin1');
/** The length of the footer and a word stand behind it. */
const END = Buffer.from('PAR1');
const END_BYTES = 4 + END.length;
const READ_BYTES = 1 << 20;
/** A footer says where columns lie, some 100 bytes a column and row group: of a billion rows with 100 columns it is smaller. */
const MOST_FOOTER = 2 ** 30;

/** Writes a file from its beginning, with a blank seal among the texts of its footer, and seals it. */
export class SealedFile {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #length = 0;
  #seal: number | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Appends. The last chunk has the footer. */
  async write(chunk: Uint8Array): Promise<void> {
    const at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).lastIndexOf(MARK);
    this.#seal = at < 0 ? undefined : this.#length + at + MARK.length;
    this.#hash.update(chunk);
    await writeAll(this.#file, chunk, this.#length);
    this.#length += chunk.length;
  }

  /** Puts the seal in its place, when all is written. */
  async seal(): Promise<void> {
    if (this.#seal === undefined) throw new Error('There is no blank seal in the footer');
    await writeAll(this.#file, Buffer.from(this.#hash.digest('hex')), this.#seal);
  }
}

/**
 * Whether a file is as it was written: `broken` where it is not, `absent` where it has no seal or is no Parquet file.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function checkSeal(path: string): Promise<'whole' | 'broken' | 'absent'> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const end = await read(file, Math.max(0, size - END_BYTES), END_BYTES);
    const length = end.length < END_BYTES ? Infinity : end.readUInt32LE(0);
    const start = size - END_BYTES - length;
    if (start < 0 || length > MOST_FOOTER || !end.subarray(4).equals(END)) return 'absent';
    const at = (await read(file, start, length)).lastIndexOf(MARK);
    if (at < 0) return 'absent';
    const seal = start + at + MARK.length;
    const hash = createHash('sha256');
    for await (const chunk of chunks(file, 0, seal)) hash.update(chunk);
    hash.update(BLANK);
    for await (const chunk of chunks(file, seal + BLANK.length, size)) hash.update(chunk);
    const found = (await read(file, seal, BLANK.length)).toString('latin1');
    return found === hash.digest('hex') ? 'whole' : 'broken';
  } catch (error) {
    throw readError(error, path);
  } finally {
    await file?.close();
  }
}

async function* chunks(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += READ_BYTES) {
    yield await read(file, at, Math.min(READ_BYTES, end - at));
  }
}

/** As many bytes as there are. */
async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
