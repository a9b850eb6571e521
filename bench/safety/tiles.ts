/** Encoded tiles to be hard on the decoder with. */
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { readZip } from '#src/dataset/zip.js';
import type { ImageSource } from '#src/imaging/source.js';

export interface TileFiles {
  readonly sources: readonly ImageSource[];
  /** For the record. */
  readonly what: string;
}

const DRAWN = 12;

/** The archive's tiles or, where there is none, drawn ones, written into `folder`. */
export async function tileFiles(archive: string | undefined, folder: string): Promise<TileFiles> {
  if (archive !== undefined && existsSync(archive)) {
    const { images } = await readZip(resolve(archive));
    return { sources: [...images], what: `${images.length} real tiles of an archive` };
  }
  await mkdir(folder, { recursive: true });
  const sources: ImageSource[] = [];
  for (let i = 0; i < DRAWN; i++) {
    const file = join(folder, `drawn-${i}.jpeg`);
    await draw(i).toFile(file);
    sources.push({ path: file, file });
  }
  return { sources, what: `${DRAWN} drawn tiles` };
}

function draw(seed: number): Sharp {
  const size = 224;
  const pixels = Buffer.alloc(size * size * 3);
  for (let i = 0; i < pixels.length; i++) {
    const x = Math.floor(i / 3) % size;
    const y = Math.floor(i / 3 / size);
    pixels[i] = (x * (1 + (seed % 3)) + y * (i % 3) + (((x ^ y) * seed) % 64)) & 0xff;
  }
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } }).jpeg({
    quality: 75,
    chromaSubsampling: seed % 4 === 3 ? '4:4:4' : '4:2:0',
    progressive: seed % 6 === 5,
  });
}

/** The stored pictures of the tests: every format and kind of JPEG, some of them damaged. */
export async function oddFiles(): Promise<readonly ImageSource[]> {
  const folder = resolve('test/fixtures/pixels');
  const names = (await readdir(folder)).filter((name) => /\.(jpg|png|bmp|tiff|webp)$/.test(name));
  return names.sort().map((name) => ({ path: name, file: join(folder, name) }));
}
