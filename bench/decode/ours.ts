/** Ours, through the public API:  node ours.js FOLDER SIZE THREADS MODE */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTiles, type DecodeOptions, type ImageSource, type TileBatch } from '#src/index.js';
import { serve } from './serve.js';

const [folder = '', size = '', threads = '', resize = 'cv2'] = process.argv.slice(2);
const sources: ImageSource[] = readdirSync(folder)
  .sort()
  .map((name) => ({ path: name, file: join(folder, name) }));

/** A batch must not wait for the next round. */
const BATCH = [30, 25, 20, 10, 1].find((length) => sources.length % length === 0) ?? 1;
/** The results of a whole pass are kept where they were decoded: so many batches are held. */
const KEPT = sources.length / BATCH;
/** Slots to decode ahead into: as many as the default ring has. */
const AHEAD = 3;
const kept: TileBatch[] = [];
const options: DecodeOptions = {
  size: Number(size),
  batchSize: BATCH,
  slots: KEPT + AHEAD,
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
  for (let left = passes * sources.length; left > 0;) {
    const { value: batch } = await next;
    if (batch === undefined) throw new Error('The decoder has ended');
    if (batch.statuses.some(({ status }) => status !== 'ok')) throw new Error('A tile failed');
    kept.push(batch);
    if (kept.length > KEPT) kept.shift()?.release();
    left -= batch.sources.length;
    if (left > 0) next = batches.next();
  }
});
process.exit(0);
