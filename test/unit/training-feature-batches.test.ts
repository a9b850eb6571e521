import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { featureBatches, type BatchSource } from '#src/training/feature-batches.js';
import type { FeatureBatch } from '#src/training/head/first-dense.js';

/** Row r of the table holds r, r + 0.5. Gathering takes `pause` milliseconds. */
function source(blocks: number, pause: (gathering: number) => number): BatchSource {
  let gatherings = 0;
  return {
    blocks,
    features: 2 * blocks,
    rows: {
      async gatherHalfToFloat(rows, out) {
        const wait = pause(gatherings++);
        if (wait > 0) await setTimeout(wait);
        rows.forEach((row, i) => {
          out.set([row, row + 0.5], 2 * i);
        });
      },
    },
  };
}

test('batches stand block by block, the last one is shorter, and each names the one after it', async (t) => {
  const found: number[][] = [];
  let expected: FeatureBatch | undefined;
  const tiles = Int32Array.of(4, 0, 2, 1, 3);
  for await (const { batch, upcoming } of featureBatches(
    source(2, () => 0),
    tiles,
    2,
  )) {
    if (expected !== undefined) t.is(batch, expected);
    else t.is(found.length, 0);
    expected = await upcoming();
    found.push([batch.rows, ...batch.values]);
  }
  t.is(expected, undefined);
  t.deepEqual(found, [
    [2, 8, 8.5, 0, 0.5, 9, 9.5, 1, 1.5],
    [2, 4, 4.5, 2, 2.5, 5, 5.5, 3, 3.5],
    [1, 6, 6.5, 7, 7.5],
  ]);
});

test('a batch that takes long is not waited for, and comes all the same', async (t) => {
  const rows: number[] = [];
  const slow = source(1, (gathering) => (gathering === 1 ? 200 : 0));
  for await (const { batch, upcoming } of featureBatches(slow, Int32Array.of(0, 1), 1)) {
    t.is(await upcoming(), undefined);
    rows.push(batch.values[0] ?? NaN);
  }
  t.deepEqual(rows, [0, 1]);
});

test('a failed gathering is told once, by the batch that it is about', async (t) => {
  const broken = source(1, () => 0);
  let gatherings = 0;
  const rows = {
    async gatherHalfToFloat(...args: Parameters<typeof broken.rows.gatherHalfToFloat>) {
      if (gatherings++ === 1) throw new Error('unreadable');
      await broken.rows.gatherHalfToFloat(...args);
    },
  };
  let seen = 0;
  await t.throwsAsync(
    async () => {
      for await (const { upcoming } of featureBatches(
        { ...broken, rows },
        Int32Array.of(0, 1),
        1,
      )) {
        t.is(await upcoming(), undefined);
        seen++;
      }
    },
    { message: 'unreadable' },
  );
  t.is(seen, 1);
});
