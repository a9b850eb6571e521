/** Several outputs that are written together: all of them stand beside their places before the first moves there. */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LungclsError, systemErrorCode, writeError } from '../errors.js';
import { fsyncDirectory, writeFileAtomic } from '../storage/atomic.js';
import { joinSmall, type FileChunks } from '../storage/chunks.js';

/** Files by their place in a folder, `/`-separated. What else the folder holds is left alone. */
export interface OutputTree {
  readonly folder: string;
  readonly files: ReadonlyMap<string, FileChunks>;
}

/**
 * @param names of files, as in OutputTree
 * @throws LungclsError OUTPUT_EXISTS if one of them is there
 */
export async function refuseExisting(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch((error: unknown) => {
      const code = systemErrorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw writeError(error, path);
    });
    if (found === undefined) continue;
    throw new LungclsError(
      'OUTPUT_EXISTS',
      `${path} exists already; give --force to replace it, or another folder`,
      { path },
    );
  }
}

/**
 * Writes every tree into `<folder>.building` first and then moves the files to their places: a disk
 * that is full leaves nothing.
 * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function writeTrees(trees: readonly OutputTree[]): Promise<void> {
  const byFolder = new Map<string, Map<string, FileChunks>>();
  for (const { folder, files } of trees) {
    const path = resolve(folder);
    byFolder.set(path, new Map([...(byFolder.get(path) ?? []), ...files]));
  }
  const staged = [...byFolder].map(([folder, files]) => ({
    ...{ folder, files, building: `${folder}.building` },
  }));
  try {
    for (const { files, building } of staged) {
      await rm(building, { recursive: true, force: true });
      for (const [name, chunks] of files) {
        const path = join(building, name);
        await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
          throw writeError(error, path);
        });
        await writeFileAtomic(path, joinSmall(chunks));
      }
    }
    for (const { folder, files, building } of staged) {
      for (const name of files.keys()) await move(join(building, name), join(folder, name));
    }
  } finally {
    for (const { building } of staged) await rm(building, { recursive: true, force: true });
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    await fsyncDirectory(dirname(to));
  } catch (error) {
    throw writeError(error, to);
  }
}
