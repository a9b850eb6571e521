/** Unlabelled images, to be classified: folders, patterns, archives, single files, or lists of names. */
import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { LungclsError, readError } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { ArchiveKind } from './archive-kind.js';
import { pathKind } from './dataset.js';
import { isGlob, parseGlob } from './glob.js';
import { isArchiveName } from './names.js';
import { readTar } from './tar.js';
import { fileSource, walkImages } from './walk.js';
import { readZip } from './zip.js';

export interface ListOptions {
  /** Where the names of the input `-` come from, such as `process.stdin`. */
  list?: Readable | undefined;
  /** A file with names, read like `list`; its images come after all inputs. */
  listFile?: string | undefined;
  /** What separates those names; found out where it is not given. */
  separator?: '\n' | '\0' | undefined;
  signal?: AbortSignal | undefined;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Longest name in a list: far above what any system accepts as a path. */
const MAX_NAME_BYTES = 1 << 20;

type InputKind = 'folder' | 'file' | 'list' | 'glob' | ArchiveKind;

/**
 * Yields the images of each input in turn, without ever holding all of them in memory (of a folder
 * the names of one level, of a zip archive its directory, of a tar archive nothing).
 *
 * - A folder: all images below it, in natural order (see natural-order.ts).
 * - A .zip archive, told by its content: its images, in natural order.
 * - A .tar or .tar.gz archive, told by its content: its images, in its own order.
 * - A pattern (see glob.ts), where there is no file of that name: what matches, in natural order.
 * - Any other file: itself, whatever its extension.
 * - `-`: the names read from `options.list`, separated by newlines, or by NUL bytes (if
 *   `options.separator` does not say which: by NUL bytes if the first 64 KiB hold one). Empty names are
 *   skipped. A name that does not exist is yielded all the same, for it is the decoder that gives each
 *   image its status.
 *
 * `path` of a source is the input as given, and what lies below it behind a '/'.
 *
 * @throws LungclsError INVALID_OPTION | INPUT_NOT_FOUND (also for a pattern that matches nothing) |
 *   INPUT_UNREADABLE (an input itself, before anything is yielded; a folder below it, when its turn
 *   comes) | INPUT_EMPTY (no images in all) | ABORTED, and the codes of readZip and readTar
 */
export async function* listImages(
  inputs: readonly string[],
  options: ListOptions = {},
): AsyncGenerator<ImageSource> {
  const { listFile, separator, signal } = options;
  const kinds = new Map<string, InputKind>();
  for (const input of inputs) kinds.set(input, await kindOf(input));
  const names = listFile === undefined ? undefined : await openList(listFile);
  let count = 0;
  try {
    for (const input of inputs) {
      for await (const source of sourcesOf(input, kinds.get(input), options)) {
        throwIfAborted(signal);
        count += 1;
        yield source;
      }
    }
    if (names !== undefined) {
      for await (const source of readList(names, separator)) {
        throwIfAborted(signal);
        count += 1;
        yield source;
      }
    }
  } finally {
    names?.destroy();
  }
  if (count === 0) {
    const searched = [...inputs, ...(listFile === undefined ? [] : [listFile])];
    throw new LungclsError(
      'INPUT_EMPTY',
      searched.length === 0
        ? 'Expected at least one input: a folder, an archive, an image, a pattern, or "-" for a list'
        : `There are no images in ${searched.map((input) => (input === '-' ? 'the list' : input)).join(', ')}`,
    );
  }
}

async function kindOf(input: string): Promise<InputKind> {
  if (typeof input !== 'string' || input === '') {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected the name of a file or folder, or "-", for inputs but received ${JSON.stringify(input)} of type ${typeof input}`,
    );
  }
  if (input === '-') return 'list';
  try {
    return await pathKind(input);
  } catch (error) {
    const isMissing = error instanceof LungclsError && error.code === 'INPUT_NOT_FOUND';
    if (!isMissing || !isGlob(input)) throw error;
  }
  await pathKind(parseGlob(input).folder || '.');
  return 'glob';
}

async function openList(path: string): Promise<Readable> {
  try {
    const file = await open(path, 'r');
    return file.createReadStream();
  } catch (error) {
    throw readError(error, path);
  }
}

async function* sourcesOf(
  input: string,
  kind: InputKind | undefined,
  { list, separator, signal }: ListOptions,
): AsyncGenerator<ImageSource> {
  const prefix = input.endsWith('/') ? input : `${input}/`;
  if (kind === 'folder') {
    yield* walkImages(input, prefix, { signal });
  } else if (kind === 'zip') {
    yield* (await readZip(input, prefix, signal)).images;
  } else if (kind === 'tar' || kind === 'tar.gz') {
    yield* readTar(input, prefix, kind === 'tar.gz', signal);
  } else if (kind === 'glob') {
    yield* matchesOf(input, signal);
  } else if (kind === 'list') {
    if (list === undefined) {
      throw new LungclsError('INVALID_OPTION', 'The input "-" needs a stream of names as list');
    }
    yield* readList(list, separator);
  } else {
    yield { path: input, file: input };
  }
}

/** What a pattern matches; of an archive, the images in it. */
async function* matchesOf(
  pattern: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageSource> {
  const { folder, filter } = parseGlob(pattern);
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  let count = 0;
  for await (const match of walkImages(folder || '.', prefix, { signal, filter })) {
    count += 1;
    if (isArchiveName(match.path)) {
      yield* sourcesOf(match.path, await pathKind(match.file), { signal });
    } else yield match;
  }
  if (count === 0) {
    throw new LungclsError('INPUT_NOT_FOUND', `No image or archive matches ${pattern}`, {
      path: pattern,
    });
  }
}

/**
 * The names of a list as sources. In a list separated by newlines a carriage return before the
 * newline is dropped.
 * @throws LungclsError INPUT_UNREADABLE (the stream fails, or a line holds a NUL byte)
 */
export async function* readList(
  stream: Readable,
  known?: '\n' | '\0',
): AsyncGenerator<ImageSource> {
  let rest: Buffer = Buffer.alloc(0);
  let separator = known?.charCodeAt(0);
  try {
    for await (const chunk of stream) {
      rest = Buffer.concat([rest, Buffer.from(chunk as Uint8Array | string)]);
      // One chunk may end before the first separator: the kind shows when there is enough.
      separator ??= separatorOf(rest, false);
      if (separator === undefined) continue;
      let start = 0;
      for (let end = rest.indexOf(separator); end >= 0; end = rest.indexOf(separator, start)) {
        yield* nameSource(rest.subarray(start, end), separator);
        start = end + 1;
      }
      rest = rest.subarray(start);
      if (rest.length > MAX_NAME_BYTES) {
        throw new LungclsError(
          'INPUT_UNREADABLE',
          `The list has a name of more than ${String(MAX_NAME_BYTES)} bytes; is it a list of names?`,
        );
      }
    }
  } catch (error) {
    throw readError(error, 'the list of names', 'input');
  }
  // What is left has no separator behind it; of a short list it may be all of it.
  separator ??= separatorOf(rest, true) ?? NEWLINE;
  let start = 0;
  while (start < rest.length) {
    const found = rest.indexOf(separator, start);
    const end = found < 0 ? rest.length : found;
    yield* nameSource(rest.subarray(start, end), separator);
    start = end + 1;
  }
}

const SNIFF_BYTES = 1 << 16;

function separatorOf(start: Buffer, isAll: boolean): number | undefined {
  if (start.subarray(0, SNIFF_BYTES).includes(0)) return 0;
  return isAll || start.length >= SNIFF_BYTES ? NEWLINE : undefined;
}

function* nameSource(bytes: Buffer, separator: number): Generator<ImageSource> {
  const isLine = separator === NEWLINE;
  const name = isLine && bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes;
  if (name.length === 0) return;
  if (name.includes(0)) {
    throw new LungclsError(
      'INPUT_UNREADABLE',
      'A name in the list holds a NUL byte; say if it is NUL bytes that separate the names (--null)',
    );
  }
  // A copy: the buffer of the stream lives on only as long as it must.
  const disk = isUtf8(name) ? name.toString('utf8') : Buffer.from(name);
  const source = fileSource(disk, '');
  yield { ...source, path: source.file };
}
