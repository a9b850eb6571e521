/** Image files below a folder, in natural order, one folder's names in memory at a time. */
import { isUtf8 } from 'node:buffer';
import { opendir, readdir, stat } from 'node:fs/promises';
import type { Dirent, Stats } from 'node:fs';
import { readError } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import { displayName, isIgnoredName } from './names.js';
import { compareNames } from './natural-order.js';
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

type Kind = 'file' | 'folder';

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

/** An entry of a folder, as small as can be: there may be millions in one. */
interface Entry {
  readonly shown: string;
  /** Where `shown` is not the name itself. */
  readonly bytes: Buffer | undefined;
  /** Undefined where the file system does not tell, or for a link. */
  readonly kind: Kind | undefined;
}

/** The names in a folder, in natural order; ignored ones are left out. */
async function readEntries(disk: DiskPath): Promise<Entry[]> {
  const entries = (await readTextEntries(disk)) ?? (await readByteEntries(disk));
  return entries.sort((a, b) => {
    const order = compareNames(a.shown, b.shown);
    return order === 0 ? Buffer.compare(nameOf(a), nameOf(b)) : order;
  });
}

/** Names read at a time: what Node makes of them is much larger than what is kept. */
const NAMES_AT_ONCE = 1024;
/** Stands in a text for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/** Undefined where a name is no UTF-8, or looks so. */
async function readTextEntries(disk: DiskPath): Promise<Entry[] | undefined> {
  const entries: Entry[] = [];
  for await (const entry of await opendir(disk, { bufferSize: NAMES_AT_ONCE })) {
    if (entry.name.includes(REPLACEMENT)) return undefined;
    if (isIgnoredName(entry.name)) continue;
    entries.push({ shown: entry.name, bytes: undefined, kind: kindSaid(entry) });
  }
  return entries;
}

async function readByteEntries(disk: DiskPath): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const entry of await readdir(disk, { withFileTypes: true, encoding: 'buffer' })) {
    const shown = displayName(entry.name);
    if (isIgnoredName(shown)) continue;
    const bytes = isUtf8(entry.name) ? undefined : entry.name;
    entries.push({ shown, bytes, kind: kindSaid(entry) });
  }
  return entries;
}

function kindSaid(entry: Pick<Dirent, 'isFile' | 'isDirectory'>): Kind | undefined {
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : undefined;
}

function nameOf({ shown, bytes }: Entry): Buffer {
  return bytes ?? Buffer.from(shown);
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
  let entries: Entry[];
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
  for (const entry of entries) {
    const { shown } = entry;
    const disk = join(folder.disk, nameOf(entry));
    const kind = entry.kind ?? (await kindOf(disk));
    const inside = kind === 'folder' ? filter.enter(shown) : undefined;
    if (inside !== undefined) {
      const below = { disk, shown: `${folder.shown}${shown}/`, chain };
      yield* walk(below, prefix, options, inside);
    } else if (kind === 'file' && filter.takes(shown)) {
      yield fileSource(disk, `${prefix}${folder.shown}${shown}`);
    }
  }
}
