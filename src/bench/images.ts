/** The images that a bench works on: files of the user's, or tiles that a program draws. */
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { homeDirectory, LIMITS } from '../config.js';
import { listImages } from '../dataset/list.js';
import { MersenneTwister } from '../dataset/random-state.js';
import { makeSampleTiles } from '../dataset/sample/tiles.js';
import { LungclsError } from '../errors.js';
import { decodeTiles } from '../imaging/decoder.js';
import { nativeFile, sourceNumbers } from '../imaging/native-source.js';
import type { ResizeMode } from '../imaging/preprocessing.js';
import type { ImageSource } from '../imaging/source.js';
import { loadAddon } from '../native/addon.js';
import type { TaskOptions } from '../runtime/progress.js';
import { exists } from '../storage/existing.js';
import { writeNpy } from '../storage/npy.js';

/** Enough that caches do not help, few enough to hold as tiles in every trial: 50 MB of 256 x 256. */
const MOST_FILES = 256;
/** What is drawn where no images are given: 4 fields of tissue a class, 5 tiles of each. */
const DRAWN = { originalsPerClass: 4, variantsPerOriginal: 5, seed: 3 } as const;

export interface BenchImages {
  /** For people, without a path of this machine. */
  readonly what: string;
  /** Paths of the files. */
  readonly files: readonly string[];
  readonly meanBytes: number;
  /** A text file with those paths, the same as tiles, and the class of each by its folder. */
  readonly list: string;
  readonly tiles: string;
  readonly labels: string;
  readonly size: number;
}

export interface ImagesOptions extends TaskOptions {
  /** A folder or an archive; drawn tiles where it is not given. */
  readonly images?: string | undefined;
  readonly size: number;
  readonly resize: ResizeMode;
  /** A folder for what is written. */
  readonly folder: string;
}

/**
 * Lists the images, or draws some, and decodes them once. Those that give no tile are left out.
 * @throws LungclsError INPUT_EMPTY, and the codes of listImages, makeSampleTiles and decodeTiles
 */
export async function prepareImages(options: ImagesOptions): Promise<BenchImages> {
  const { images, folder, size, resize, signal } = options;
  const input = images ?? (await drawnTiles(options));
  const found: ImageSource[] = [];
  for await (const source of listImages([input], { signal })) found.push(source);
  const chosen = shuffled(spread(found, MOST_FILES));
  const files = await asFiles(chosen, join(folder, 'images'));

  const good: { file: string; label: string }[] = [];
  const tiles: Uint8Array[] = [];
  const tileBytes = size * size * 3;
  const sources = files.map((file) => ({ path: file, file }));
  let at = 0;
  for await (const batch of decodeTiles(sources, {
    size,
    resize,
    batchSize: 32,
    ...(signal && { signal }),
  })) {
    for (const [i, { status }] of batch.statuses.entries()) {
      const source = chosen[at++];
      const file = batch.sources[i]?.file;
      if (status !== 'ok' || file === undefined || source === undefined) continue;
      good.push({ file, label: basename(dirname(source.path)) });
      tiles.push(batch.tiles.slice(i * tileBytes, (i + 1) * tileBytes));
    }
    batch.release();
  }
  if (good.length === 0) {
    throw new LungclsError('INPUT_EMPTY', `Expected at least one image that decodes in ${input}`);
  }
  const list = join(folder, 'files.txt');
  await writeFile(list, good.map(({ file }) => `${file}\n`).join(''));
  const tilesPath = join(folder, 'tiles.npy');
  const shape = [good.length, size, size, 3];
  await writeNpy(tilesPath, { dtype: '|u1', shape }, Buffer.concat(tiles));
  const labels = join(folder, 'labels.npy');
  await writeLabels(
    labels,
    good.map(({ label }) => label),
  );
  const sizes = await Promise.all(good.map(async ({ file }) => (await stat(file)).size));
  const meanBytes = sizes.reduce((a, b) => a + b, 0) / sizes.length;
  return {
    what:
      images === undefined ? 'drawn by a program, 768 x 768, quality 75, 4:2:0' : asGiven(images),
    files: good.map(({ file }) => file),
    ...{ meanBytes, list, labels, size, tiles: tilesPath },
  };
}

/** A path as it may stand in results that are passed on: relative as given, else its last part alone. */
export function asGiven(path: string): string {
  return resolve(path) === path || path.startsWith('~') ? basename(path) : path;
}

/** At most `most` of them, evenly. */
function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]).filter(
    (entry) => entry !== undefined,
  );
}

/** Always in the same way: the first few, whose answers are compared, are then of every class. */
function shuffled<T>(all: readonly T[]): T[] {
  const order = new MersenneTwister(0).permutation(all.length);
  return Array.from(order, (i) => all[i]).filter((entry) => entry !== undefined);
}

/** Draws them once: the folder is whole or absent. */
async function drawnTiles(options: TaskOptions): Promise<string> {
  const { originalsPerClass, variantsPerOriginal, seed } = DRAWN;
  const name = `tiles-${originalsPerClass}-${variantsPerOriginal}-${seed}`;
  const output = join(homeDirectory(), 'bench', name);
  if (await exists(output)) return output;
  await mkdir(dirname(output), { recursive: true });
  options.onMessage?.('Drawing tiles, once', 'info');
  await makeSampleTiles({ ...options, ...DRAWN, output });
  return output;
}

/** Files for those that stand in an archive: peers read files alone. */
async function asFiles(sources: readonly ImageSource[], folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const [i, source] of sources.entries()) {
    const inArchive = source.entry !== undefined || source.range !== undefined;
    const odd = source.fileBytes !== undefined || source.file.includes('\n');
    if (!inArchive && !odd) {
      files.push(resolve(source.file));
      continue;
    }
    const { status, message, bytes } = await loadAddon().readSource(
      nativeFile(source),
      sourceNumbers([source]),
      LIMITS.maxFileBytes,
    );
    if (status !== 0) throw new LungclsError('INPUT_UNREADABLE', `${source.path}: ${message}`);
    const file = join(folder, `${String(i).padStart(4, '0')}${extname(source.path)}`);
    await writeFile(file, bytes);
    files.push(file);
  }
  return files;
}

async function writeLabels(path: string, names: readonly string[]): Promise<void> {
  const classes = [...new Set(names)].sort();
  const values = BigInt64Array.from(names, (name) => BigInt(classes.indexOf(name)));
  await writeNpy(path, { dtype: '<i8', shape: [names.length] }, new Uint8Array(values.buffer));
}
