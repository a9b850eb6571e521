/** Random tiles of each class, to be looked at. */
import sharp, { type OutputInfo, type OverlayOptions } from 'sharp';
import { LungclsError } from '../errors.js';
import { TileStore } from '../imaging/tile-store.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { refuseExisting } from '../storage/existing.js';
import { pathSegments } from './names.js';
import { MersenneTwister } from './random-state.js';
import { titlePath } from './title.js';

export interface SampleTile {
  /** Class name. */
  readonly label: string;
  /** The image it came from, as index.csv names it. */
  readonly path: string;
  readonly row: number;
  /** The tile as it is in the store, as a PNG file. */
  readonly png: Buffer;
}

export interface SamplesOptions extends TaskOptions {
  /** A tile store. */
  store: string;
  /** The picture to write, PNG. */
  output: string;
  /** Tiles a class; 3 by default, at most 100. A class with fewer shows all it has. */
  perClass?: number;
  /** Another seed shows other tiles; 0 by default. */
  seed?: number;
  /** Replace the output if it exists. */
  force?: boolean;
}

export interface SamplesResult {
  readonly output: string;
  /** Size of the picture in pixels. */
  readonly width: number;
  readonly height: number;
  readonly tiles: readonly {
    readonly label: string;
    readonly path: string;
    readonly row: number;
  }[];
}

/**
 * Tiles of each class drawn at random, without repetition; class by class, in the order of rows.
 * @param perClass 1 to 100
 * @param seed an integer from 0 to 2^32 - 1: the same seed gives the same tiles
 * @throws LungclsError INVALID_OPTION
 */
export async function sampleTiles(
  store: TileStore,
  perClass: number,
  seed: number,
): Promise<SampleTile[]> {
  if (!Number.isInteger(perClass) || perClass < 1 || perClass > 100) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected an integer from 1 to 100 for perClass but received ${String(perClass)} of type ${typeof perClass}`,
    );
  }
  const twister = new MersenneTwister(seed);
  const { size } = store.spec;
  const samples: SampleTile[] = [];
  for (const [label, name] of store.classes.entries()) {
    const all: number[] = [];
    store.labels.forEach((of, row) => {
      if (of === label) all.push(row);
    });
    const order = twister.permutation(all.length).slice(0, perClass);
    const rows = Array.from(order, (i) => all[i] ?? 0).sort((a, b) => a - b);
    for (const row of rows) {
      const pixels = new Uint8Array(store.tileBytes);
      await store.readTiles([row], pixels);
      const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
        .png()
        .toBuffer();
      samples.push({ label: name, path: store.paths[row] ?? '', row, png });
    }
  }
  return samples;
}

/** Layout of the picture, in pixels. */
const SHOWN = 256;
const GAP = 16;
const HEADING = 40;
const CAPTION = 30;

/**
 * Writes a picture of `perClass` random tiles a class, one row a class, each row under the name of
 * its class and each tile over the name of its file. Only the store is read.
 *
 * @throws LungclsError OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | INVALID_OPTION | ABORTED, and
 *   the codes of TileStore.open
 */
export async function samples(options: SamplesOptions): Promise<SamplesResult> {
  const { output, signal } = options;
  const perClass = options.perClass ?? 3;
  if (options.force !== true) await refuseExisting(output);
  const store = await TileStore.open(options.store);
  try {
    const tiles = await sampleTiles(store, perClass, options.seed ?? 0);
    throwIfAborted(signal);
    const picture = await drawPicture(store.classes, tiles, perClass);
    throwIfAborted(signal);
    await writeFileAtomic(output, picture.data);
    return {
      output,
      width: picture.info.width,
      height: picture.info.height,
      tiles: tiles.map(({ label, path, row }) => ({ label, path, row })),
    };
  } finally {
    store.close();
  }
}

async function drawPicture(
  classes: readonly string[],
  tiles: readonly SampleTile[],
  perClass: number,
): Promise<{ data: Buffer; info: OutputInfo }> {
  const columns = Math.max(
    1,
    ...classes.map((name) => tiles.filter((t) => t.label === name).length),
  );
  const width = GAP + Math.min(columns, perClass) * (SHOWN + GAP);
  const rowHeight = HEADING + SHOWN + CAPTION;
  const height = classes.length * rowHeight + GAP;
  const overlays: OverlayOptions[] = [];
  const titles: string[] = [];
  for (const [line, name] of classes.entries()) {
    const top = line * rowHeight + HEADING;
    const inner = width - 2 * GAP;
    titles.push(
      await titlePath(name, { x: GAP, y: top - 12, size: 20, maxWidth: inner, fill: '#1a1a1a' }),
    );
    for (const [column, tile] of tiles.filter((t) => t.label === name).entries()) {
      const left = GAP + column * (SHOWN + GAP);
      const input = await sharp(tile.png).resize(SHOWN, SHOWN).png().toBuffer();
      overlays.push({ input, left, top });
      const caption = pathSegments(tile.path).at(-1) ?? '';
      const y = top + SHOWN + 18;
      titles.push(
        await titlePath(caption, { x: left, y, size: 13, maxWidth: SHOWN, fill: '#555555' }),
      );
    }
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}">${titles.join('')}</svg>`;
  overlays.push({ input: Buffer.from(svg), left: 0, top: 0 });
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite(overlays)
    .png()
    .toBuffer({ resolveWithObject: true });
}
