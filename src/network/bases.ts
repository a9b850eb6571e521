/** The frozen bases: which there are, fetched from where they are published, imported, loaded. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { homeDirectory } from '../config.js';
import { LungclsError, messageOf, readError, writeError } from '../errors.js';
import type { TaskOptions } from '../runtime/progress.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { knownBase, knownBases, type HttpsBaseSource, type KnownBase } from './base-list.js';
import {
  baseDirectory,
  checkBaseId,
  readBase,
  readBaseRecord,
  storedBaseIds,
  writeBase,
  type Base,
} from './base-store.js';
import { download } from './download.js';
import { readKerasFileApart } from './keras-apart.js';
import { checkIntegrity, fetchTarball, integrityOf } from './npm-pack.js';
import { readNsfwjsModel } from './nsfwjs.js';
import { readTarball } from './tarball.js';
import { weightsFingerprint } from './weights.js';

export type { Base } from './base-store.js';

export interface BaseSummary {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  /** `nsfwjs@4.4.0`, an address, or the name of the imported file. */
  readonly source: string;
  /** True where it is there, whole as far as its record says. */
  readonly available: boolean;
  readonly state: 'fetched' | 'not fetched' | 'damaged';
  /** The folder it is in, or would be in. */
  readonly directory: string;
  /** Of the weights, where they are there. */
  readonly fingerprint?: string;
  /** True for those that `fetchBase` knows. */
  readonly fetchable: boolean;
}

/** All bases: those that can be fetched, in the list's order, then the imported ones. */
export async function listBases(): Promise<BaseSummary[]> {
  const known = await knownBases();
  const stored = await storedBaseIds();
  const result: BaseSummary[] = [];
  for (const base of known) {
    const { id, name, description, licence } = base;
    result.push({
      ...{ id, name, description, licence, source: sourceText(base), directory: baseDirectory(id) },
      ...(await stateOf(id)),
      fetchable: true,
    });
  }
  for (const id of stored.filter((name) => !known.some((base) => base.id === name)).sort()) {
    const state = await stateOf(id);
    const record = state.state === 'fetched' ? await readBaseRecord(id) : undefined;
    const { name = id, description = '', licence = '', source = '' } = record ?? {};
    result.push({
      ...{ id, name, description, licence, source, directory: baseDirectory(id) },
      ...state,
      fetchable: false,
    });
  }
  return result;
}

async function stateOf(
  id: string,
): Promise<Pick<BaseSummary, 'state' | 'available' | 'fingerprint'>> {
  try {
    const record = await readBaseRecord(id);
    return record === undefined
      ? { state: 'not fetched', available: false }
      : { state: 'fetched', available: true, fingerprint: record.fingerprint };
  } catch {
    return { state: 'damaged', available: false };
  }
}

/**
 * Fetches a base by its id, unless it is there and sound. Downloads are checked by hash, and the
 * weights by their fingerprint where it is known. The folder appears whole or not at all.
 * @throws LungclsError BASE_UNKNOWN | DOWNLOAD_FAILED | HASH_MISMATCH | BASE_INVALID | ABORTED |
 * DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function fetchBase(id: string, options: TaskOptions = {}): Promise<Base> {
  const known = await knownBase(id);
  const present = await readBase(id).catch((error: unknown) => {
    options.onMessage?.(messageOf(error), 'warning');
    return undefined;
  });
  const sound = known.fingerprint === null || known.fingerprint === present?.fingerprint;
  if (present !== undefined && sound) return present;
  throwIfAborted(options.signal);
  options.onMessage?.(`Fetching base ${id} (${sourceText(known)})`, 'info');
  const { source } = known;
  const weights =
    source.type === 'npm'
      ? await inTemporaryFolder(async (folder) =>
          readNpmBase(await fetchTarball(source, folder, options.signal), known),
        )
      : await readHttpsBase(await download(source.url, options), source, known);
  throwIfAborted(options.signal);
  return store(known, weights);
}

export interface ImportBaseOptions extends TaskOptions {
  /** A Keras .h5, .weights.h5 or .keras file, or the tarball of a known npm package. */
  file: string;
  /** The base's id from now on; by default made of the file's name. */
  name?: string;
  /** For the record; unknown by default. */
  licence?: string;
}

/**
 * Makes a base from a file. A file that is, by its hash, the one of a known base becomes that base,
 * so a machine without a network can be given one by hand.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | BASE_INVALID naming the first thing that
 * does not fit | INVALID_OPTION | OUTPUT_EXISTS (a base of that
 * name with other weights) | DISK_FULL | OUTPUT_UNWRITABLE | ABORTED
 */
