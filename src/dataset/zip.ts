/**
 * The images of a zip archive, located in it, after the archive as a whole has been found sane.
 * Nothing is unpacked here: the decoder reads each entry where it lies.
 */
import { isUtf8 } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';
import {
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  type Entry,
  type ZipFile,
} from 'yauzl';
import { LungclsError, messageOf, readError, systemErrorCode } from '../errors.js';
import type { ZipEntryLocation } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import { Column, sortedIndices } from '../storage/column.js';
import { ZipImages, type ImageList } from './image-list.js';
import { displayName, isIgnoredName, isImageName, pathSegments } from './names.js';
import { WindowReader } from './zip-reader.js';

/** Sizes of the records (APPNOTE.TXT 4.3.7, 4.3.12) and their signatures. */
const LOCAL_HEADER_BYTES = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
/** Deflate cannot do better than 1032 to 1 (https://zlib.net/zlib_tech.html); 64 bytes of slack. */
const DEFLATE_LIMIT = 1032;
/** Images hardly compress: together they may unpack to this times their packed size ... */
const TOTAL_RATIO_LIMIT = 100;
/** ... where they unpack to more than this. */
const TOTAL_BYTES_UNSUSPICIOUS = 2 ** 30;

export interface ZipArchive {
  /** The images; `path` is the prefix and the name inside the archive. */
  readonly images: ImageList;
  /** The names of all folders that have an entry of their own, '/'-separated. */
  readonly folders: readonly string[];
}

/**
 * Reads the central directory of an archive (Zip64 too).
 *
 * @param path the archive
 * @param prefix put before each path that users see, '/'-ended or empty
 * @throws LungclsError ZIP_DAMAGED (cut off, inconsistent) | ZIP_ENCRYPTED | ZIP_UNSAFE_NAME
 *   (absolute, `..`, backslash, drive) | ZIP_BOMB (entries overlap or unpack to implausibly much) |
 *   ZIP_UNSUPPORTED | INPUT_NOT_FOUND | INPUT_UNREADABLE | ABORTED
 */
export async function readZip(
  path: string,
  prefix = '',
  signal?: AbortSignal,
): Promise<ZipArchive> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw readError(error, path);
  }
  try {
    return await readDirectory(file, { path, prefix, signal });
  } catch (error) {
    throw mapError(error, path);
  } finally {
    await file.close();
  }
}

type ZipErrorCode =
  'ZIP_DAMAGED' | 'ZIP_ENCRYPTED' | 'ZIP_UNSAFE_NAME' | 'ZIP_BOMB' | 'ZIP_UNSUPPORTED';

function zipError(code: ZipErrorCode, path: string, what: string, cause?: unknown): LungclsError {
  return new LungclsError(code, `The archive ${path} ${what}`, { path, cause });
}

interface Archive {
  readonly path: string;
  readonly prefix: string;
  readonly signal: AbortSignal | undefined;
}

async function readDirectory(file: FileHandle, archive: Archive): Promise<ZipArchive> {
  const { path, prefix, signal } = archive;
  const { size } = await file.stat();
  const reader = new WindowReader(file);
  const zip = await fromRandomAccessReaderPromise(reader, size, { decodeStrings: false });
  // yauzl's types call this cursor a boolean; it is the offset of the next central record. No entry may
  // reach into the directory that begins there.
  const spans = new EntrySpans(path, Number(zip.readEntryCursor));
  const images = new ZipImages(path, prefix);
  const folders: string[] = [];
  let packed = 0;
  let unpacked = 0;
  let count = 0;
  for await (const entry of zip.eachEntry()) {
    if (count++ % 1000 === 0) throwIfAborted(signal);
    spans.push(entry);
    const name = safeName(entry, path);
    const segments = pathSegments(name).filter((segment) => segment !== '.');
    if (segments.some(isIgnoredName)) continue;
    const shown = segments.join('/');
    if (name.endsWith('/')) folders.push(shown);
    else if (isImageName(segments.at(-1) ?? '')) {
      images.push(shown, locate(entry, shown, path));
      packed += entry.compressedSize;
      unpacked += entry.uncompressedSize;
    }
  }
  await checkCount(file, zip, path);
  spans.check();
  checkTotal(packed, unpacked, path);
  const twin = images.sort();
  if (twin !== undefined) throw zipError('ZIP_DAMAGED', path, `holds two entries named ${twin}`);
  return { images, folders };
}

/** yauzl reads as many records as the archive says; one more would be left out in silence. */
async function checkCount(file: FileHandle, zip: ZipFile, path: string): Promise<void> {
  const next = Buffer.alloc(4);
  await file.read(next, 0, 4, Number(zip.readEntryCursor));
  if (next.readUInt32LE(0) === CENTRAL_SIGNATURE) {
    throw zipError(
      'ZIP_DAMAGED',
      path,
      `has more entries than the ${String(zip.entryCount)} it states`,
    );
  }
}

