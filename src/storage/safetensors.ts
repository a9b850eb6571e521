/**
 * The safetensors format (github.com/huggingface/safetensors): eight bytes with the length of a
 * JSON header, the header (name -> dtype, shape, offsets; `__metadata__`: strings), the tensors'
 * bytes, little-endian, in C order. Chosen because other tools open it and nothing in it runs.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { LungclsError, readError } from '../errors.js';
import { writeFileAtomic } from './atomic.js';

/** A float32 array with its shape, in C order. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Safetensors {
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** A header larger than this is damage, not data (the reference reader has the same limit). */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = '__metadata__';

/**
 * Writes float32 tensors, whole or not at all. Names in the map's order; the same input gives the
 * same bytes.
 * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** The bytes of such a file in pieces, in order; the tensors' are not copied. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const end = offset + data.byteLength;
    header[name] = { dtype: 'F32', shape: [...shape], data_offsets: [offset, end] };
    offset = end;
  }
  // The reference implementation aligns the data to 8 bytes with spaces.
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const padding = Buffer.alloc((8 - (json.byteLength % 8)) % 8, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength + padding.byteLength));
  const chunks: Uint8Array[] = [length, json, padding];
  for (const { data } of tensors.values()) {
    chunks.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return chunks;
}

/**
 * Reads a file of float32 tensors.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE (damaged, or tensors of another type)
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw readError(error, path);
  }
  try {
    const { size } = await file.stat();
    return await readSource({ size, read: (into, from) => readAll(file, into, from) }, path);
  } catch (error) {
    throw readError(error, path);
  } finally {
    await file.close();
  }
}

/**
 * The same of bytes in memory.
 * @param name where they are from, for messages
 * @throws LungclsError INPUT_UNREADABLE
 */
export async function decodeSafetensors(bytes: Uint8Array, name: string): Promise<Safetensors> {
  const read = (into: Uint8Array, from: number): void => {
    into.set(bytes.subarray(from, from + into.byteLength));
  };
  return await readSource({ size: bytes.byteLength, read }, name);
}

/** Where the bytes are. */
interface Source {
  readonly size: number;
  /** Fills all of `into` with the bytes from `from` on. */
  readonly read: (into: Uint8Array, from: number) => Promise<void> | void;
}

async function readSource({ size, read }: Source, path: string): Promise<Safetensors> {
  const damaged = (what: string): LungclsError =>
    new LungclsError('INPUT_UNREADABLE', `${path} is not a sound safetensors file: ${what}`, {
      path,
    });
  if (size < 8) throw damaged(`expected at least 8 bytes but it has ${size}`);
  const prefix = Buffer.alloc(8);
  await read(prefix, 0);
  const headerBytes = Number(prefix.readBigUInt64LE());
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > size) {
    throw damaged(`its header of ${headerBytes} bytes does not fit in ${size}`);
  }
  const headerText = Buffer.alloc(headerBytes);
  await read(headerText, 8);
  let header: unknown;
  try {
    header = JSON.parse(headerText.toString('utf8'));
  } catch {
    throw damaged('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null) throw damaged('its header is not an object');
  const result: Safetensors = { tensors: new Map(), metadata: {} };
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) {
      result.metadata = stringRecord(entry);
      continue;
    }
    if (!isEntry(entry)) throw damaged(`the entry of tensor ${name}`);
    if (entry.dtype !== 'F32') throw damaged(`tensor ${name} is ${entry.dtype}, expected F32`);
    const [begin, end] = entry.data_offsets;
    const bytes = entry.shape.reduce((a, b) => a * b, 4);
    if (begin < 0 || end - begin !== bytes || 8 + headerBytes + end > size) {
      throw damaged(`the extent of tensor ${name}`);
    }
    const data = new Float32Array(bytes / 4);
    await read(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      8 + headerBytes + begin,
    );
    result.tensors.set(name, { shape: entry.shape, data });
  }
  return result;
}

/** Reads in pieces of at most 1 GiB: one read() on Linux takes less than 2 GiB. */
async function readAll(file: FileHandle, buffer: Uint8Array, position: number): Promise<void> {
  let offset = 0;
  while (offset < buffer.byteLength) {
    const length = Math.min(buffer.byteLength - offset, 1 << 30);
    const { bytesRead } = await file.read(buffer, offset, length, position + offset);
    if (bytesRead === 0) throw new Error('the file ended early');
    offset += bytesRead;
  }
}

function isEntry(value: unknown): value is HeaderEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { dtype, shape, data_offsets: offsets } = value as Record<keyof HeaderEntry, unknown>;
  const isSize = (x: unknown): boolean =>
    typeof x === 'number' && Number.isSafeInteger(x) && x >= 0;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every(isSize) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isSize)
  );
}

function stringRecord(value: unknown): Record<string, string> {
  const result: Record<string, string> = {};
  if (typeof value === 'object' && value !== null) {
    for (const [key, text] of Object.entries(value)) {
      if (typeof text === 'string') result[key] = text;
    }
  }
  return result;
}
