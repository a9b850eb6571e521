/** Ours, through the public API:  node ours.js FOLDER SIZE THREADS MODE */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTiles, type DecodeOptions, type ImageSource } from '#src/index.js';
import { serve } from './serve.js';

const [folder = '', size = '', threads = '', resize = 'cv2'] = process.argv.slice(2);
const sources: ImageSource[] = readdirSync(folder)
  .sort()
  .map((name) => ({ path: name, file: join(folder, name) }));
const tileBytes = Number(size) ** 2 * 3;
const kept = new Uint8Array(sources.length * tileBytes);

/** A batch must not wait for the next round. */
const BATCH = [30, 25, 20, 10, 1].find((length) => sources.length % length === 0) ?? 1;
const options: DecodeOptions = {
  size: Number(size),
  batchSize: BATCH,
  threads: Number(threads),
  resize: resize as NonNullable<DecodeOptions['resize']>,
};

// One decoder for all rounds, as there is one for all tiles of an archive: its ring is made once.
let begin: ((passes: number) => void) | undefined;
async function* rounds(): AsyncGenerator<ImageSource> {
  for (;;) {
    let passes = await new Promise<number>((resolve) => {
      begin = resolve;
    });
    for (; passes > 0; passes--) yield* sources;
  }
}
const batches = decodeTiles(rounds(), options);

await serve(async (passes) => {
  let next = batches.next();
  // The generator has to be waiting before it can be woken.
  await new Promise((resolve) => setImmediate(resolve));
  begin?.(passes);
  for (let left = passes * sources.length, row = 0; left > 0;) {
    const { value: batch } = await next;
    if (batch === undefined) throw new Error('The decoder has ended');
    if (batch.statuses.some(({ status }) => status !== 'ok')) throw new Error('A tile failed');
    kept.set(batch.tiles, row * tileBytes);
    row = (row + batch.sources.length) % sources.length;
    left -= batch.sources.length;
    batch.release();
    if (left > 0) next = batches.next();
  }
});
process.exit(0);
