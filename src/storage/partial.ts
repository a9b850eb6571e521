/**
 * An output that is built up over time. It grows in `<output>.partial/`, next to where it will
 * stand, and is renamed there when it is whole; the same command finds the folder again after a
 * kill and continues. A lock file keeps two processes from working on one output.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LungclsError, systemErrorCode, writeError } from '../errors.js';
import { fsyncDirectory, writeFileAtomic } from './atomic.js';
import { existing, exists } from './existing.js';

const FINGERPRINT_FILE = 'partial.json';
const LOCK_FILE = 'lock';

export interface PartialOptions {
  /** Of everything that the result depends on: a partial of another fingerprint is thrown away. */
  fingerprint: string;
  /** Replace an output that exists. */
  force: boolean;
}

export class PartialOutput {
  readonly output: string;
  readonly directory: string;
  /** True where an earlier process left work with the same fingerprint. */
  readonly resumed: boolean;
  /** Of everything that the result depends on. */
  readonly fingerprint: string;
  #open = true;

  constructor(output: string, directory: string, resumed: boolean, fingerprint: string) {
    this.output = output;
    this.directory = directory;
    this.resumed = resumed;
    this.fingerprint = fingerprint;
  }

  /** The path of a file inside the partial folder. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Renames the folder to the output, replacing what stands there. The caller has synced files. */
  async commitDirectory(): Promise<void> {
    try {
      await removeDrafts(this.directory);
      await fsyncDirectory(this.directory);
      await this.#replaceDirectory();
      // Only now: a kill before the rename must find them, or the work would be thrown away.
      await rm(join(this.output, FINGERPRINT_FILE), { force: true });
      await rm(join(this.output, LOCK_FILE), { force: true });
    } catch (error) {
      throw writeError(error, this.output);
    }
    this.#open = false;
  }

  /** Renames one file of the folder to the output and removes the folder. */
  async commitFile(name: string): Promise<void> {
    try {
      if (await isDirectory(this.output)) {
        await rm(this.output, { recursive: true, force: true });
      }
      await rename(this.path(name), this.output);
      await fsyncDirectory(dirname(this.output));
      await rm(this.directory, { recursive: true, force: true });
    } catch (error) {
      throw writeError(error, this.output);
    }
    this.#open = false;
  }

  /** Drops the lock and keeps the work for a resume. Does nothing after a commit. */
  async release(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await rm(this.path(LOCK_FILE), { force: true });
  }

  /**
   * A folder cannot be renamed over a folder with files in it: the old one steps aside first. A kill
   * in between loses nothing: the old one is still there, and the same command finishes the new one.
   */
  async #replaceDirectory(): Promise<void> {
    const old = replacedName(this.output);
    if (await exists(this.output)) {
      await rm(old, { recursive: true, force: true });
      await rename(this.output, old);
    }
    await rename(this.directory, this.output);
    await fsyncDirectory(dirname(this.output));
    await rm(old, { recursive: true, force: true });
  }
}

/**
 * Opens the partial folder of an output, new or left by an earlier process.
 * @throws LungclsError OUTPUT_EXISTS (and no `force`) | BUSY (a living process works on it) |
 *   OUTPUT_UNWRITABLE | DISK_FULL
 */
export async function openPartial(output: string, options: PartialOptions): Promise<PartialOutput> {
  const target = resolve(output);
  const directory = `${target}.partial`;
  if (await exists(target)) await removeLeftovers(target);
  if (!options.force && (await exists(target))) throw existing(output);
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw writeError(error, output);
  }
  await lock(directory, output);
  try {
    // What a kill in the last moments of a replacement left behind.
    if (await exists(target)) await rm(replacedName(target), { recursive: true, force: true });
    const found = await readFingerprint(directory);
    const resumed = found === options.fingerprint;
    if (!resumed) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { recursive: true });
      await lock(directory, output);
      await writeFileAtomic(
        join(directory, FINGERPRINT_FILE),
        `${JSON.stringify({ fingerprint: options.fingerprint })}\n`,
      );
    }
    return new PartialOutput(target, directory, resumed, options.fingerprint);
  } catch (error) {
    await rm(join(directory, LOCK_FILE), { force: true });
    throw writeError(error, output);
  }
}

