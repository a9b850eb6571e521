import { LungclsError } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';

export function readKerasFile(_bytes: Uint8Array, path: string): Promise<Map<string, NamedTensor>> {
  throw new LungclsError('BASE_INVALID', `${path}: not yet`);
}
