/**
 * The images of a tar archive, in its order, without unpacking it: POSIX ustar and pax
 * (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html), and GNU's long names and large
 * sizes (https://www.gnu.org/software/tar/manual/html_node/Standard.html). A plain archive is read where its
 * entries lie; a gzipped one goes by as a stream, one image in memory at a time.
 */
import { open } from 'node:fs/promises';
import { LIMITS } from '../config.js';
import { LungclsError, readError } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import { displayName, isIgnoredName, isImageName, pathSegments } from './names.js';
import { BLOCK, parseHeader, parsePax, TarProblem, type TarHeader } from './tar-header.js';
import { FileBytes, GzipBytes, type SequentialBytes } from './tar-bytes.js';

/** More than any path: extended headers are held in memory. */
const MAX_EXTENDED = 1 << 20;
/** A file that is its own data, as old and new archivers mark it; and links, which have none. */
const FILES = ['0', '\0', '7', '1', '2'];

/**
 * Yields the images of an archive.
 * @param prefix put before each path that users see, '/'-ended or empty
 * @param gzipped whether it is packed by gzip
 * @throws LungclsError TAR_DAMAGED | TAR_UNSAFE_NAME | TAR_UNSUPPORTED | INPUT_NOT_FOUND |
 *   INPUT_UNREADABLE | ABORTED
 */
export async function* readTar(
  path: string,
  prefix: string,
  gzipped: boolean,
  signal?: AbortSignal,
): AsyncGenerator<ImageSource> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw readError(error, path);
  });
  const bytes = gzipped ? new GzipBytes(file) : new FileBytes(file, (await file.stat()).size);
  try {
    for await (const { name, size, offset } of entries(bytes)) {
      throwIfAborted(signal);
      const segments = safeSegments(name, path);
      if (segments.some(isIgnoredName) || !isImageName(segments.at(-1) ?? '')) continue;
      const source = {
        path: `${prefix}${segments.join('/')}`,
        file: path,
        range: { offset, length: size },
      };
      // One that is too large is not held: it gets its status by its length.
      if (!gzipped || size > LIMITS.maxFileBytes) yield source;
      else yield { ...source, bytes: await bytes.read(size) };
    }
  } catch (error) {
    throw tarError(error, path);
  } finally {
    await bytes.close();
    await file.close();
  }
}

function tarError(error: unknown, path: string): LungclsError {
  if (error instanceof TarProblem) {
    return new LungclsError(error.code, `The archive ${path} ${error.message}`, {
      path,
      cause: error,
    });
  }
  return readError(error, path);
}

interface TarEntry {
  readonly name: Uint8Array;
  readonly size: number;
  /** Of the data, in the unpacked archive. */
  readonly offset: number;
}

/** Files, one after the other; the data of one may be read before the next is asked for. */
async function* entries(bytes: SequentialBytes): AsyncGenerator<TarEntry> {
  let long: Uint8Array | undefined;
  let pax: ReadonlyMap<string, Buffer> = new Map();
  for (;;) {
    const at = bytes.position;
    const header = parseHeader(await bytes.read(BLOCK), at);
    // Zeros: the end. What follows is read to the end of gzip's data, whose checksum stands there.
    if (header === undefined) {
      await bytes.drain();
      return;
    }
    const end = (size: number): number => bytes.position + Math.ceil(size / BLOCK) * BLOCK;
    if ('xLKg'.includes(header.type)) {
      const next = end(header.size);
      const extended = await readExtended(bytes, header, at);
      if (header.type === 'x') pax = parsePax(extended, at);
      if (header.type === 'L') long = upToZero(extended);
      await bytes.skipTo(next);
      continue;
    }
    const size = Number(pax.get('size')?.toString('latin1') ?? header.size);
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new TarProblem('TAR_DAMAGED', `is damaged: an entry at byte ${at} has no sound size`);
    }
    const next = end(size);
    bytes.check(next);
    const sparse =
      header.type === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse'));
    if (sparse) {
      throw new TarProblem(
        'TAR_UNSUPPORTED',
        `has a sparse entry at byte ${at}; pack it without --sparse`,
      );
    }
    if (FILES.includes(header.type)) {
      yield { name: pax.get('path') ?? long ?? header.name, size, offset: bytes.position };
    }
    await bytes.skipTo(next);
    long = undefined;
    pax = new Map();
  }
}

async function readExtended(
  bytes: SequentialBytes,
  { size }: TarHeader,
  at: number,
): Promise<Buffer> {
  if (size <= MAX_EXTENDED) return await bytes.read(size);
  throw new TarProblem('TAR_DAMAGED', `is damaged: a header at byte ${at} has ${size} bytes`);
}

function upToZero(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** The folders and the name of an entry, found to lie inside the archive. */
function safeSegments(name: Uint8Array, path: string): string[] {
  const text = displayName(name);
  if (text.startsWith('/') || text.split('/').includes('..')) {
    throw new LungclsError(
      'TAR_UNSAFE_NAME',
      `The archive ${path} has an entry whose name leads outside of it: ${JSON.stringify(text)}`,
      { path },
    );
  }
  return pathSegments(text).filter((segment) => segment !== '.');
}
