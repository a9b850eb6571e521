/** Image files below a folder, in natural order, one folder's names in memory at a time. */
import { isUtf8 } from 'node:buffer';
import { opendir, readdir, stat } from 'node:fs/promises';
import type { Dirent, Stats } from 'node:fs';
import { readError } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import { Column, sortedIndices } from '../storage/column.js';
import { displayName, isIgnoredName } from './names.js';
import { PackedNames } from './packed-names.js';
import { EVERY_IMAGE, type WalkFilter } from './walk-filter.js';

/** A path on disk: text where it is valid UTF-8, else its bytes. */
type DiskPath = string | Buffer;

interface Folder {
  readonly disk: DiskPath;
  /** Path from the root, '/'-separated and '/'-ended, or empty for the root itself. */
  readonly shown: string;
  /** `device:inode` of this folder and those above it, to notice links that lead back. */
  readonly chain: readonly string[];
}

export interface WalkOptions {
  signal?: AbortSignal | undefined;
  /** What is taken; every image by default. */
  filter?: WalkFilter;
  /** Called for each folder, before its content: its path from the root ('' for the root). */
  onFolder?: (path: string) => void;
}

function join(folder: DiskPath, name: Buffer): DiskPath {
  if (typeof folder === 'string' && isUtf8(name)) {
    return folder.endsWith('/') ? `${folder}${name.toString()}` : `${folder}/${name.toString()}`;
  }
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), name]);
}

/** The source of a file: `shown` is what users see. */
export function fileSource(disk: DiskPath, shown: string): ImageSource {
  return typeof disk === 'string'
    ? { path: shown, file: disk }
    : { path: shown, file: displayName(disk), fileBytes: disk };
}

const KINDS = ['file', 'folder'] as const;
type Kind = (typeof KINDS)[number];

/** What an entry of unknown kind is, or a link leads to; undefined for sockets, devices and the like. */
async function kindOf(disk: DiskPath): Promise<Kind | undefined> {
  try {
    const stats = await stat(disk);
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : undefined;
  } catch {
    // A link to nothing: passed on, so that it is reported as missing and not silently left out.
    return 'file';
  }
}

/** What stands in a folder, as small as can be: there may be millions of names in one. */
class FolderEntries {
  readonly #names = new PackedNames();
  /** Names that are no UTF-8; the others are what is shown. */
  readonly #bytes = new Map<number, Buffer>();
  readonly #kinds = new Column(Uint8Array);

  push(shown: string, bytes: Buffer | undefined, kind: Kind | undefined): void {
    if (bytes !== undefined) this.#bytes.set(this.#names.length, bytes);
    this.#names.push(shown);
    this.#kinds.push(kind === undefined ? 0 : KINDS.indexOf(kind) + 1);
  }

  /** The numbers of the entries in natural order of their names. */
  order(): Uint32Array {
    return sortedIndices(
      this.#names.length,
      (a, b) => this.#names.compare(a, b) || Buffer.compare(this.bytes(a), this.bytes(b)),
    );
  }

  shown(entry: number): string {
    return this.#names.at(entry);
  }

  bytes(entry: number): Buffer {
    return this.#bytes.get(entry) ?? Buffer.from(this.shown(entry));
  }

  /** Undefined where the file system does not tell, or for a link. */
  kind(entry: number): Kind | undefined {
    return KINDS[this.#kinds.at(entry) - 1];
  }
}

/** What is in a folder; ignored names are left out. */
async function readEntries(disk: DiskPath): Promise<FolderEntries> {
  return (await readTextEntries(disk)) ?? (await readByteEntries(disk));
}

/** Names read at a time: what Node makes of them is much larger than what is kept. */
const NAMES_AT_ONCE = 1024;
/** Stands in a text for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/** Undefined where a name is no UTF-8, or looks so. */
async function readTextEntries(disk: DiskPath): Promise<FolderEntries | undefined> {
  const entries = new FolderEntries();
  for await (const entry of await opendir(disk, { bufferSize: NAMES_AT_ONCE })) {
    if (entry.name.includes(REPLACEMENT)) return undefined;
    if (isIgnoredName(entry.name)) continue;
    entries.push(entry.name, undefined, kindSaid(entry));
  }
  return entries;
}

async function readByteEntries(disk: DiskPath): Promise<FolderEntries> {
  const entries = new FolderEntries();
  for (const entry of await readdir(disk, { withFileTypes: true, encoding: 'buffer' })) {
    const shown = displayName(entry.name);
    if (isIgnoredName(shown)) continue;
    entries.push(shown, isUtf8(entry.name) ? undefined : entry.name, kindSaid(entry));
  }
  return entries;
}

function kindSaid(entry: Pick<Dirent, 'isFile' | 'isDirectory'>): Kind | undefined {
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : undefined;
}

/**
 * Walks a folder depth first. Links are followed, except those that lead back to a folder they are
 * in. Hidden names, `__MACOSX` and files without an image's extension are left out.
 *
 * @param root folder to walk
 * @param prefix put before each path that users see, '/'-ended or empty
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE, naming the folder | ABORTED
 */
export async function* walkImages(
  root: string,
  prefix: string,
  options: WalkOptions = {},
): AsyncGenerator<ImageSource> {
  yield* walk({ disk: root, shown: '', chain: [] }, prefix, options, options.filter ?? EVERY_IMAGE);
}

async function* walk(
  folder: Folder,
  prefix: string,
  options: WalkOptions,
  filter: WalkFilter,
): AsyncGenerator<ImageSource> {
  throwIfAborted(options.signal);
  const name = typeof folder.disk === 'string' ? folder.disk : displayName(folder.disk);
  let entries: FolderEntries;
  let stats: Stats;
  try {
    stats = await stat(folder.disk);
    entries = await readEntries(folder.disk);
  } catch (error) {
    throw readError(error, name, 'folder');
  }
  const identity = `${String(stats.dev)}:${String(stats.ino)}`;
  if (folder.chain.includes(identity)) return;
  options.onFolder?.(folder.shown.slice(0, -1));
  const chain = [...folder.chain, identity];
  for (const entry of entries.order()) {
    const shown = entries.shown(entry);
    const disk = join(folder.disk, entries.bytes(entry));
    const kind = entries.kind(entry) ?? (await kindOf(disk));
    const inside = kind === 'folder' ? filter.enter(shown) : undefined;
    if (inside !== undefined) {
      const below = { disk, shown: `${folder.shown}${shown}/`, chain };
      yield* walk(below, prefix, options, inside);
    } else if (kind === 'file' && filter.takes(shown)) {
      yield fileSource(disk, `${prefix}${folder.shown}${shown}`);
    }
  }
}
