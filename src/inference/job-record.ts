/**
 * What a result file was made of: by it a finished job is known again, and shards are found to belong
 * together. A Parquet file carries it in its footer; beside the others it stands as `<file>.job.json`.
 */
import { readFile, stat } from 'node:fs/promises';
import { LungclsError, readError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { sha256File } from '../storage/hash.js';
import { parseJson } from '../storage/json.js';
import type { ResultFormat } from './result-format.js';
import { readParquetTexts } from './parquet-reader.js';
import { checkSeal } from './parquet-seal.js';
import type { OutOfDomain } from './results.js';
import type { Shard } from './shard.js';

const RECORD_FORMAT = 'lungcls-job';
/** Version 2 counts what is out of the domain; its files have columns for it. */
const RECORD_VERSION = 2;
/** Key of the record among a Parquet file's texts. */
const PARQUET_KEY = 'lungcls.job';

export type JobSettings = Readonly<Record<string, string | number | boolean | null>>;

export interface JobRecord {
  readonly format: typeof RECORD_FORMAT;
  readonly version: typeof RECORD_VERSION;
  readonly toolVersion: string;
  readonly model: {
    readonly classes: readonly string[];
    /** Of its files and its preprocessing, hex. */
    readonly fingerprint: string;
  };
  /** All that a row depends on beside the model and its image. */
  readonly settings: JobSettings;
  /** Everything that the inputs name, all shards together. */
  readonly inputs: {
    readonly images: number;
    /** SHA-256 over all paths in order, hex. */
    readonly paths: string;
  };
  /** Which part this file is; null for the whole. */
  readonly shard: Shard | null;
  readonly rows: number;
  /** SHA-256 over the path of each row and the state of its image, hex; empty after a merge. */
  readonly images: string;
  readonly perClass: Readonly<Record<string, number>>;
  readonly perStatus: Readonly<Record<string, number>>;
  readonly outOfDomain: OutOfDomain;
}

/** The parts that whoever made the file fills in. */
export type JobFacts = Omit<JobRecord, 'format' | 'version'>;

export function jobRecord(facts: JobFacts): JobRecord {
  return { format: RECORD_FORMAT, version: RECORD_VERSION, ...facts };
}

/** The texts for a Parquet file's footer. */
export function parquetTexts(record: JobRecord): Record<string, string> {
  return { [PARQUET_KEY]: JSON.stringify(record) };
}

/** Where the record of a file stands that has no place for it. */
export function recordPath(output: string): string {
  return `${output}.job.json`;
}

/**
 * Writes the record beside a file that is still to get its name: a record without its file says
 * nothing, a file without its record could not be merged.
 * @param data where the file is now
 * @throws LungclsError OUTPUT_UNWRITABLE | DISK_FULL
 */
export async function writeRecord(output: string, record: JobRecord, data: string): Promise<void> {
  const { size } = await stat(data);
  const file = { bytes: size, sha256: await sha256File(data) };
  await writeFileAtomic(recordPath(output), `${JSON.stringify({ ...record, file }, null, 2)}\n`);
}

/**
 * The record of a result file, after a look at whether the file still is what the record speaks of
 * (Parquet carries both inside: see parquet-seal.ts).
 * @returns undefined where there is none
 * @throws LungclsError INPUT_NOT_FOUND (no such file) | INPUT_UNREADABLE | RESULTS_INVALID
 */
export async function readRecord(
  path: string,
  format: ResultFormat,
): Promise<JobRecord | undefined> {
  if (format === 'parquet') return await parquetRecord(path);
  const { size } = await stat(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  const beside = recordPath(path);
  let text: string;
  try {
    text = await readFile(beside, 'utf8');
  } catch (error) {
    const failed = readError(error, beside);
    if (failed.code === 'INPUT_NOT_FOUND') return undefined;
    throw failed;
  }
  const record = parseRecord(text, beside);
  const { bytes, sha256 } = fileFacts(text, beside);
  const found = size === bytes ? await sha256File(path) : `${size} bytes`;
  if (found !== sha256) {
    throw new LungclsError(
      'RESULTS_INVALID',
      `${path}: expected the file that ${beside} describes (${bytes} bytes, SHA-256 ${sha256}) but found ${found}`,
      { path },
    );
  }
  return record;
}

async function parquetRecord(path: string): Promise<JobRecord | undefined> {
  const seal = await checkSeal(path);
  if (seal === 'broken')
    throw invalid(path, 'expected the file that was written but it has changed');
  const text = (await readParquetTexts(path)).get(PARQUET_KEY);
  if (text === undefined) return undefined;
  if (seal === 'whole') return parseRecord(text, path);
  throw invalid(
    path,
    'expected a seal in its footer: it has changed, or an earlier version made it; make it anew',
  );
}

function parseRecord(text: string, where: string): JobRecord {
  const value = parseObject(text, where);
  if (!isRecord(value)) {
    throw invalid(where, `expected a record of format ${RECORD_FORMAT}, version ${RECORD_VERSION}`);
  }
  return value;
}

function fileFacts(text: string, where: string): { bytes: number; sha256: string } {
  const { file } = parseObject(text, where);
  if (isObject(file) && typeof file['bytes'] === 'number' && typeof file['sha256'] === 'string') {
    return { bytes: file['bytes'], sha256: file['sha256'] };
  }
  throw invalid(where, 'expected the bytes and the sha256 of the file it describes');
}

function parseObject(text: string, where: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw invalid(where, 'expected JSON', error);
  }
  if (!isObject(value)) throw invalid(where, 'expected a JSON object');
  return value;
}

function isRecord(value: unknown): value is JobRecord {
  if (!isObject(value)) return false;
  const { model, settings, inputs, shard } = value;
  return (
    value['format'] === RECORD_FORMAT &&
    value['version'] === RECORD_VERSION &&
    typeof value['toolVersion'] === 'string' &&
    isObject(model) &&
    Array.isArray(model['classes']) &&
    model['classes'].every((name) => typeof name === 'string') &&
    typeof model['fingerprint'] === 'string' &&
    isObject(settings) &&
    isObject(inputs) &&
    Number.isSafeInteger(inputs['images']) &&
    typeof inputs['paths'] === 'string' &&
    (shard === null ||
      (isObject(shard) &&
        Number.isSafeInteger(shard['index']) &&
        Number.isSafeInteger(shard['count']))) &&
    Number.isSafeInteger(value['rows']) &&
    typeof value['images'] === 'string' &&
    isObject(value['perClass']) &&
    isObject(value['perStatus']) &&
    (value['outOfDomain'] === null || isObject(value['outOfDomain']))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(where: string, what: string, cause?: unknown): LungclsError {
  return new LungclsError('RESULTS_INVALID', `${where}: ${what}`, { path: where, cause });
}

/** What tells two jobs apart, in words for a message; empty where they are the same job. */
export function differences(a: JobRecord | JobFacts, b: JobRecord | JobFacts): string[] {
  const found: string[] = [];
  const compare = (name: string, x: unknown, y: unknown): void => {
    if (JSON.stringify(x) !== JSON.stringify(y)) {
      found.push(`${name} ${JSON.stringify(x)} and ${JSON.stringify(y)}`);
    }
  };
  compare('tool version', a.toolVersion, b.toolVersion);
  compare('model', a.model.fingerprint, b.model.fingerprint);
  compare('classes', a.model.classes, b.model.classes);
  for (const key of new Set([...Object.keys(a.settings), ...Object.keys(b.settings)])) {
    compare(key, a.settings[key] ?? null, b.settings[key] ?? null);
  }
  compare('number of images', a.inputs.images, b.inputs.images);
  compare('paths', a.inputs.paths, b.inputs.paths);
  return found;
}
