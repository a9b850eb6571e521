/** Headers of tar archives. */
import type { ErrorCode } from '../errors.js';

export const BLOCK = 512;

/** What is wrong with an archive; the words go behind its name. */
export class TarProblem extends Error {
  override readonly name = 'TarProblem';
  readonly code: ErrorCode;

  constructor(code: 'TAR_DAMAGED' | 'TAR_UNSUPPORTED', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export interface TarHeader {
  readonly name: Uint8Array;
  /** Bytes of the data behind it. */
  readonly size: number;
  /** The type flag, one character. */
  readonly type: string;
}

/** Places of the fields: offset and length. */
const NAME = [0, 100] as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const MAGIC = [257, 8] as const;
const PREFIX = [345, 155] as const;

type Place = readonly [number, number];

function field(block: Buffer, [start, length]: Place): Buffer {
  const bytes = block.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/**
 * @param at where the block stands, for messages
 * @returns undefined for a block of zeros, which ends an archive
 * @throws TarProblem
 */
export function parseHeader(block: Buffer, at: number): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  let sum = 0;
  for (const [i, byte] of block.entries()) {
    const inChecksum = i >= CHECKSUM[0] && i < CHECKSUM[0] + CHECKSUM[1];
    // Its own field counts as spaces.
    sum += inChecksum ? 0x20 : byte;
  }
  if (sum !== octal(field(block, CHECKSUM))) {
    throw new TarProblem('TAR_DAMAGED', `is damaged, or no tar archive: no header at byte ${at}`);
  }
  const size = number(block, SIZE);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new TarProblem('TAR_DAMAGED', `is damaged: an entry at byte ${at} has no sound size`);
  }
  // GNU's own format ("ustar" and two spaces) has other fields where POSIX's has the prefix.
  const isPosix = field(block, MAGIC).toString('latin1') === 'ustar';
  const prefix = isPosix ? field(block, PREFIX) : Buffer.alloc(0);
  const name = field(block, NAME);
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    size,
    type: String.fromCharCode(block[TYPE] ?? 0),
  };
}

function octal(bytes: Buffer): number {
  const text = bytes.toString('latin1').trim();
  return /^[0-7]*$/.test(text) ? Number.parseInt(text === '' ? '0' : text, 8) : NaN;
}

/** Octal digits or, with the first bit set, GNU's big-endian binary. */
function number(block: Buffer, place: Place): number {
  const [start, length] = place;
  const first = block[start] ?? 0;
  if ((first & 0x80) === 0) return octal(field(block, place));
  let value = first & 0x7f;
  for (const byte of block.subarray(start + 1, start + length)) value = value * 256 + byte;
  return value;
}

/**
 * The records of a pax header: `<length> <key>=<value>\n`, the length counting the whole record.
 * @throws TarProblem
 */
export function parsePax(bytes: Buffer, at: number): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(0x20, start);
    const length = Number(bytes.toString('latin1', start, Math.max(space, start)));
    const end = start + length;
    const equals = bytes.indexOf(0x3d, space);
    const sound =
      Number.isInteger(length) &&
      space > start &&
      equals > space &&
      equals < end &&
      end <= bytes.length;
    if (!sound) {
      throw new TarProblem(
        'TAR_DAMAGED',
        `is damaged: an extended header at byte ${at} is not sound`,
      );
    }
    records.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1));
    start = end;
  }
  return records;
}
