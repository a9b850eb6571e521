/** The addon's status numbers, as error codes. */
import type { ErrorCode } from '../errors.js';

/** `ok`; decoded with a warning; not a JPEG, to be decoded elsewhere; or why there is no image. */
export type NativeStatus = 'ok' | 'damaged' | 'not-jpeg' | ErrorCode;

/** In the order of the enumeration Status in native/core/status.hpp. */
const NATIVE_STATUSES = [
  'ok',
  'damaged',
  'not-jpeg',
  'INPUT_NOT_FOUND',
  'INPUT_UNREADABLE',
  'IMAGE_EMPTY',
  'IMAGE_FORMAT',
  'IMAGE_HEADER',
  'IMAGE_UNSUPPORTED',
  'IMAGE_TOO_LARGE',
  'IMAGE_DAMAGED',
  'ZIP_DAMAGED',
  'ZIP_ENCRYPTED',
  'ZIP_UNSUPPORTED',
  'ABORTED',
  'INTERNAL',
  'IMAGE_TOO_SLOW',
] as const satisfies readonly NativeStatus[];

/** The name of a status number of the addon. */
export function nativeStatus(number: number | undefined): NativeStatus {
  return (number === undefined ? undefined : NATIVE_STATUSES[number]) ?? 'INTERNAL';
}
