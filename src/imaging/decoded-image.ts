/** An image decoded in TypeScript, on its way into a tile. */
import type { ErrorCode } from '../errors.js';
import type { DecodeLimits } from './decode-options.js';

/** 8-bit RGB pixels: height rows of width * 3 bytes, without gaps. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** What is wrong with it, when the decoder had to guess some of it. */
  readonly warning?: string;
}

/** Why one image could not be decoded; becomes its status. */
export class ImageFailure extends Error {
  override readonly name = 'ImageFailure';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * @param bytesPerPixel What decoding takes for a pixel, its RGB bytes included.
 * @throws ImageFailure IMAGE_TOO_LARGE or, without a pixel, IMAGE_HEADER
 */
export function checkDimensions(
  width: number,
  height: number,
  bytesPerPixel: number,
  limits: DecodeLimits,
): void {
  const { maxPixels, maxMemory } = limits;
  if (!(width >= 1 && height >= 1)) {
    throw new ImageFailure(
      'IMAGE_HEADER',
      `The image has ${String(width)} x ${String(height)} pixels`,
    );
  }
  if (width * height > maxPixels) {
    throw new ImageFailure(
      'IMAGE_TOO_LARGE',
      `The image has ${String(width)} x ${String(height)} = ${String(width * height)} pixels, more than the limit of ${String(maxPixels)} (--max-pixels)`,
    );
  }
  const needed = width * height * bytesPerPixel;
  if (needed > maxMemory) {
    throw new ImageFailure(
      'IMAGE_TOO_LARGE',
      `Decoding needs ${String(needed)} bytes, more than the limit of ${String(maxMemory)} (maxMemory)`,
    );
  }
}
