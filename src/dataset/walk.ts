/** Image files below a folder, in natural order, one folder's names in memory at a time. */
import { isUtf8 } from 'node:buffer';
import { readdir, stat } from 'node:fs/promises';
import type { Dirent, Stats } from 'node:fs';
import { readError } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import { displayName, isIgnoredName, isImageName } from './names.js';
import { compareNames } from './natural-order.js';

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

/** What a directory entry is, links followed; undefined for sockets, devices and the like. */
async function kindOf(
  entry: Dirent<Buffer>,
  disk: DiskPath,
): Promise<'file' | 'folder' | undefined> {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  // A file system that does not tell the kind, or a link.
  try {
    const stats = await stat(disk);
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : undefined;
  } catch {
    // A link to nothing: passed on, so that it is reported as missing and not silently left out.
    return 'file';
  }
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
  yield* walk({ disk: root, shown: '', chain: [] }, prefix, options);
}

async function* walk(
  folder: Folder,
  prefix: string,
  options: WalkOptions,
): AsyncGenerator<ImageSource> {
  throwIfAborted(options.signal);
  const name = typeof folder.disk === 'string' ? folder.disk : displayName(folder.disk);
  let entries: Dirent<Buffer>[];
  let stats: Stats;
  try {
    stats = await stat(folder.disk);
    entries = await readdir(folder.disk, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    throw readError(error, name, 'folder');
  }
  const identity = `${String(stats.dev)}:${String(stats.ino)}`;
  if (folder.chain.includes(identity)) return;
  options.onFolder?.(folder.shown.slice(0, -1));
  const chain = [...folder.chain, identity];
  const named = entries
    .map((entry) => ({ entry, name: displayName(entry.name) }))
    .filter((item) => !isIgnoredName(item.name))
    .sort((a, b) => compareNames(a.name, b.name) || Buffer.compare(a.entry.name, b.entry.name));
  for (const item of named) {
    const disk = join(folder.disk, item.entry.name);
    const kind = await kindOf(item.entry, disk);
    if (kind === 'folder') {
      yield* walk({ disk, shown: `${folder.shown}${item.name}/`, chain }, prefix, options);
    } else if (kind === 'file' && isImageName(item.name)) {
      yield fileSource(disk, `${prefix}${folder.shown}${item.name}`);
    }
  }
}
