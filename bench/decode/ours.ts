/** Ours, through the public API:  node ours.js FOLDER SIZE THREADS MODE */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTiles, type DecodeOptions } from '#src/index.js';
import { serve } from './serve.js';

const [folder = '', size = '', threads = '', resize = 'cv2'] = process.argv.slice(2);
const sources = readdirSync(folder)
  .sort()
  .map((name) => ({ path: name, file: join(folder, name) }));
const tileBytes = Number(size) ** 2 * 3;
const kept = new Uint8Array(sources.length * tileBytes);
const options: DecodeOptions = {
  size: Number(size),
  batchSize: 32,
  threads: Number(threads),
  resize: resize as NonNullable<DecodeOptions['resize']>,
};

await serve(async () => {
  let done = 0;
  for await (const batch of decodeTiles(sources, options)) {
    if (batch.statuses.some(({ status }) => status !== 'ok')) throw new Error('A tile failed');
    kept.set(batch.tiles, done * tileBytes);
    done += batch.sources.length;
    batch.release();
  }
});
