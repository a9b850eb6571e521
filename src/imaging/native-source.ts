/** Image sources in the form that the addon takes. */
import type { NativeFile } from '../native/addon.js';
import type { ImageSource } from './source.js';

/** A kind and five numbers that depend on it: SourceKind in native/binding/sources.hpp. */
const SOURCE_NUMBERS = 6;
const KIND = { file: 0, zipEntry: 1, range: 2, memory: 3 } as const;

/** The file to open for `source`, or its bytes where they are in memory. */
export function nativeFile(source: ImageSource): NativeFile {
  return source.bytes ?? source.fileBytes ?? source.file;
}

/** What kind of source each is and, in turn, where in its file it lies. */
export function sourceNumbers(sources: readonly ImageSource[]): Float64Array {
  const numbers = new Float64Array(sources.length * SOURCE_NUMBERS);
  sources.forEach((source, i) => {
    numbers.set(numbersOf(source), i * SOURCE_NUMBERS);
  });
  return numbers;
}

function numbersOf({ bytes, entry, range }: ImageSource): number[] {
  if (bytes !== undefined) return [KIND.memory];
  if (range !== undefined) return [KIND.range, range.offset, 0, range.length];
  if (entry === undefined) return [KIND.file];
  const { headerOffset, compressedSize, uncompressedSize, method, crc32 } = entry;
  return [KIND.zipEntry, headerOffset, compressedSize, uncompressedSize, method, crc32];
}
