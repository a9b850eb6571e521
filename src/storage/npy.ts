/**
 * NumPy's .npy format, version 1.0 (numpy/lib/format.py): a magic string, the length of a header,
 * the header (a Python literal, padded with spaces), the array's bytes in C order.
 */
import { open } from 'node:fs/promises';
import { LungclsError, readError } from '../errors.js';
import { writeFileAtomic } from './atomic.js';

export const NPY_HEADER_BYTES = 128;
const MAGIC = Buffer.from('\x93NUMPY\x01\x00', 'latin1');

const ITEM_BYTES = { '|u1': 1, '<i4': 4, '<i8': 8, '<f2': 2, '<f4': 4 } as const;
export type NpyDtype = keyof typeof ITEM_BYTES;

export interface NpyDescription {
  dtype: NpyDtype;
  shape: readonly number[];
}

export interface NpyHeader extends NpyDescription {
  /** Where the array's bytes begin. */
  dataOffset: number;
}

/** Bytes of one element. */
export function itemBytes(dtype: NpyDtype): number {
  return ITEM_BYTES[dtype];
}

/**
 * The header of an array. Always 128 bytes, so that a file that grows can be given its final shape
 * at the end by writing over the first ones.
 */
export function npyHeader({ dtype, shape }: NpyDescription): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const header = Buffer.alloc(NPY_HEADER_BYTES, ' ');
  MAGIC.copy(header);
  header.writeUInt16LE(NPY_HEADER_BYTES - 10, 8);
  if (text.length > NPY_HEADER_BYTES - 11) {
    throw new LungclsError('INTERNAL', `npy header too long for shape ${tuple}`);
  }
  header.write(text, 10, 'latin1');
  header[NPY_HEADER_BYTES - 1] = 0x0a;
  return header;
}

/**
 * Reads the header of a little-endian, C-order .npy file of version 1 to 3.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE (not such a file)
 */
export async function readNpyHeader(path: string): Promise<NpyHeader> {
  const start = Buffer.alloc(4096);
  let length: number;
  try {
    const file = await open(path, 'r');
    try {
      length = (await file.read(start, 0, start.byteLength, 0)).bytesRead;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readError(error, path);
  }
  const header = parseHeader(start.subarray(0, length));
  if (header === undefined) {
    throw new LungclsError(
      'INPUT_UNREADABLE',
      `${path} is not a .npy file of one of the types ${Object.keys(ITEM_BYTES).join(', ')} in C order`,
      { path },
    );
  }
  return header;
}

function parseHeader(bytes: Buffer): NpyHeader | undefined {
  if (bytes.byteLength < 12 || !bytes.subarray(0, 6).equals(MAGIC.subarray(0, 6))) return undefined;
  const wide = (bytes[6] ?? 0) >= 2;
  const begin = wide ? 12 : 10;
  const dataOffset = begin + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  if (dataOffset > bytes.byteLength) return undefined;
  const text = bytes.toString('latin1', begin, dataOffset);
  const dtype = /'descr':\s*'([^']+)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([0-9,\s]*)\)/.exec(text)?.[1];
  if (dtype === undefined || shape === undefined || !isDtype(dtype)) return undefined;
  if (!/'fortran_order':\s*False/.test(text)) return undefined;
  const lengths = shape
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  // "1 2" is no number; one of twenty digits is none that can be held.
  const count = lengths.reduce((a, b) => a * b, itemBytes(dtype));
  if (!lengths.every(Number.isSafeInteger) || !Number.isSafeInteger(count)) return undefined;
  return { dtype, shape: lengths, dataOffset };
}

function isDtype(name: string): name is NpyDtype {
  return Object.hasOwn(ITEM_BYTES, name);
}

/** Writes a whole array; `data` holds its bytes, little-endian, in C order. */
export async function writeNpy(
  path: string,
  description: NpyDescription,
  data: Uint8Array,
): Promise<void> {
  const expected = description.shape.reduce((a, b) => a * b, itemBytes(description.dtype));
  if (data.byteLength !== expected) {
    throw new LungclsError(
      'INTERNAL',
      `Expected ${expected} bytes for shape (${description.shape.join(', ')}) but received ${data.byteLength}`,
    );
  }
  await writeFileAtomic(path, [npyHeader(description), data]);
}
