/** What an archive is, told by its content. */
import { open } from 'node:fs/promises';
import { LungclsError, readError } from '../errors.js';

export type ArchiveKind = 'zip' | 'tar' | 'tar.gz';

/** Where a tar header has its mark. */
const USTAR_OFFSET = 257;

/** How other packers' files begin, that are used for tar archives. */
const OTHER_PACKERS: readonly (readonly [string, string])[] = [
  ['fd377a585a00', 'xz'],
  ['425a68', 'bzip2'],
  ['28b52ffd', 'zstd'],
  ['1f9d', 'compress'],
];

/**
 * The kind of archive that a file is; undefined for a file that is none, such as an image. What is named
 * .tar is taken for one, so that a damaged one is said to be damaged.
 * @throws LungclsError TAR_UNSUPPORTED (a tar archive packed by something other than gzip) |
 *   INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function archiveKind(path: string): Promise<ArchiveKind | undefined> {
  const start = Buffer.alloc(512);
  try {
    const file = await open(path, 'r');
    try {
      await file.read(start, 0, start.length, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readError(error, path);
  }
  // A local header, the end record of an empty archive, or the mark of a split one.
  if ([0x04034b50, 0x06054b50, 0x08074b50].includes(start.readUInt32LE(0))) return 'zip';
  if (start.readUInt16BE(0) === 0x1f8b) return 'tar.gz';
  if (start.toString('latin1', USTAR_OFFSET, USTAR_OFFSET + 5) === 'ustar') return 'tar';
  const packer = OTHER_PACKERS.find(([bytes]) => start.toString('hex').startsWith(bytes));
  if (packer !== undefined && /\.(?:tar\.\w+|t[a-z]?[bx]z2?|tzst|taz)$/i.test(path)) {
    throw new LungclsError(
      'TAR_UNSUPPORTED',
      `The archive ${path} is packed by ${packer[1]}; only .tar and .tar.gz can be read`,
      { path },
    );
  }
  return /\.tar$/i.test(path) ? 'tar' : /\.(?:tar\.gz|tgz)$/i.test(path) ? 'tar.gz' : undefined;
}
