/** Features of the recipe's size as float16: made up, mostly zeros as behind a relu, or stored ones. */
import { open } from 'node:fs/promises';
import { floatToHalf } from '#src/native/addon.js';
import { NPY_HEADER_BYTES } from '#src/storage/npy.js';
import { RandomStream } from '#src/training/random.js';

/** mixed7 of a 256 x 256 tile: 14 x 14 x 768. */
export const FEATURES = 14 * 14 * 768;

/** Gives the features of the i-th tile. */
type Tiles = (i: number) => Promise<Uint16Array>;

/** @returns the share of the numbers that are zero */
async function write(path: string, tiles: number, tile: Tiles): Promise<number> {
  const file = await open(path, 'w');
  let zeros = 0;
  try {
    for (let i = 0; i < tiles; i++) {
      const halves = await tile(i);
      for (const half of halves) if (half === 0) zeros++;
      await file.write(halves);
    }
  } finally {
    await file.close();
  }
  return zeros / (tiles * FEATURES);
}

/** Made-up features; `zeros` is the share of them that is zero. @returns that share, counted */
export function writeFeatures(path: string, tiles: number, zeros: number): Promise<number> {
  const random = new RandomStream([1]);
  // One long run of numbers; each tile begins elsewhere in it.
  const numbers = Float32Array.from({ length: 2 * FEATURES }, () =>
    Math.max(0, random.uniform() - zeros),
  );
  const halves = new Uint16Array(numbers.length);
  floatToHalf(numbers, halves);
  return write(path, tiles, () => {
    const first = random.below(FEATURES);
    return Promise.resolve(halves.slice(first, first + FEATURES));
  });
}

/**
 * Tiles of a `features.npy` that `train` has written, spread over it.
 * @returns the share of zeros among their features
 */
export async function copyFeatures(from: string, path: string, tiles: number): Promise<number> {
  const file = await open(from);
  try {
    const { size } = await file.stat();
    const stored = Math.floor((size - NPY_HEADER_BYTES) / (2 * FEATURES));
    return await write(path, tiles, async (i) => {
      const halves = new Uint16Array(FEATURES);
      const tile = Math.floor((i * stored) / tiles);
      await file.read({ buffer: halves, position: NPY_HEADER_BYTES + tile * halves.byteLength });
      return halves;
    });
  } finally {
    await file.close();
  }
}
