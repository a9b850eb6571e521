/** Reads chosen files of an npm tarball (.tgz: gzip over POSIX ustar) from memory. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { LungclsError, messageOf } from '../errors.js';

/** Not gunzipSync, which in Node 20 keeps its memory for good where it fails. */
const unzip = promisify(gunzip);

const BLOCK = 512;
/** Far above any package that we name; a limit because the size comes from the file. */
const MAX_UNPACKED = 512 * 1024 * 1024;

/**
 * The regular files whose name (`package/...`) passes `wanted`, by name. Nothing is written to disk.
 * Names longer than 100 bytes are joined from the prefix field; extended headers are skipped.
 * @throws LungclsError BASE_INVALID if it is no gzip, or is cut off
 */
export async function readTarball(
  tgz: Uint8Array,
  wanted: (name: string) => boolean,
  path: string,
): Promise<Map<string, Uint8Array>> {
  let tar: Buffer;
  try {
    tar = await unzip(tgz, { maxOutputLength: MAX_UNPACKED });
  } catch (error) {
    throw new LungclsError('BASE_INVALID', `${path} is not a sound .tgz: ${messageOf(error)}`, {
      cause: error,
      path,
    });
  }
  const files = new Map<string, Uint8Array>();
  let offset = 0;
  while (offset + BLOCK <= tar.length) {
    const header = tar.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(field(header, 124, 12), 8);
    const start = offset + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > tar.length) {
      throw new LungclsError('BASE_INVALID', `${path} is cut off or damaged at byte ${offset}`, {
        path,
      });
    }
    const prefix = field(header, 345, 155);
    const name = (prefix === '' ? '' : `${prefix}/`) + field(header, 0, 100);
    const type = field(header, 156, 1);
    if ((type === '0' || type === '') && wanted(name)) {
      files.set(name, tar.subarray(start, start + size));
    }
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function field(header: Buffer, start: number, length: number): string {
  const bytes = header.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? length : end).trim();
}
