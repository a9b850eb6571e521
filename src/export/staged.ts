/** Several outputs that are written together: all of them stand beside their places before the first moves there. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeError } from '../errors.js';
import { fsyncDirectory, writeFileAtomic } from '../storage/atomic.js';
import { joinSmall, type FileChunks } from '../storage/chunks.js';

/** Files by their place in a folder, `/`-separated. What else the folder holds is left alone. */
export interface OutputTree {
  readonly folder: string;
  readonly files: ReadonlyMap<string, FileChunks>;
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
