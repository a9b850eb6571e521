/** Images that are not JPEG: read natively, decoded in TypeScript, resized natively. */
import { LIMITS } from '../config.js';
import { loadAddon, nativeStatus } from '../native/addon.js';
import { decodeBmp } from './bmp-decoder.js';
import type { DecodeLimits } from './decode-options.js';
import { ImageFailure, type DecodedImage } from './decoded-image.js';
import { imageFormat } from './image-format.js';
import { sourceNumbers, nativeFile } from './native-source.js';
import type { ImageSource } from './source.js';

/**
 * Decodes an image that is not a JPEG.
 * @throws ImageFailure with the status the image gets.
 */
export async function decodeOtherFormat(
  source: ImageSource,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const { status, message, bytes } = await loadAddon().readSource(
    nativeFile(source),
    sourceNumbers([source]),
    LIMITS.maxFileBytes,
  );
  const read = nativeStatus(status);
  if (read !== 'ok') throw new ImageFailure(asCode(read), message);
  const format = imageFormat(bytes);
  switch (format) {
    case 'bmp':
      return decodeBmp(bytes, limits);
    case 'png':
    case 'tiff':
    case 'webp': {
      // Loaded when first needed: it brings a large library, and most runs see only JPEGs.
      const { decodeWithSharp } = await import('./sharp-decoder.js');
      return await decodeWithSharp(bytes, limits);
    }
    case undefined:
      throw new ImageFailure(
        'IMAGE_FORMAT',
        `Expected a JPEG, PNG, TIFF, WebP or BMP image but the file begins with ${beginning(bytes)}`,
      );
  }
}

function asCode(status: ReturnType<typeof nativeStatus>): ImageFailure['code'] {
  return status === 'ok' || status === 'damaged' || status === 'not-jpeg' ? 'INTERNAL' : status;
}

/** The first bytes, as text where they are text. */
function beginning(bytes: Uint8Array): string {
  const first = Buffer.from(bytes.subarray(0, 8));
  const text = first.toString('latin1');
  return /^[\x20-\x7e\t\r\n]+$/.test(text)
    ? JSON.stringify(text)
    : `bytes ${first.toString('hex')}`;
}
