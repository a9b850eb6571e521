/** Tells whether the bytes of an image are still those of an earlier moment. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readError, systemErrorCode } from '../errors.js';
import { sha256File } from '../storage/hash.js';
import type { ImageSource } from './source.js';

/** `stat`: a file by its size and the time of its last change. `content`: by the SHA-256 of its bytes. */
export type StateKind = 'stat' | 'content';

/**
 * The state of a source in words: of a file what `kind` says, or the system's word for why it cannot be
 * read; of a zip archive's entry where it lies and its checksum, which is compared when it is read; of a tar
 * archive's, which has none, where it lies and the archive's own state.
 * @throws LungclsError INPUT_UNREADABLE for failures that are not the system's
 */
export async function sourceState(source: ImageSource, kind: StateKind): Promise<string> {
  const { entry, range, file, fileBytes } = source;
  if (range !== undefined) {
    return `${String(range.offset)},${String(range.length)},${await fileState(file, 'stat')}`;
  }
  if (entry === undefined) {
    return await fileState(fileBytes === undefined ? file : Buffer.from(fileBytes), kind);
  }
  const { headerOffset, compressedSize, uncompressedSize, method, crc32 } = entry;
  return [headerOffset, compressedSize, uncompressedSize, method, crc32].join();
}

/** The same of a file. */
export async function fileState(path: string | Buffer, kind: StateKind): Promise<string> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    if (kind === 'content') return await sha256File(path);
    return `${String(size)},${String(mtimeNs)}`;
  } catch (error) {
    // What cannot be read (a link to nothing, say) is an image like others: it will have its status.
    const code = systemErrorCode(error);
    if (code !== undefined) return code;
    throw readError(error, String(path));
  }
}

/** 64 bits of a hash of a state: enough to tell two states of one source apart, and small to keep. */
export function stateDigest(state: string): bigint {
  return createHash('sha256').update(state).digest().readBigUInt64LE();
}
