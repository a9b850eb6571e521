/** PNG, TIFF and WebP to 8-bit RGB, through sharp. */
import sharp, { type Metadata, type Sharp } from 'sharp';
import { messageOf } from '../errors.js';
import type { DecodeLimits } from './decode-options.js';
import { checkDimensions, ImageFailure, type DecodedImage } from './decoded-image.js';

// Every image is read once: a cache of decoded images would only hold memory.
sharp.cache(false);

const RGB = 3;

/**
 * Decodes the first page of an image to 8-bit RGB as OpenCV's imread does: orientation applied, alpha
 * dropped, gray spread over three channels, of 16-bit samples the high byte, colour profiles ignored.
 * An image that only decodes with errors comes back with a warning.
 * @throws ImageFailure
 */
export async function decodeWithSharp(
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const metadata = await readMetadata(bytes);
  checkDimensions(metadata.width, metadata.height, bytesPerPixel(metadata), limits);
  try {
    return await toRgb(open(bytes, limits, 'warning'), metadata);
  } catch (error) {
    throwIfTooSlow(error, limits);
    const warning = messageOf(error);
    try {
      return { ...(await toRgb(open(bytes, limits, 'none'), metadata)), warning };
    } catch (second) {
      throwIfTooSlow(second, limits);
      throw new ImageFailure('IMAGE_DAMAGED', warning, error);
    }
  }
}

/** sharp's own pixels, and the RGB made of them. */
function bytesPerPixel({ channels, depth }: Metadata): number {
  return channels * (depth === 'ushort' ? 2 : 1) + RGB;
}

/** sharp tells a timeout by its words alone. */
function throwIfTooSlow(error: unknown, { maxSeconds }: DecodeLimits): void {
  if (!messageOf(error).startsWith('timeout')) return;
  throw new ImageFailure(
    'IMAGE_TOO_SLOW',
    `Decoding took longer than the limit of ${String(maxSeconds)} s (maxSeconds)`,
    error,
  );
}

async function readMetadata(bytes: Uint8Array): Promise<Metadata> {
  try {
    // The limit is checked by the caller, whose message is clearer.
    return await sharp(bytes, { limitInputPixels: false, failOn: 'none' }).metadata();
  } catch (error) {
    throw new ImageFailure('IMAGE_HEADER', messageOf(error), error);
  }
}

function open(bytes: Uint8Array, limits: DecodeLimits, failOn: 'none' | 'warning'): Sharp {
  return (
    sharp(bytes, {
      limitInputPixels: limits.maxPixels,
      failOn,
      ignoreIcc: true,
      sequentialRead: true,
    })
      // Whole seconds, an hour at most.
      .timeout({ seconds: Math.min(Math.ceil(limits.maxSeconds), 3600) })
      .autoOrient()
      .removeAlpha()
  );
}

async function toRgb(image: Sharp, metadata: Metadata): Promise<DecodedImage> {
  const wide = metadata.depth === 'ushort';
  const { data, info } = wide
    ? await image
        .toColourspace('rgb16')
        .raw({ depth: 'ushort' })
        .toBuffer({ resolveWithObject: true })
    : await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  const samples = wide ? highBytes(data) : data;
  const { width, height, channels } = info;
  return { width, height, pixels: channels === RGB ? samples : spread(samples, channels) };
}

/** The high byte of each 16-bit sample, in the byte order of this machine (little-endian). */
function highBytes(data: Uint8Array): Uint8Array {
  const samples = new Uint8Array(data.length / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = data[2 * i + 1] ?? 0;
  return samples;
}

/** The first channel of each pixel, three times. */
function spread(samples: Uint8Array, channels: number): Uint8Array {
  const pixels = new Uint8Array((samples.length / channels) * RGB);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = samples[Math.floor(i / RGB) * channels] ?? 0;
  }
  return pixels;
}
