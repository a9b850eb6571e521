/** File names as users see them, and which files are taken for images. */
import { isUtf8 } from 'node:buffer';

/** Extensions of the formats that can be decoded, lower case; any case is accepted. */
export const IMAGE_EXTENSIONS = [
  '.jpeg',
  '.jpg',
  '.png',
  '.tif',
  '.tiff',
  '.webp',
  '.bmp',
] as const;

const IMAGE_NAME = /.\.(?:jpeg|jpg|png|tiff?|webp|bmp)$/i;

/** True for a file name (no folders) that has the extension of an image. */
export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name);
}

const ARCHIVE_NAME = /.\.(?:zip|tar|tar\.gz|tgz)$/i;

/** True for a file name (no folders) that has the extension of an archive that can be read. */
export function isArchiveName(name: string): boolean {
  return ARCHIVE_NAME.test(name);
}

/**
 * True for a file or folder that is never looked at: hidden ones (macOS writes a `._x.jpeg` beside
 * each `x.jpeg`) and `__MACOSX`, which its archiver adds.
 */
export function isIgnoredName(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX';
}

/** A name of any bytes as text: UTF-8, and `\xHH` for each byte that is not. */
export function displayName(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes).toString('utf8');
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const length = [1, 2, 3, 4].find((n) => isUtf8(bytes.subarray(i, i + n)));
    if (length === undefined) {
      text += `\\x${bytes[i]!.toString(16).padStart(2, '0')}`;
      i += 1;
    } else {
      const end = Math.min(i + length, bytes.length);
      text += Buffer.from(bytes.subarray(i, end)).toString('utf8');
      i = end;
    }
  }
  return text;
}

/** The folders and the name of a '/'-separated path. */
export function pathSegments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}
