/** Which format an image file has, by its first bytes; its name does not matter. */

export type ImageFormat = 'png' | 'tiff' | 'webp' | 'bmp';

interface Signature {
  readonly format: ImageFormat;
  /** What must stand where; undefined matches any byte. */
  readonly bytes: readonly (number | undefined)[];
}

const ANY = undefined;

const SIGNATURES: readonly Signature[] = [
  { format: 'png', bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  // Little and big endian, classic (42) and BigTIFF (43).
  { format: 'tiff', bytes: [0x49, 0x49, 42, 0] },
  { format: 'tiff', bytes: [0x4d, 0x4d, 0, 42] },
  { format: 'tiff', bytes: [0x49, 0x49, 43, 0] },
  { format: 'tiff', bytes: [0x4d, 0x4d, 0, 43] },
  // "RIFF", a length, "WEBP".
  { format: 'webp', bytes: [0x52, 0x49, 0x46, 0x46, ANY, ANY, ANY, ANY, 0x57, 0x45, 0x42, 0x50] },
  // "BM", a length, and four reserved bytes that are zero.
  { format: 'bmp', bytes: [0x42, 0x4d, ANY, ANY, ANY, ANY, 0, 0, 0, 0] },
];

/** The format of the image in `bytes`, or undefined for JPEG and everything unknown. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  return SIGNATURES.find((signature) =>
    signature.bytes.every((byte, i) => i < bytes.length && (byte === ANY || byte === bytes[i])),
  )?.format;
}
