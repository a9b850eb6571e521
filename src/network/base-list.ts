/** The bases this tool knows by name: models/bases.json, in the package. */
import { readFile } from 'node:fs/promises';
import { LungclsError } from '../errors.js';
import type { NpmSource } from './npm-pack.js';

export interface NpmBaseSource extends NpmSource {
  readonly type: 'npm';
  /** Where in the tarball the model's files are. */
  readonly folder: string;
}

export interface HttpsBaseSource {
  readonly type: 'https';
  readonly url: string;
  readonly file: string;
  /** The hash that Keras itself checks this file by (keras/src/applications/inception_v3.py). */
  readonly md5: string;
}

export interface KnownBase {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly homepage: string;
  readonly source: NpmBaseSource | HttpsBaseSource;
  /** Of the weights up to mixed7 (weightsFingerprint); null where only the file's hash is known. */
  readonly fingerprint: string | null;
}

/** dist/network/ and src/network/ are both two folders below the package's root. */
const LIST = new URL('../../models/bases.json', import.meta.url);

/** The bases that can be fetched. */
export async function knownBases(): Promise<readonly KnownBase[]> {
  return JSON.parse(await readFile(LIST, 'utf8')) as KnownBase[];
}

/** @throws LungclsError BASE_UNKNOWN */
export async function knownBase(id: string): Promise<KnownBase> {
  const bases = await knownBases();
  const base = bases.find((candidate) => candidate.id === id);
  if (base === undefined) {
    throw new LungclsError(
      'BASE_UNKNOWN',
      `There is no base ${JSON.stringify(id)} to fetch; there are ${bases.map((b) => b.id).join(', ')}`,
    );
  }
  return base;
}
