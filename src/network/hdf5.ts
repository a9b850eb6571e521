/** Datasets and string attributes out of an HDF5 file in memory, through h5wasm. */
import { randomBytes } from 'node:crypto';
import type { Dataset, File, Group } from 'h5wasm';
import { LungclsError, messageOf } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';

export interface Hdf5Reader {
  /** Paths of all groups and datasets, without a leading slash. */
  readonly paths: readonly string[];
  isGroup(path: string): boolean;
  /** Names in a group, '' for the root. */
  names(path: string): readonly string[];
  /** An attribute that is a string or a list of them. */
  strings(path: string, attribute: string): readonly string[] | undefined;
  /** A dataset of floats; undefined where there is none at that path. */
  tensor(path: string): NamedTensor | undefined;
}

const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

export function isHdf5(bytes: Uint8Array): boolean {
  return SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length));
}

/**
 * Opens the file for as long as `work` runs. A damaged file may keep HDF5 busy for ever, or spoil its
 * memory for the files after it: keras-apart.ts is the way for files from outside.
 * @throws LungclsError BASE_INVALID if HDF5 cannot make sense of it; what `work` throws
 */
export async function withHdf5<T>(
  bytes: Uint8Array,
  what: string,
  work: (reader: Hdf5Reader) => T,
): Promise<T> {
  // Loaded here: its WebAssembly takes a moment that nobody else has to spend.
  const { default: h5wasm } = await import('h5wasm');
  const module = await h5wasm.ready;
  const { FS } = module;
  // Without this HDF5 writes its complaints to stderr and returns nothing.
  module.activate_throwing_error_handler();
  // In the module's own memory, not on disk.
  const name = `base-${randomBytes(8).toString('hex')}.h5`;
  FS.writeFile(name, bytes);
  let file: File | undefined;
  try {
    const open = new h5wasm.File(name, 'r');
    file = open;
    const group = (path: string): Group | undefined => {
      const entity = path === '' ? open : open.get(path);
      return entity instanceof h5wasm.Group ? entity : undefined;
    };
    return work({
      paths: open.paths(),
      isGroup: (path) => group(path) !== undefined,
      names: (path) => group(path)?.keys() ?? [],
      strings: (path, attribute) => stringsOf(group(path)?.attrs[attribute]?.value),
      tensor(path) {
        const entity = open.get(path);
        return entity instanceof h5wasm.Dataset ? tensorOf(entity, path, bytes.length) : undefined;
      },
    });
  } catch (error) {
    if (error instanceof LungclsError) throw error;
    throw new LungclsError('BASE_INVALID', `${what} is not a sound HDF5 file: ${reasonOf(error)}`, {
      cause: error,
    });
  } finally {
    file?.close();
    FS.unlink(name);
  }
}

/** HDF5 prints its call stack, the innermost call last: `#006: ... in H5F__super_read(): truncated file`. */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  const reasons = [...message.matchAll(/^ *#\d+: .*?\(\): (.*)$/gm)];
  return reasons.at(-1)?.[1] ?? message;
}

function tensorOf(dataset: Dataset, path: string, fileBytes: number): NamedTensor {
  const { shape, metadata } = dataset;
  // Deflate packs 1032 to 1 at best: more is damage, for which HDF5 would take memory all the same.
  if (metadata.total_size * metadata.size > fileBytes * 1032) {
    throw new Error(`${path} is larger than the file can hold`);
  }
  const { value } = dataset;
  // A value of its own: what h5wasm returns may be a view of its memory, which is freed.
  if (value instanceof Float32Array || value instanceof Float64Array) {
    return { shape: shape ?? [], data: Float32Array.from(value) };
  }
  throw new Error(`${path} is of type ${JSON.stringify(dataset.dtype)}, expected floats`);
}

function stringsOf(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return undefined;
  return value.every((item): item is string => typeof item === 'string') ? value : undefined;
}
