/** Bases on disk: `<home>/bases/<id>/{weights.safetensors, base.json}`, whole or absent. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { homeDirectory } from '../config.js';
import { LungclsError, messageOf, systemErrorCode, writeError } from '../errors.js';
import { fsyncDirectory, writeFileAtomic } from '../storage/atomic.js';
import { readSafetensors, writeSafetensors, type NamedTensor } from '../storage/safetensors.js';
import { inceptionV3ToMixed7 } from './inception-v3.js';
import { BASE_INPUT_SHAPE } from './layer-mapping.js';
import { selectWeights, weightsFingerprint, type Weights } from './weights.js';

/** base.json */
export interface BaseRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  /** Where the weights came from: a package with its version, an address, or a file's name. */
  readonly source: string;
  /** weightsFingerprint of the weights. */
  readonly fingerprint: string;
}

/** A frozen base, ready for use. */
export interface Base extends BaseRecord {
  /** Keras's names, up to mixed7. */
  readonly weights: Weights;
}

const RECORD = 'base.json';
const WEIGHTS = 'weights.safetensors';
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export function basesDirectory(): string {
  return join(homeDirectory(), 'bases');
}

export function baseDirectory(id: string): string {
  return join(basesDirectory(), id);
}

/** @throws LungclsError INVALID_OPTION */
export function checkBaseId(id: string): void {
  if (!ID.test(id)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a base name of up to 64 lower-case letters, digits, ".", "_" and "-" but received ${JSON.stringify(id)}`,
    );
  }
}

/** What base.json says, or undefined if the base is not there. The weights are not read. */
export async function readBaseRecord(id: string): Promise<BaseRecord | undefined> {
  const path = join(baseDirectory(id), RECORD);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') {
      return undefined;
    }
    throw invalid(id, messageOf(error), error);
  }
  try {
    const record = JSON.parse(text) as BaseRecord;
    if (record.id !== id || typeof record.fingerprint !== 'string') throw new Error('not its own');
    return record;
  } catch (error) {
    throw invalid(id, `${path}: ${messageOf(error)}`, error);
  }
}

/** Names of the bases on disk. */
export async function storedBaseIds(): Promise<string[]> {
  try {
    const entries = await readdir(basesDirectory(), { withFileTypes: true });
    return entries.filter((e) => e.isDirectory() && ID.test(e.name)).map((e) => e.name);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new LungclsError(
      'INPUT_UNREADABLE',
      `Cannot read ${basesDirectory()}: ${messageOf(error)}`,
    );
  }
}

/**
 * Reads a base and checks its weights against its fingerprint.
 * @returns undefined if it is not there
 * @throws LungclsError BASE_INVALID
 */
export async function readBase(id: string): Promise<Base | undefined> {
  const record = await readBaseRecord(id);
  if (record === undefined) return undefined;
  const path = join(baseDirectory(id), WEIGHTS);
  let weights: Weights;
  try {
    weights = (await readSafetensors(path)).tensors;
  } catch (error) {
    throw invalid(id, messageOf(error), error);
  }
  weights = selectWeights(weights, inceptionV3ToMixed7(), BASE_INPUT_SHAPE, path);
  const found = weightsFingerprint(weights);
  if (found !== record.fingerprint) {
    throw invalid(id, `${path}: expected fingerprint ${record.fingerprint} but it has ${found}`);
  }
  return { ...record, weights };
}

/**
 * Writes a base beside its place and renames it there, replacing what stood there.
 * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function writeBase(
  record: Omit<BaseRecord, 'fingerprint'>,
  weights: Map<string, NamedTensor>,
): Promise<Base> {
  checkBaseId(record.id);
  const target = baseDirectory(record.id);
  const suffix = `${String(process.pid)}-${randomBytes(4).toString('hex')}`;
  // Names that storedBaseIds() does not take for bases.
  const temporary = join(basesDirectory(), `.${record.id}.${suffix}.tmp`);
  const replaced = join(basesDirectory(), `.${record.id}.${suffix}.old`);
  const complete: BaseRecord = { ...record, fingerprint: weightsFingerprint(weights) };
  try {
    await mkdir(temporary, { recursive: true });
    await writeSafetensors(join(temporary, WEIGHTS), weights, { id: record.id });
    await writeFileAtomic(join(temporary, RECORD), `${JSON.stringify(complete, null, 2)}\n`);
    await rename(target, replaced).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    });
    await rename(temporary, target);
    await fsyncDirectory(basesDirectory());
  } catch (error) {
    throw writeError(error, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(replaced, { recursive: true, force: true });
  }
  return { ...complete, weights };
}

function invalid(id: string, why: string, cause?: unknown): LungclsError {
  return new LungclsError(
    'BASE_INVALID',
    `Base ${id} is damaged (${why}); run "lungcls-fast base fetch ${id}", or import it again`,
    { cause, path: baseDirectory(id) },
  );
}