function mapError(error: unknown, path: string): LungclsError {
  if (error instanceof LungclsError) return error;
  const code = systemErrorCode(error);
  if (code !== undefined && !code.startsWith('ERR_')) return readError(error, path);
  const message = messageOf(error);
  if (message.includes('strong encryption')) {
    return zipError('ZIP_ENCRYPTED', path, 'is encrypted; unpack it or remove its password', error);
  }
  if (message.includes('multi-disk')) {
    return zipError(
      'ZIP_UNSUPPORTED',
      path,
      'is one part of a split archive; join the parts',
      error,
    );
  }
  if (message.startsWith('End of central directory record signature not found')) {
    return zipError(
      'ZIP_DAMAGED',
      path,
      'has no end record: it was cut off, or is no zip archive',
      error,
    );
  }
  return zipError('ZIP_DAMAGED', path, `is damaged: ${message}`, error);
}

/** The name of an entry as text, found to lie inside the archive. */
function safeName(entry: Entry, path: string): string {
  const raw = entry.fileNameRaw;
  const unicode = isUtf8(raw);
  const flagged = (entry.generalPurposeBitFlag & 0x800) !== 0;
  const name =
    unicode || flagged
      ? displayName(raw)
      : getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, true);
  // The bytes are checked too: a byte that is not UTF-8 is shown with a backslash.
  const checked = unicode || flagged ? [raw.toString('latin1')] : [raw.toString('latin1'), name];
  for (const text of checked) {
    if (
      text.includes('\\') ||
      text.includes('\0') ||
      text.startsWith('/') ||
      /^[a-z]:/i.test(text) ||
      text.split('/').includes('..')
    ) {
      throw zipError(
        'ZIP_UNSAFE_NAME',
        path,
        `has an entry whose name leads outside of it: ${JSON.stringify(name)}`,
      );
    }
  }
  return name;
}

/** Where the entries lie: those that share bytes are how a small archive unpacks to petabytes. */
class EntrySpans {
  readonly #path: string;
  readonly #directoryStart: number;
  readonly #starts = new Column(Float64Array);
  readonly #ends = new Column(Float64Array);

  constructor(path: string, directoryStart: number) {
    this.#path = path;
    this.#directoryStart = directoryStart;
  }

  push({ relativeOffsetOfLocalHeader, fileNameLength, compressedSize }: Entry): void {
    this.#starts.push(relativeOffsetOfLocalHeader);
    const header = LOCAL_HEADER_BYTES + fileNameLength;
    this.#ends.push(relativeOffsetOfLocalHeader + header + compressedSize);
  }

  /** @throws LungclsError ZIP_BOMB | ZIP_DAMAGED */
  check(): void {
    const order = sortedIndices(
      this.#starts.length,
      (a, b) => this.#starts.at(a) - this.#starts.at(b),
    );
    let before = 0;
    for (const entry of order) {
      const start = this.#starts.at(entry);
      const end = this.#ends.at(entry);
      if (start < before) {
        throw zipError(
          'ZIP_BOMB',
          this.#path,
          `has entries that overlap, as zip bombs do: one begins at byte ${start}, before the end of another at ${before}`,
        );
      }
      if (end > this.#directoryStart) {
        throw zipError(
          'ZIP_DAMAGED',
          this.#path,
          `is cut off or inconsistent: the entry at byte ${start} would end at ${end}, its directory begins at ${this.#directoryStart}`,
        );
      }
      before = end;
    }
  }
}

function locate(entry: Entry, name: string, path: string): ZipEntryLocation {
  if (entry.isEncrypted()) {
    throw zipError(
      'ZIP_ENCRYPTED',
      path,
      `is encrypted: ${name}; unpack it or remove its password`,
    );
  }
  const method = entry.compressionMethod;
  if (method !== 0 && method !== 8) {
    throw zipError(
      'ZIP_UNSUPPORTED',
      path,
      `holds ${name} compressed by method ${String(method)}; only stored (0) and deflated (8) entries can be read`,
    );
  }
  if (entry.uncompressedSize > entry.compressedSize * DEFLATE_LIMIT + 64) {
    throw zipError(
      'ZIP_BOMB',
      path,
      `says that ${name} unpacks from ${String(entry.compressedSize)} to ${String(entry.uncompressedSize)} bytes, more than the format can`,
    );
  }
  return {
    headerOffset: entry.relativeOffsetOfLocalHeader,
    compressedSize: entry.compressedSize,
    uncompressedSize: entry.uncompressedSize,
    method,
    crc32: entry.crc32,
  };
}

function checkTotal(packed: number, unpacked: number, path: string): void {
  if (unpacked > TOTAL_BYTES_UNSUSPICIOUS && unpacked > packed * TOTAL_RATIO_LIMIT) {
    throw zipError(
      'ZIP_BOMB',
      path,
      `unpacks from ${packed} to ${unpacked} bytes; images do not compress like that`,
    );
  }
}
