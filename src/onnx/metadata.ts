/**
 * Strings in an ONNX file, read without reading the weights. With a seal: the SHA-256 of the other
 * strings and of the graph, so that a lone file that was damaged or edited is found out.
 */
import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { LungclsError, messageOf, readError } from '../errors.js';
import { readVarint, WIRE } from './protobuf.js';

/** The key of the seal among the file's strings. */
export const SEAL_KEY = 'lungcls.sha256';

export interface OnnxMetadata {
  readonly strings: Readonly<Record<string, string>>;
  /** Where the graph lies in the file. */
  readonly graph: { readonly offset: number; readonly length: number };
}

const FIELD_GRAPH = 7;
const FIELD_METADATA = 14;
/** More than any metadata we write; a limit because the length comes from the file. */
const MAX_METADATA_BYTES = 16 * 1024 * 1024;
const READ_BYTES = 1 << 20;

/** Starts a seal with the strings, in order of their keys; the graph's bytes follow. */
export function sealHash(strings: Readonly<Record<string, string>>): Hash {
  const hash = createHash('sha256');
  for (const key of Object.keys(strings).sort()) {
    if (key !== SEAL_KEY) hash.update(JSON.stringify([key, strings[key]]));
  }
  return hash;
}

/**
 * The strings of an ONNX file, and where its graph is.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | MODEL_INVALID (not ONNX, or cut off)
 */
export async function readOnnxMetadata(path: string): Promise<OnnxMetadata> {
  return withFile(path, async (file, size) => {
    const strings: Record<string, string> = {};
    let graph: OnnxMetadata['graph'] | undefined;
    let offset = 0;
    while (offset < size) {
      const head = await read(file, offset, Math.min(20, size - offset));
      const tag = readVarint(head, 0);
      const field = Math.floor(tag.value / 8);
      const wire = tag.value % 8;
      let length: number;
      let start = offset + tag.next;
      if (wire === WIRE.varint) {
        start = offset + readVarint(head, tag.next).next;
        length = 0;
      } else if (wire === WIRE.bytes) {
        const bytes = readVarint(head, tag.next);
        start = offset + bytes.next;
        length = bytes.value;
      } else if (wire === WIRE.fixed32 || wire === WIRE.fixed64) {
        length = wire === WIRE.fixed32 ? 4 : 8;
      } else throw new RangeError(`byte ${String(offset)} starts no field`);
      if (field < 1 || start + length > size) {
        throw new RangeError(`the field at byte ${String(offset)} goes beyond the end of the file`);
      }
      if (field === FIELD_GRAPH) graph = { offset: start, length };
      if (field === FIELD_METADATA) {
        if (length > MAX_METADATA_BYTES) throw new RangeError('its metadata is implausibly large');
        const [key, value] = entryOf(await read(file, start, length));
        strings[key] = value;
      }
      offset = start + length;
    }
    if (graph === undefined) throw new RangeError('it has no graph');
    return { strings, graph };
  });
}

/**
 * Whether a sealed file is as it was written.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function verifySeal(path: string, metadata: OnnxMetadata): Promise<boolean> {
  return withFile(path, async (file) => {
    const hash = sealHash(metadata.strings);
    const { offset, length } = metadata.graph;
    for (let done = 0; done < length; done += READ_BYTES) {
      hash.update(await read(file, offset + done, Math.min(READ_BYTES, length - done)));
    }
    return hash.digest('hex') === metadata.strings[SEAL_KEY];
  });
}

async function withFile<T>(
  path: string,
  work: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw readError(error, path);
  }
  try {
    return await work(file, (await file.stat()).size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw readError(error, path);
    throw new LungclsError(
      'MODEL_INVALID',
      `${path} is not a sound ONNX file: ${messageOf(error)}`,
      {
        cause: error,
        path,
      },
    );
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw new RangeError('the file ends early');
  return buffer;
}

/** A StringStringEntryProto: key 1, value 2. */
function entryOf(bytes: Buffer): [key: string, value: string] {
  const fields = ['', '', ''];
  let offset = 0;
  while (offset < bytes.length) {
    const tag = readVarint(bytes, offset);
    const length = readVarint(bytes, tag.next);
    const end = length.next + length.value;
    if (tag.value % 8 !== WIRE.bytes || end > bytes.length) {
      throw new RangeError('its metadata is damaged');
    }
    fields[Math.floor(tag.value / 8)] = bytes.toString('utf8', length.next, end);
    offset = end;
  }
  return [fields[1] ?? '', fields[2] ?? ''];
}
