/** As many image files as are wanted, made from few: each image again and again, under other names. */
import { copyFile, link, mkdir, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LIMITS } from '../config.js';
import { listImages } from '../dataset/list.js';
import { makeSampleTiles } from '../dataset/sample/tiles.js';
import { LungclsError, systemErrorCode } from '../errors.js';
import { nativeFile, sourceNumbers } from '../imaging/native-source.js';
import type { ImageSource } from '../imaging/source.js';
import { loadAddon } from '../native/addon.js';
import { throwIfAborted } from '../runtime/abort.js';

/** Different images: few enough to stay in the system's cache, so that the disk's speed stays out of it. */
const DIFFERENT = 256;
/** Two, since one folder alone is no data set. */
const CLASSES = ['a', 'b'] as const;

export interface ScaleImages {
  /** A folder with one sub-folder a class. */
  readonly folder: string;
  /** Different images among them, and their mean size in bytes. */
  readonly different: number;
  readonly meanBytes: number;
  /** Adds files until there are so many. */
  grow(tiles: number): Promise<void>;
}

/**
 * @param input a folder or an archive; tiles that a program draws where it is not given
 * @param folder for the files; on one file system, since they are hard links
 * @throws LungclsError INPUT_EMPTY | INPUT_UNREADABLE | ABORTED, and those of listImages
 */
export async function scaleImages(
  input: string | undefined,
  folder: string,
  signal?: AbortSignal,
): Promise<ScaleImages> {
  const drawn = join(folder, 'drawn');
  if (input === undefined) await makeSampleTiles({ output: drawn, force: true, seed: 3 });
  const found: ImageSource[] = [];
  for await (const source of listImages([input ?? drawn], { signal })) found.push(source);
  if (found.length === 0) throw new LungclsError('INPUT_EMPTY', 'Expected at least one image');
  const originals = join(folder, 'originals');
  await mkdir(originals, { recursive: true });
  const files: string[] = [];
  let bytes = 0;
  for (const [i, source] of spread(found).entries()) {
    throwIfAborted(signal);
    const data = await contentOf(source);
    const path = join(originals, `${i}${extname(source.path)}`);
    await writeFile(path, data);
    files.push(path);
    bytes += data.length;
  }
  const place = join(folder, 'images');
  for (const name of CLASSES) await mkdir(join(place, name), { recursive: true });
  let count = 0;
  return {
    folder: place,
    different: files.length,
    meanBytes: bytes / files.length,
    async grow(tiles) {
      for (; count < tiles; count++) {
        throwIfAborted(signal);
        const original = files[count % files.length] ?? '';
        const name = `tile-${String(count).padStart(9, '0')}${extname(original)}`;
        const path = join(place, CLASSES[count % CLASSES.length] ?? '', name);
        files[count % files.length] = await again(original, path);
      }
    },
  };
}

function spread(all: readonly ImageSource[]): ImageSource[] {
  const count = Math.min(all.length, DIFFERENT);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]).filter(
    (source) => source !== undefined,
  );
}

async function contentOf(source: ImageSource): Promise<Uint8Array> {
  const { status, message, bytes } = await loadAddon().readSource(
    nativeFile(source),
    sourceNumbers([source]),
    LIMITS.maxFileBytes,
  );
  if (status === 0) return bytes;
  throw new LungclsError('INPUT_UNREADABLE', message, { path: source.path });
}

/** Another name of a file; a copy where the file system allows no more (ext4: 65,000). @returns which to link next */
async function again(original: string, path: string): Promise<string> {
  try {
    await link(original, path);
    return original;
  } catch (error) {
    if (!['EMLINK', 'EPERM', 'ENOTSUP', 'ENOSYS'].includes(systemErrorCode(error) ?? ''))
      throw error;
    await copyFile(original, path);
    return path;
  }
}
