/**
 * Files that are whole or absent: written to a temporary name in the same folder, synced, renamed
 * (POSIX rename is atomic within one file system), and the folder synced so that the name survives
 * a power cut.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemErrorCode, writeError } from '../errors.js';

export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file whole or not at all, replacing one that is there.
 * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const temporary = join(
    dirname(path),
    `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`,
  );
  try {
    const file = await open(temporary, 'wx');
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) {
        await file.writeFile(content);
      } else {
        for await (const chunk of content) await writeAll(file, chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await fsyncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(error, path);
  }
}

interface Writable {
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesWritten: number }>;
}

/** Writes every byte at the file's position, or at `position`: one write() may take only some. */
export async function writeAll(
  file: Writable,
  data: Uint8Array,
  position: number | null = null,
): Promise<void> {
  let offset = 0;
  while (offset < data.byteLength) {
    const { bytesWritten } = await file.write(
      data,
      offset,
      data.byteLength - offset,
      position === null ? null : position + offset,
    );
    offset += bytesWritten;
  }
}

/** Makes renames and new names in a folder durable. File systems that cannot are left alone. */
export async function fsyncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EINVAL' || code === 'EPERM' || code === 'EISDIR' || code === 'EACCES') return;
    throw error;
  }
}
