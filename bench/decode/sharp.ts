/** sharp as its documentation has it:  node sharp.js FOLDER SIZE THREADS */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { serve } from './serve.js';

const [folder = '', size = '', threads = ''] = process.argv.slice(2);
const files = readdirSync(folder)
  .sort()
  .map((name) => join(folder, name));
const side = Number(size);
const tileBytes = side ** 2 * 3;
const kept = new Uint8Array(files.length * tileBytes);

// One thread an image, as many images at a time as there are threads.
sharp.concurrency(1);
sharp.cache(false);

await serve(async (passes) => {
  const queue = Array.from({ length: passes }, () => [...files.entries()])
    .flat()
    .values();
  const worker = async (): Promise<void> => {
    for (const [i, file] of queue) {
      const pixels = await sharp(file).resize(side, side, { fit: 'fill' }).raw().toBuffer();
      kept.set(pixels, i * tileBytes);
    }
  };
  await Promise.all(Array.from({ length: Number(threads) }, worker));
});
