/** Made-up features of the recipe's size, as float16: half of them zero, as behind a relu. */
import { open } from 'node:fs/promises';
import { floatToHalf } from '#src/native/addon.js';
import { RandomStream } from '#src/training/random.js';

/** mixed7 of a 256 x 256 tile: 14 x 14 x 768. */
export const FEATURES = 14 * 14 * 768;

export async function writeFeatures(path: string, tiles: number): Promise<void> {
  const random = new RandomStream([1]);
  // One long run of numbers; each tile begins elsewhere in it.
  const numbers = Float32Array.from({ length: 2 * FEATURES }, () =>
    Math.max(0, random.uniform() - 0.5),
  );
  const halves = new Uint16Array(numbers.length);
  floatToHalf(numbers, halves);
  const file = await open(path, 'w');
  try {
    for (let tile = 0; tile < tiles; tile++) {
      await file.write(halves.slice(random.below(FEATURES)).subarray(0, FEATURES));
    }
  } finally {
    await file.close();
  }
}