/** What earlier processes left that were killed in writeFileAtomic, or taking a lock: no part of the output. */
async function removeDrafts(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if ((name.startsWith('.') && name.endsWith('.tmp')) || name.startsWith(`${LOCK_FILE}-`)) {
      await rm(join(directory, name), { force: true });
    }
  }
}

/** What a kill right behind the rename of commitDirectory left in an output that is whole. */
async function removeLeftovers(output: string): Promise<void> {
  const holder = await readHolder(join(output, LOCK_FILE));
  if (holder === undefined || (await alive(holder))) return;
  await rm(join(output, FINGERPRINT_FILE), { force: true });
  await rm(join(output, LOCK_FILE), { force: true });
}

/**
 * Removes what a kill right behind the rename of commitFile left beside an output that is whole. Work towards
 * another result of that name stays, as does what a living process has locked.
 * @param fingerprint of the output
 */
export async function removeRemains(output: string, fingerprint: string): Promise<void> {
  const directory = `${resolve(output)}.partial`;
  const found = await readFingerprint(directory);
  if (!(await exists(directory)) || (found !== undefined && found !== fingerprint)) return;
  try {
    await lock(directory, output);
    await rm(directory, { recursive: true, force: true });
  } catch {
    // Held by another, or not to be written to: the output is whole all the same.
  }
}

/** Where an output stands aside while its replacement takes its name. */
function replacedName(output: string): string {
  return join(dirname(output), `.${basename(output)}.replaced`);
}

async function readFingerprint(directory: string): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, FINGERPRINT_FILE), 'utf8'));
    if (typeof value === 'object' && value !== null && 'fingerprint' in value) {
      return typeof value.fingerprint === 'string' ? value.fingerprint : undefined;
    }
  } catch {
    // Absent or cut off: nothing of it can be trusted.
  }
  return undefined;
}

/** Takes the lock; that of a process which no longer runs is taken over. */
async function lock(directory: string, output: string): Promise<void> {
  const path = join(directory, LOCK_FILE);
  const own = JSON.stringify({ pid: process.pid, start: await startTime(process.pid) });
  for (let attempt = 0; attempt < 3; attempt++) {
    // Linked, not written in place: nobody may read a lock that is half written.
    const draft = `${path}-${randomBytes(4).toString('hex')}`;
    try {
      await writeFile(draft, own);
      await link(draft, path);
      return;
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw writeError(error, output);
    } finally {
      await rm(draft, { force: true });
    }
    const holder = await readHolder(path);
    if (holder !== undefined && (await alive(holder))) {
      throw new LungclsError(
        'BUSY',
        `Process ${holder.pid} is working on ${output}; wait for it or stop it`,
        { path: output },
      );
    }
    await rm(path, { force: true });
  }
  throw new LungclsError('BUSY', `Another process is working on ${output}`, { path: output });
}

interface Holder {
  pid: number;
  start: string;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (
      typeof value === 'object' &&
      value !== null &&
      'pid' in value &&
      typeof value.pid === 'number' &&
      'start' in value &&
      typeof value.start === 'string'
    ) {
      return { pid: value.pid, start: value.start };
    }
  } catch {
    // Cut off in the middle of writing, by a kill.
  }
  return undefined;
}

async function alive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
  return (await startTime(holder.pid)) === holder.start;
}

/**
 * When a process started, so that a process number used again is not taken for the old one. From
 * field 22 of /proc/PID/stat (proc(5)) with the boot's id; empty where there is no /proc.
 */
async function startTime(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // The command's name, in parentheses, may hold spaces: count the fields behind it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return `${fields[19] ?? ''}@${boot.trim()}`;
  } catch {
    return '';
  }
}

/** True where a path is a folder. */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Checks early, before any long work, that an output could be written.
 * @throws LungclsError OUTPUT_UNWRITABLE
 */
export async function checkWritable(output: string): Promise<void> {
  const probe = `${resolve(output)}.probe-${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dirname(probe), { recursive: true });
    await writeFile(probe, '', { flag: 'wx' });
    await rm(probe, { force: true });
  } catch (error) {
    throw writeError(error, output);
  }
}
