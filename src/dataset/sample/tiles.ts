/** Synthetic tiles in the layout of LC25000, for trying things out and for tests. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { LC25000_CLASSES } from '../../config.js';
import { LungclsError } from '../../errors.js';
import { throwIfAborted } from '../../runtime/abort.js';
import type { TaskOptions } from '../../runtime/progress.js';
import { writeFileAtomic } from '../../storage/atomic.js';
import { csvLine } from '../../storage/csv.js';
import { fingerprint } from '../../storage/hash.js';
import { openPartial } from '../../storage/partial.js';
import { MersenneTwister } from '../random-state.js';
import { Dice } from './dice.js';
import { develop } from './stain.js';
import { PAINTERS } from './tissue.js';

/** Side of a tile, and of the original it is cut from: 768 pixels turned by 25 degrees need 1021. */
const TILE = 768;
const ORIGINAL = 1024;
const MAX_TURN = 25;
const FOLDER = 'lung_colon_image_set/lung_image_sets';
/** Changes whenever the pictures do. */
const VERSION = 1;

export interface SampleTilesOptions extends TaskOptions {
  /** The folder to make. */
  output: string;
  /** Different fields of tissue a class; 5 by default. */
  originalsPerClass?: number;
  /** Tiles made from each, by rotation and flips; 4 by default. */
  variantsPerOriginal?: number;
  /** Another seed draws other tissue; 0 by default. */
  seed?: number;
  /** Replace the output if it exists. */
  force?: boolean;
}

export interface SampleTilesResult {
  readonly output: string;
  readonly tiles: number;
  readonly perClass: number;
}

/**
 * Draws H&E-like tiles of three visibly different classes as LC25000 has them: 768 x 768 JPEG,
 * quality 75, 4:2:0, `lung_colon_image_set/lung_image_sets/lung_n/lungn1.jpeg` ..., each made from
 * one of a few originals by a rotation of up to 25 degrees and flips. Which original, stands in
 * `groups.csv` (path, group). The same options give the same files.
 *
 * @throws LungclsError INVALID_OPTION | OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | BUSY | ABORTED
 */
export async function makeSampleTiles(options: SampleTilesOptions): Promise<SampleTilesResult> {
  const originals = positive('originalsPerClass', options.originalsPerClass ?? 5);
  const variants = positive('variantsPerOriginal', options.variantsPerOriginal ?? 4);
  const seed = options.seed ?? 0;
  const seeds = new MersenneTwister(seed);
  const partial = await openPartial(options.output, {
    force: options.force ?? false,
    fingerprint: fingerprint({ what: 'sample tiles', version: VERSION, originals, variants, seed }),
  });
  try {
    const perClass = originals * variants;
    const total = perClass * LC25000_CLASSES.length;
    const groups: [path: string, group: string][] = [];
    let done = 0;
    for (const name of LC25000_CLASSES) {
      await mkdir(partial.path(join(FOLDER, name)), { recursive: true });
      // Copies of one original are scattered over the numbers, as they are in LC25000.
      const numbers = seeds.permutation(perClass);
      const rows: [number, string][] = [];
      for (let original = 0; original < originals; original++) {
        const dice = new Dice(seeds.uint32());
        const picture = await drawOriginal(name, dice);
        for (let variant = 0; variant < variants; variant++) {
          throwIfAborted(options.signal);
          const number = (numbers[original * variants + variant] ?? 0) + 1;
          const jpeg = await drawVariant(picture, variant, dice);
          const file = `${name.replace('_', '')}${String(number)}.jpeg`;
          await writeFileAtomic(partial.path(join(FOLDER, name, file)), jpeg);
          rows.push([number, `${name}-${String(original).padStart(3, '0')}`]);
          options.onProgress?.({ stage: 'draw', done: ++done, total, unit: 'tiles' });
        }
      }
      rows.sort((a, b) => a[0] - b[0]);
      for (const [number, group] of rows) {
        groups.push([`${name}/${name.replace('_', '')}${String(number)}.jpeg`, group]);
      }
    }
    const lines = [['path', 'group'], ...groups].map(csvLine);
    await writeFileAtomic(partial.path('groups.csv'), lines.join(''));
    await partial.commitDirectory();
    return { output: options.output, tiles: total, perClass };
  } finally {
    await partial.release();
  }
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 10_000) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected an integer from 1 to 10000 for ${name} but received ${String(value)} of type ${typeof value}`,
    );
  }
  return value;
}

const RAW = { width: ORIGINAL, height: ORIGINAL, channels: 3 } as const;

/** One field of tissue, 1024 x 1024 RGB. */
async function drawOriginal(name: string, dice: Dice): Promise<Buffer> {
  const painter = PAINTERS[name];
  if (painter === undefined) throw new LungclsError('INTERNAL', `No painter for ${name}`);
  const { ground, cells } = painter(ORIGINAL, dice);
  const side = String(ORIGINAL);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">${cells}</svg>`;
  const stained = await sharp(ground, { raw: RAW })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer();
  develop(stained, ORIGINAL, dice);
  return sharp(stained, { raw: RAW }).blur(0.8).raw().toBuffer();
}

/** One tile of an original: the first as it is, others turned and flipped. */
async function drawVariant(original: Buffer, variant: number, dice: Dice): Promise<Buffer> {
  const turn = variant === 0 ? 0 : dice.between(-MAX_TURN, MAX_TURN);
  const turned = await sharp(original, { raw: RAW })
    .rotate(turn, { background: '#fff' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = turned.info;
  return sharp(turned.data, { raw: { width, height, channels: 3 } })
    .extract({
      left: Math.floor((width - TILE) / 2),
      top: Math.floor((height - TILE) / 2),
      width: TILE,
      height: TILE,
    })
    .flip(variant % 2 === 1)
    .flop(variant % 4 >= 2)
    .jpeg({ quality: 75, chromaSubsampling: '4:2:0' })
    .toBuffer();
}
