/** Outputs that are there already are kept, unless the user says otherwise. */
import { lstat } from 'node:fs/promises';
import { LungclsError, systemErrorCode, writeError } from '../errors.js';

/** @throws LungclsError OUTPUT_UNWRITABLE where that cannot be said */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw writeError(error, path);
  }
}

/** @throws LungclsError OUTPUT_EXISTS where something has that name; OUTPUT_UNWRITABLE */
export async function refuseExisting(path: string): Promise<void> {
  if (await exists(path)) throw existing(path);
}

/** The error that says so. */
export function existing(path: string): LungclsError {
  return new LungclsError(
    'OUTPUT_EXISTS',
    `${path} exists already; give --force to replace it, or another name`,
    { path },
  );
}
