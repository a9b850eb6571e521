/** The files that the decoders are compared on. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { readZip } from '#src/dataset/zip.js';
import { LIMITS } from '#src/config.js';
import { sourceNumbers, nativeFile } from '#src/imaging/native-source.js';
import type { ImageSource } from '#src/imaging/source.js';
import { loadAddon } from '#src/native/addon.js';

export interface TileSet {
  readonly id: string;
  readonly what: string;
  readonly folder: string;
  readonly files: number;
  /** Mean size of a file. */
  readonly bytes: number;
}

/** Side of the full-size tiles, and of a real tile within one: enlarged until they weigh 60 to 75 KB. */
const SIDE = 768;
const PART = 512;
/** So that each set fits into the page cache and a round takes about a second. */
const COUNT = 150;

const LARGE = [
  { id: '768-420', quality: 75, chromaSubsampling: '4:2:0' },
  { id: '768-444', quality: 85, chromaSubsampling: '4:4:4' },
] as const;

/** Writes three sets of tiles, made from an archive of real ones, into folders below `folder`. */
export async function writeTileSets(archive: string, folder: string): Promise<TileSet[]> {
  const { images } = await readZip(resolve(archive));
  const chosen = Array.from({ length: 2 * COUNT }, (_, i) =>
    images.at(Math.floor((i * images.length) / (2 * COUNT))),
  );
  const real: Buffer[] = [];
  for (const image of chosen) real.push(await encoded(image));

  const small = join(folder, '224');
  await mkdir(small, { recursive: true });
  for (const [i, bytes] of real.entries()) await writeFile(join(small, name(i)), bytes);

  for (const { id } of LARGE) await mkdir(join(folder, id), { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const whole = await mosaic(
      Array.from({ length: 4 }, (_, k) => real[(4 * i + k) % real.length]),
    );
    // Cut at any place, so that the blocks of the new file are not those of the old ones.
    const cut = { left: (i * 37) % 256, top: (i * 91) % 256, width: SIDE, height: SIDE };
    for (const { id, quality, chromaSubsampling } of LARGE) {
      const tile = sharp(whole).extract(cut).jpeg({ quality, chromaSubsampling });
      await tile.toFile(join(folder, id, name(i)));
    }
  }
  const sets = [
    ...LARGE.map(({ id, quality, chromaSubsampling }) => ({
      id,
      what: `${SIDE} x ${SIDE}, quality ${quality}, ${chromaSubsampling}`,
    })),
    { id: '224', what: '224 x 224, real tiles as they are' },
  ];
  return await Promise.all(sets.map(async (set) => await measured(set, join(folder, set.id))));
}

/** The bytes of a file or zip entry. */
async function encoded(image: ImageSource): Promise<Buffer> {
  const { status, message, bytes } = await loadAddon().readSource(
    nativeFile(image),
    sourceNumbers([image]),
    LIMITS.maxFileBytes,
  );
  if (status !== 0) throw new Error(`${image.path}: ${message}`);
  return Buffer.from(bytes);
}

function name(i: number): string {
  return `${String(i).padStart(4, '0')}.jpeg`;
}

/** Four tiles side by side, as a PNG. */
async function mosaic(tiles: readonly (Buffer | undefined)[]): Promise<Buffer> {
  const parts = await Promise.all(
    tiles.map(async (tile, i) => ({
      input: await sharp(tile).resize(PART, PART, { kernel: 'lanczos3' }).png().toBuffer(),
      left: (i % 2) * PART,
      top: Math.floor(i / 2) * PART,
    })),
  );
  const side = 2 * PART;
  return await sharp({ create: { width: side, height: side, channels: 3, background: 'white' } })
    .composite(parts)
    .png()
    .toBuffer();
}

async function measured(set: { id: string; what: string }, folder: string): Promise<TileSet> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (file) => (await stat(join(folder, file))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  return { ...set, folder, files: names.length, bytes: Math.round(bytes) };
}
