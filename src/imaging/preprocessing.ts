/** What was done to an image before the network sees it: one description, read by every stage. */
import { LungclsError } from '../errors.js';
import { fingerprint } from '../storage/hash.js';

/**
 * How images become tiles. `cv2`: OpenCV's `imread` and `resize` with INTER_LINEAR. `area`: the same with
 * INTER_AREA, the mean of the pixels that a pixel covers, hence without aliasing. `fast`: as `cv2`, but
 * where a JPEG shrinks to less than half of its size its high frequencies are damped before the inverse
 * DCT, which takes away most of the aliasing and costs no time; other formats are as by `cv2`.
 */
export const RESIZE_MODES = ['cv2', 'area', 'fast'] as const;
export type ResizeMode = (typeof RESIZE_MODES)[number];

/** The preprocessing of a tile store, a model, an input. */
export interface PreprocessingSpec {
  /** Side of the square tiles, in pixels. */
  readonly size: number;
  readonly resize: ResizeMode;
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
export function preprocessingSpec(size: number, resize: ResizeMode = 'cv2'): PreprocessingSpec {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected an integer from 1 to ${String(MAX_SIZE)} for size but received ${String(size)} of type ${typeof size}`,
    );
  }
  return { size, resize: checkResizeMode(resize), color: 'rgb', dtype: 'uint8', layout: 'NHWC' };
}

/** @throws LungclsError INVALID_OPTION */
export function checkResizeMode(value: unknown): ResizeMode {
  const mode = RESIZE_MODES.find((name) => name === value);
  if (mode !== undefined) return mode;
  throw new LungclsError(
    'INVALID_OPTION',
    `Expected one of ${RESIZE_MODES.join(', ')} for resize but received ${String(value)} of type ${typeof value}`,
  );
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
  const mode = RESIZE_MODES.find((name) => name === resize);
  if (mode === undefined || color !== 'rgb' || dtype !== 'uint8' || layout !== 'NHWC') {
    return undefined;
  }
  return { size, resize: mode, color, dtype, layout };
}
