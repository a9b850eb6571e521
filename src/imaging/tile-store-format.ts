/** What stands in a tile store's folder, for its writer and its reader. */
import { LungclsError } from '../errors.js';
import { parseJson } from '../storage/json.js';
import {
  parsePreprocessingSpec,
  preprocessingFingerprint,
  type PreprocessingSpec,
} from './preprocessing.js';

export const STORE_FORMAT = 'lungcls-tile-store';
export const STORE_VERSION = 1;

/** (N,S,S,3) uint8, RGB. */
export const IMAGES_FILE = 'images.npy';
/** (N,) int64: the class index of each row. */
export const LABELS_FILE = 'labels.npy';
/** One line an image, also for those that gave no tile: row, path, label, group, status. */
export const INDEX_FILE = 'index.csv';
export const INDEX_COLUMNS = ['row', 'path', 'label', 'group', 'status'] as const;
export const STORE_FILE = 'store.json';

/** store.json. */
export interface StoreDescription {
  readonly format: typeof STORE_FORMAT;
  readonly version: typeof STORE_VERSION;
  readonly toolVersion: string;
  /** Class names; their position is the label. */
  readonly classes: readonly string[];
  readonly preprocessing: PreprocessingSpec;
  readonly preprocessingFingerprint: string;
  /** Rows of images.npy. */
  readonly rows: number;
  /** Images by class name and status. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly source: StoreSource;
  /** SHA-256 over everything in the store: features and runs depend on it. */
  readonly fingerprint: string;
}

/** Where the images came from. */
export interface StoreSource {
  readonly kind: 'folder' | 'zip';
  /** Name of the folder or archive, without the path to it: a store is the same wherever it is made. */
  readonly name: string;
  readonly images: number;
}

/**
 * Reads store.json.
 * @throws LungclsError STORE_INVALID, saying which field is wrong
 */
export function parseStoreDescription(text: string, path: string): StoreDescription {
  const bad = (what: string): LungclsError =>
    new LungclsError('STORE_INVALID', `${path} is not the description of a tile store: ${what}`, {
      path,
    });
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new LungclsError('STORE_INVALID', `${path} is not valid JSON`, { path, cause: error });
  }
  if (typeof value !== 'object' || value === null) throw bad('expected an object');
  const fields = value as Record<string, unknown>;
  if (fields['format'] !== STORE_FORMAT) {
    throw bad(
      `expected "${STORE_FORMAT}" for format but found ${JSON.stringify(fields['format'])}`,
    );
  }
  if (fields['version'] !== STORE_VERSION) {
    throw bad(
      `expected version ${String(STORE_VERSION)} but found ${JSON.stringify(fields['version'])}; make the store anew with this version of the tool`,
    );
  }
  const preprocessing = parsePreprocessingSpec(fields['preprocessing']);
  if (preprocessing === undefined) throw bad('the preprocessing is none that this version knows');
  if (fields['preprocessingFingerprint'] !== preprocessingFingerprint(preprocessing)) {
    throw bad('its preprocessing is not the one of its preprocessingFingerprint');
  }
  const { classes, rows, fingerprint } = fields;
  if (!Array.isArray(classes) || !classes.every((name) => typeof name === 'string')) {
    throw bad('expected a list of names for classes');
  }
  if (typeof rows !== 'number' || !Number.isSafeInteger(rows) || rows < 0) {
    throw bad(`expected a number of rows but found ${JSON.stringify(rows)}`);
  }
  if (typeof fingerprint !== 'string' || fingerprint === '') throw bad('it has no fingerprint');
  return { ...(fields as unknown as StoreDescription), classes, rows, fingerprint, preprocessing };
}
