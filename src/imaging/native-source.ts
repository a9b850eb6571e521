/** Image sources in the form that the addon takes. */
import type { NativeFile } from '../native/addon.js';
import type { ImageSource } from './source.js';

/** Numbers a source in the array that describes zip entries. */
const ENTRY_NUMBERS = 5;
/** Stands in place of the header offset for a file of its own. */
const NO_ENTRY = -1;

/** The file to open for `source`. */
export function nativeFile(source: ImageSource): NativeFile {
  return source.fileBytes ?? source.file;
}

/** headerOffset, compressedSize, uncompressedSize, method and crc32 of each source in turn. */
export function entryNumbers(sources: readonly ImageSource[]): Float64Array {
  const numbers = new Float64Array(sources.length * ENTRY_NUMBERS).fill(NO_ENTRY);
  sources.forEach(({ entry }, i) => {
    if (entry === undefined) return;
    const { headerOffset, compressedSize, uncompressedSize, method, crc32 } = entry;
    numbers.set([headerOffset, compressedSize, uncompressedSize, method, crc32], i * ENTRY_NUMBERS);
  });
  return numbers;
}
