/** Photographs that packages on this machine ship; what is not there is left out and named. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import sharp from 'sharp';

/** Packages that are known to have some, and where they keep them. */
const PYTHON_PACKAGES = [
  ['scikit-learn', 'sklearn/datasets/images'],
  ['scikit-image', 'skimage/data'],
  ['matplotlib', 'matplotlib/mpl-data/sample_data'],
  ['torchvision', 'torchvision'],
  ['opencv', 'cv2'],
  ['tensorflow', 'tensorflow'],
] as const;
const FOLDERS = [
  ['system', '/usr/share'],
  ['npm', 'node_modules'],
] as const;

/** Smaller pictures are icons. */
const LEAST_SIDE = 200;
/** Of one package. */
const MOST = 20;

export interface Photograph {
  /** Its package and file name. */
  readonly name: string;
  readonly path: string;
}

export interface Found {
  readonly photographs: readonly Photograph[];
  /** Packages that are not there, or have none. */
  readonly absent: readonly string[];
}

/** JPEG files, and PNG files of packages that are known to ship photographs so. */
export async function findPhotographs(sitePackages: string | undefined): Promise<Found> {
  const photographs: Photograph[] = [];
  const absent: string[] = [];
  const look = async (name: string, folder: string, pattern: RegExp): Promise<void> => {
    const found = await imagesIn(name, folder, pattern);
    if (found.length === 0) absent.push(name);
    photographs.push(...found);
  };
  for (const [name, folder] of PYTHON_PACKAGES) {
    const pattern = name === 'scikit-image' ? /\.(jpe?g|png)$/i : /\.jpe?g$/i;
    if (sitePackages === undefined) absent.push(name);
    else await look(name, join(sitePackages, folder), pattern);
  }
  for (const [name, folder] of FOLDERS) await look(name, folder, /\.jpe?g$/i);
  return { photographs, absent };
}

async function imagesIn(name: string, folder: string, pattern: RegExp): Promise<Photograph[]> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const found: Photograph[] = [];
  for (const file of files.filter((each) => pattern.test(each)).sort()) {
    const path = join(folder, file);
    const { width, height } = await sharp(path)
      .metadata()
      .catch(() => ({ width: 0, height: 0 }));
    if (Math.min(width, height) < LEAST_SIDE) continue;
    found.push({ name: `${name}: ${basename(file)}`, path });
    if (found.length === MOST) break;
  }
  return found;
}

/** The whole picture, and squares of `side` pixels of it, as many as fit, at most `most`; each (size, size, 3). */
export async function cut(
  path: string,
  size: number,
  side: number,
  most: number,
): Promise<Uint8Array[]> {
  const image = (): ReturnType<typeof sharp> => sharp(path).removeAlpha().toColourspace('srgb');
  const { width, height } = await sharp(path).metadata();
  const pixels = async (from: ReturnType<typeof sharp>): Promise<Uint8Array> =>
    new Uint8Array(
      await from.resize(size, size, { fit: 'fill', kernel: 'linear' }).raw().toBuffer(),
    );
  const tiles = [await pixels(image())];
  const [across, down] = [Math.floor(width / side), Math.floor(height / side)];
  const step = Math.max(1, Math.floor((across * down) / most));
  for (let i = 0; i < across * down && tiles.length <= most; i += step) {
    const [left, top] = [(i % across) * side, Math.floor(i / across) * side];
    tiles.push(await pixels(image().extract({ left, top, width: side, height: side })));
  }
  return tiles;
}
