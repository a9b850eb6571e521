/** Where the bytes of one encoded image are: a file, an entry of an archive, or memory. */

/** An entry of a zip archive, located so that it can be read without the central directory. */
export interface ZipEntryLocation {
  /** Byte offset of the entry's local file header in the archive. */
  readonly headerOffset: number;
  /** Bytes of the entry as stored in the archive. */
  readonly compressedSize: number;
  /** Bytes of the entry once unpacked. */
  readonly uncompressedSize: number;
  /** 0 = stored, 8 = deflated; no other is supported. */
  readonly method: 0 | 8;
  /** CRC-32 of the unpacked bytes, 0 to 2^32 - 1. */
  readonly crc32: number;
}

/** One encoded image. */
export interface ImageSource {
  /**
   * The name users see, which goes into index.csv and out.csv: '/'-separated, relative to the root
   * of the data set, or as it was given. Bytes of a name that are not UTF-8 appear as `\xHH`.
   */
  readonly path: string;
  /** The file to open: the image, or the archive that holds it. */
  readonly file: string;
  /**
   * The bytes of `file` where they are not valid UTF-8, so that no string can name the file; to be
   * opened instead of `file`. Absent otherwise. Linux allows any bytes in a file name.
   */
  readonly fileBytes?: Uint8Array;
  /** Where in the archive `file` the image is; absent when `file` is the image itself. */
  readonly entry?: ZipEntryLocation;
  /** Where in `file` the image stands as it is, in bytes: an entry of a tar archive. */
  readonly range?: { readonly offset: number; readonly length: number };
  /** The encoded image itself; `file` and `range` then only say where it is from, and nothing is opened. */
  readonly bytes?: Uint8Array;
}
