/** A file system so small that it is soon full; root may mount one, others go without. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const command = promisify(execFile);

/** Runs `work` with a disk of that size; undefined where none can be mounted. */
export async function withSmallDisk<T>(
  kilobytes: number,
  work: (folder: string, resize: (kilobytes: number) => Promise<void>) => Promise<T>,
): Promise<T | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-disk-'));
  try {
    await command('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder]);
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
  try {
    return await work(folder, async (size) => {
      await command('mount', ['-o', `remount,size=${size}k`, folder]);
    });
  } finally {
    await command('umount', [folder]);
    await rm(folder, { recursive: true });
  }
}
