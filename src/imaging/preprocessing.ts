/** What was done to an image before the network sees it: one description, read by every stage. */
import { LungclsError } from '../errors.js';
import { fingerprint } from '../storage/hash.js';

/** The preprocessing of a tile store, a model, an input. */
export interface PreprocessingSpec {
  /** Side of the square tiles, in pixels. */
  readonly size: number;
  /** How images are resized: `cv2` is OpenCV's `resize` with INTER_LINEAR on 8-bit pixels. */
  readonly resize: 'cv2';
  /** Order of the channels. */
  readonly color: 'rgb';
  readonly dtype: 'uint8';
  /** Order of the axes: tile, row, column, channel. */
  readonly layout: 'NHWC';
}

/** Largest tile side: 3 * 4096^2 bytes a tile still fit a batch into memory. */
const MAX_SIZE = 4096;

/**
 * The description for tiles of `size` x `size` pixels.
 * @param size 1 to 4096
 * @throws LungclsError INVALID_OPTION
 */
export function preprocessingSpec(size: number): PreprocessingSpec {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected an integer from 1 to ${String(MAX_SIZE)} for size but received ${String(size)} of type ${typeof size}`,
    );
  }
  return { size, resize: 'cv2', color: 'rgb', dtype: 'uint8', layout: 'NHWC' };
}

/** SHA-256 (hex) that two descriptions share exactly when tiles of both may be mixed. */
export function preprocessingFingerprint(spec: PreprocessingSpec): string {
  const { size, resize, color, dtype, layout } = spec;
  return fingerprint({ size, resize, color, dtype, layout });
}

/** Reads a description from parsed JSON; undefined where it is none that this version knows. */
export function parsePreprocessingSpec(value: unknown): PreprocessingSpec | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { size, resize, color, dtype, layout } = value as Record<string, unknown>;
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    return undefined;
  }
  if (resize !== 'cv2' || color !== 'rgb' || dtype !== 'uint8' || layout !== 'NHWC')
    return undefined;
  return { size, resize, color, dtype, layout };
}
