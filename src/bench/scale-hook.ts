/** Where `--suite scale` goes: a module of its own, loaded only when it is asked for. */
import { LungclsError, systemErrorCode } from '../errors.js';
import type { ScaleOptions, ScaleResult } from './options.js';

interface ScaleModule {
  runScale(options: ScaleOptions): Promise<ScaleResult>;
}

const SCALE = './scale.js';

/** @throws LungclsError INVALID_OPTION where this build has no such suite, and those of runScale */
export async function scale(options: ScaleOptions): Promise<ScaleResult> {
  const module = await (import(SCALE) as Promise<ScaleModule>).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new LungclsError('INVALID_OPTION', 'This build has no suite scale', { cause: error });
  });
  return await module.runScale(options);
}
