/**
 * The error type of every public function, and the closed list of its codes.
 * A code is part of the public API: it is never renamed, only added.
 */

/** Stable error codes, each with what it means. */
export const ERROR_CODES = {
  // How the tool was called.
  USAGE: 'wrong flags or arguments',
  INVALID_OPTION: 'an option of a library function has the wrong type or value',
  // Inputs.
  INPUT_NOT_FOUND: 'a file or folder does not exist',
  INPUT_UNREADABLE: 'a file or folder cannot be read',
  INPUT_EMPTY: 'a folder, an archive or a list holds no image',
  INPUT_CHANGED: 'an image file or an archive changed while it was being read',
  TOO_FEW_CLASSES: 'training needs at least two classes',
  TOO_FEW_TILES: 'there are too few tiles for what was asked',
  UNKNOWN_CLASS: 'a class was named that the input does not have',
  CLASSES_AMBIGUOUS: 'which folders are the classes is not clear; name them',
  SPLIT_INVALID: 'a file of groups or of a split is malformed or does not fit the tile store',
  SPLIT_IMPOSSIBLE: 'no split found that keeps groups whole at the sizes asked for',
  GROUPS_UNKNOWN: 'which tiles belong together is not known',
  // Archives.
  ZIP_DAMAGED: 'a zip archive is truncated or inconsistent',
  ZIP_ENCRYPTED: 'a zip archive, or an entry of it, is encrypted',
  ZIP_UNSAFE_NAME: 'a zip entry has an absolute name or one with ".."',
  ZIP_BOMB: 'zip entries overlap or unpack to implausibly much',
  ZIP_UNSUPPORTED: 'a zip entry uses a compression method other than stored or deflated',
  TAR_DAMAGED: 'a tar archive is truncated or inconsistent, or its gzip data is damaged',
  TAR_UNSAFE_NAME: 'a tar entry has an absolute name or one with ".."',
  TAR_UNSUPPORTED: 'a tar archive has sparse entries, or is packed by something other than gzip',
  // Images: these also appear as the status of a single image.
  IMAGE_EMPTY: 'an image file has no bytes',
  IMAGE_FORMAT: 'the bytes are not an image of a supported format',
  IMAGE_HEADER: 'the header of an image is damaged or cut off',
  IMAGE_UNSUPPORTED: 'the image uses a feature that is not supported',
  IMAGE_TOO_LARGE: 'the image has more pixels or bytes, or takes more memory, than the limit',
  IMAGE_TOO_SLOW: 'decoding the image takes longer than the limit',
  IMAGE_DAMAGED: 'the image data is damaged or cut off',
  // Outputs.
  OUTPUT_EXISTS: 'the output exists and --force was not given',
  OUTPUT_UNWRITABLE: 'the output cannot be written',
  DISK_FULL: 'the disk is full',
  RESULTS_INVALID: 'a result file is damaged, incomplete or not ours',
  SHARD_MISMATCH: 'result files to be merged are not all the shards of one job, each once',
  // Stores, bases, models.
  STORE_INVALID: 'a tile store is incomplete or inconsistent',
  FEATURES_INVALID: 'a features file is incomplete or inconsistent',
  BASE_UNKNOWN: 'no base of that name',
  BASE_MISSING: 'the weights of a base have not been fetched',
  BASE_INVALID: 'a weights file is damaged, of another network, or has another hash',
  MODEL_INVALID: 'a model bundle is damaged, incomplete or not ours',
  PREPROCESSING_MISMATCH: 'a model was given tiles of another preprocessing',
  EXPORT_MISMATCH: 'the exported model disagrees with the trained one',
  CHECKPOINT_INVALID: 'a checkpoint is damaged or belongs to another run',
  // Running.
  TRAINING_DIVERGED: 'the loss is no longer a finite number',
  ADDON_MISSING: 'the native addon has not been built or cannot be loaded',
  BACKEND_UNAVAILABLE: 'the TensorFlow backend that was asked for is not there',
  DEVICE_UNAVAILABLE: 'the ONNX Runtime provider that was asked for is not there',
  DOWNLOAD_FAILED: 'a file could not be fetched',
  HASH_MISMATCH: 'a fetched file does not have the expected hash',
  CLOSED: 'a closed object was used',
  ABORTED: 'stopped by the caller or by Ctrl-C',
  BUSY: 'another process is working on the same output',
  INTERNAL: 'a bug in this tool',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface LungclsErrorOptions {
  /** What caused it. */
  cause?: unknown;
  /** The file, folder or archive entry it is about. */
  path?: string;
}

/** Every error that a public function throws on purpose. */
export class LungclsError extends Error {
  override readonly name = 'LungclsError';
  readonly code: ErrorCode;
  readonly path?: string;

  constructor(code: ErrorCode, message: string, options: LungclsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.path !== undefined) this.path = options.path;
  }
}

/** The code of a Node system error (`ENOENT`, ...), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Turns a failure to read `path` into a LungclsError that names it.
 * Errors that are LungclsErrors already pass through.
 */
export function readError(error: unknown, path: string, what = 'file'): LungclsError {
  if (error instanceof LungclsError) return error;
  if (systemErrorCode(error) === 'ENOENT') {
    return new LungclsError('INPUT_NOT_FOUND', `No such ${what}: ${path}`, { cause: error, path });
  }
  return new LungclsError('INPUT_UNREADABLE', `Cannot read ${what} ${path}: ${messageOf(error)}`, {
    cause: error,
    path,
  });
}

/** Turns a failure to write `path` into a LungclsError that names it. */
export function writeError(error: unknown, path: string): LungclsError {
  if (error instanceof LungclsError) return error;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LungclsError('DISK_FULL', `The disk is full while writing ${path}`, {
      cause: error,
      path,
    });
  }
  return new LungclsError('OUTPUT_UNWRITABLE', `Cannot write ${path}: ${messageOf(error)}`, {
    cause: error,
    path,
  });
}