export async function importBase(options: ImportBaseOptions): Promise<Base> {
  const { file, name, signal } = options;
  if (typeof file !== 'string' || file === '') {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a path for file but received ${JSON.stringify(file)} of type ${typeof file}`,
    );
  }
  if (name !== undefined) checkBaseId(name);
  const known = await knownBases();
  if (name !== undefined && known.some((base) => base.id === name)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a name of your own for the base but received ${name}, which is a known one`,
    );
  }
  throwIfAborted(signal);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw readError(error, file);
  });
  const same = known.find((base) => isFileOf(base, bytes));
  if (same?.source.type === 'npm') return store(same, await readNpmBase(bytes, same));
  const weights = await readKerasFileApart(bytes, file);
  throwIfAborted(signal);
  if (same !== undefined && name === undefined) return store(same, weights);
  const fingerprint = weightsFingerprint(weights);
  const id = name ?? idFromFile(file) ?? `imported-${fingerprint.slice(0, 12)}`;
  const present = await readBaseRecord(id).catch(() => undefined);
  if (present !== undefined && present.fingerprint !== fingerprint) {
    throw new LungclsError(
      'OUTPUT_EXISTS',
      `There is a base ${id} with other weights; import this one under another name (--name)`,
      { path: baseDirectory(id) },
    );
  }
  return writeBase(
    {
      id,
      name: `InceptionV3 imported from ${basename(file)}`,
      description: 'Imported by hand.',
      licence: options.licence ?? 'unknown',
      source: basename(file),
    },
    weights,
  );
}

/**
 * Reads a base that was fetched or imported.
 * @throws LungclsError BASE_MISSING | BASE_UNKNOWN | BASE_INVALID
 */
export async function loadBase(id: string): Promise<Base> {
  checkBaseId(id);
  const base = await readBase(id);
  if (base !== undefined) return base;
  await knownBase(id);
  throw new LungclsError(
    'BASE_MISSING',
    `Base ${id} has not been fetched; run "lungcls-fast base fetch ${id}"`,
    { path: baseDirectory(id) },
  );
}

/** `Inception V3 (mine).weights.h5` -> `inception-v3-mine`; undefined where nothing is left. */
function idFromFile(file: string): string | undefined {
  const stem = basename(file).replace(/(\.weights)?\.[^.]*$/, '');
  const id = stem
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 64);
  return id === '' ? undefined : id;
}

async function store(known: KnownBase, weights: Map<string, NamedTensor>): Promise<Base> {
  const { id, name, description, licence } = known;
  const found = weightsFingerprint(weights);
  if (known.fingerprint !== null && known.fingerprint !== found) {
    throw new LungclsError(
      'BASE_INVALID',
      `Base ${id}: expected weights of fingerprint ${known.fingerprint} but found ${found}`,
    );
  }
  return writeBase({ id, name, description, licence, source: sourceText(known) }, weights);
}

async function readNpmBase(
  tarball: Uint8Array,
  known: KnownBase,
): Promise<Map<string, NamedTensor>> {
  const { source } = known;
  if (source.type !== 'npm') throw new LungclsError('INTERNAL', `${known.id} is no npm package`);
  checkIntegrity(tarball, source.integrity, sourceText(known));
  const files = await readTarball(
    tarball,
    (name) => name.startsWith(source.folder),
    sourceText(known),
  );
  const inFolder = [...files].map(
    ([name, bytes]) => [name.slice(source.folder.length), bytes] as const,
  );
  return readNsfwjsModel(new Map(inFolder), sourceText(known));
}

async function readHttpsBase(
  bytes: Uint8Array,
  source: HttpsBaseSource,
  known: KnownBase,
): Promise<Map<string, NamedTensor>> {
  if (!isFileOf(known, bytes)) {
    throw new LungclsError(
      'HASH_MISMATCH',
      `Expected ${source.url} to have md5 ${source.md5} but it has ${md5(bytes)}`,
    );
  }
  return await readKerasFileApart(bytes, source.file);
}

function isFileOf({ source }: KnownBase, bytes: Uint8Array): boolean {
  return source.type === 'npm'
    ? integrityOf(bytes) === source.integrity
    : md5(bytes) === source.md5;
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

function sourceText({ source }: KnownBase): string {
  return source.type === 'npm' ? `${source.package}@${source.version}` : source.url;
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(homeDirectory(), 'tmp');
  let folder: string;
  try {
    await mkdir(parent, { recursive: true });
    folder = await mkdtemp(join(parent, 'fetch-'));
  } catch (error) {
    throw writeError(error, parent);
  }
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
