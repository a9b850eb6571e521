/** The event files of one folder: what they hold, and what is added to them. */
import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode, writeError } from '../../errors.js';
import { writeAll } from '../../storage/atomic.js';
import { readTfRecords, tfRecord } from '../../storage/tfrecord.js';
import { readScalar, scalarEvent, versionEvent } from './events.js';

/** By this TensorBoard knows event files; by the ending we know ours. */
const EVENT_FILE = /\.tfevents\.(\d+)\./;
const ENDING = '.lungcls-fast.v2';

/**
 * Adds points to the curves of one folder. A process begins a file of its own, as TensorFlow does: the last
 * record of a killed one may be half written. A point that is there already is not written again.
 */
export class EventFiles {
  readonly #folder: string;
  readonly #known: Set<string>;
  readonly #lastSecond: number;
  #file: FileHandle | undefined;

  private constructor(folder: string, known: Set<string>, lastSecond: number) {
    this.#folder = folder;
    this.#known = known;
    this.#lastSecond = lastSecond;
  }

  /** @throws LungclsError OUTPUT_UNWRITABLE */
  static async open(folder: string): Promise<EventFiles> {
    const known = new Set<string>();
    let lastSecond = 0;
    for (const name of (await eventFiles(folder)).own) {
      lastSecond = Math.max(lastSecond, Number(EVENT_FILE.exec(name)?.[1] ?? 0));
      const path = join(folder, name);
      try {
        for (const record of readTfRecords(await readFile(path))) {
          const scalar = readScalar(record);
          if (scalar !== undefined) known.add(keyOf(scalar.tag, scalar.step));
        }
      } catch (error) {
        throw writeError(error, path);
      }
    }
    return new EventFiles(folder, known, lastSecond);
  }

  /** @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE */
  async add(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    const fresh = Object.entries(values).filter(([tag]) => !this.#known.has(keyOf(tag, step)));
    if (fresh.length === 0) return;
    const seconds = Date.now() / 1000;
    const records = fresh.map(([tag, value]) =>
      tfRecord(scalarEvent(seconds, { tag, step }, value)),
    );
    try {
      this.#file ??= await this.#begin(seconds);
      await writeAll(this.#file, Buffer.concat(records));
    } catch (error) {
      throw writeError(error, this.#folder);
    }
    for (const [tag] of fresh) this.#known.add(keyOf(tag, step));
  }

  /** Everything is on disk afterwards. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      await file.sync();
    } catch (error) {
      throw writeError(error, this.#folder);
    } finally {
      await file.close();
    }
  }

  async #begin(seconds: number): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true });
    // TensorBoard reads a folder's files in the order of their names and never goes back.
    const second = String(Math.max(Math.floor(seconds), this.#lastSecond + 1)).padStart(10, '0');
    const name = `events.out.tfevents.${second}.${hostname()}.${String(process.pid)}${ENDING}`;
    const file = await open(join(this.#folder, name), 'a');
    await writeAll(file, tfRecord(versionEvent(seconds, 'lungcls-fast')));
    return file;
  }
}

/** Names of the event files in a folder, by whether this tool wrote them; none where it is absent. */
export async function eventFiles(folder: string): Promise<{ own: string[]; others: string[] }> {
  let names: string[] = [];
  try {
    names = (await readdir(folder)).filter((name) => EVENT_FILE.test(name)).sort();
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw writeError(error, folder);
  }
  const own = names.filter((name) => name.endsWith(ENDING));
  return { own, others: names.filter((name) => !name.endsWith(ENDING)) };
}

/** Removes those that this tool wrote. */
export async function removeEventFiles(folder: string): Promise<void> {
  for (const name of (await eventFiles(folder)).own) await rm(join(folder, name), { force: true });
}

function keyOf(tag: string, step: number): string {
  return `${String(step)} ${tag}`;
}
