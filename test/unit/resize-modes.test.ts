/** The ways to resize, from images to a store and from images to a model. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { listImages } from '#src/dataset/list.js';
import { preprocess } from '#src/dataset/preprocess.js';
import { RESIZE_MODES, preprocessingSpec } from '#src/imaging/preprocessing.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { Listing } from '#src/inference/listing.js';
import { imageInput } from '#src/inference/tile-input.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const SIZE = 16;
const FORMATS = ['jpeg', 'png'] as const;

/** An image a class and format, with detail that shows how it was resized. */
async function makeImages(folder: string): Promise<void> {
  for (const name of ['a', 'b']) {
    await mkdir(join(folder, name));
    const seed = name.charCodeAt(0);
    const pixels = Uint8Array.from({ length: 48 * 48 * 3 }, (_, i) => (i * i * seed) % 251);
    const image = sharp(pixels, { raw: { width: 48, height: 48, channels: 3 } });
    for (const format of FORMATS) {
      await writeFile(
        join(folder, name, `1.${format}`),
        await image.clone().toFormat(format).toBuffer(),
      );
    }
  }
}

test('a store says how its tiles were resized, and a model’s images are resized likewise', async (t) => {
  const folder = await temporaryFolder(t);
  const images = join(folder, 'images');
  await mkdir(images);
  await makeImages(images);
  const tiles: Buffer[] = [];
  for (const resize of RESIZE_MODES) {
    const output = join(folder, resize);
    await preprocess({ input: images, output, size: SIZE, resize });
    const store = await TileStore.open(output);
    t.is(store.spec.resize, resize);
    t.is(store.count, 2 * FORMATS.length);
    const stored = Buffer.alloc(store.count * store.tileBytes);
    await store.readTiles([0, 1, 2, 3], stored);
    store.close();
    tiles.push(stored);

    const input = imageInput({
      list: () => listImages([images], {}),
      countable: true,
      preprocessing: preprocessingSpec(SIZE, resize),
      batchSize: 8,
      threads: undefined,
      maxPixels: 1e6,
      signal: undefined,
      onBuffers: () => undefined,
    });
    for await (const batch of input.read(new Listing().number(input.list()))) {
      t.deepEqual(new Set(batch.statuses), new Set(['ok']));
      t.true(stored.equals(batch.tiles));
      batch.release();
    }
  }
  const [exact, area, fast] = tiles;
  const tile = SIZE * SIZE * 3;
  t.false(exact?.equals(area ?? exact));
  t.false(exact?.equals(fast ?? exact));
  // Only JPEGs can be scaled while they are decoded; the second image is a PNG.
  t.true(exact?.subarray(tile, 2 * tile).equals(fast?.subarray(tile, 2 * tile) ?? Buffer.alloc(0)));
});

test('a store of one way is not continued in another', async (t) => {
  const folder = await temporaryFolder(t);
  const images = join(folder, 'images');
  await mkdir(images);
  await makeImages(images);
  const output = join(folder, 'store');
  await preprocess({ input: images, output, size: SIZE });
  const before = JSON.parse(await readFile(join(output, 'store.json'), 'utf8')) as Fingerprints;
  await preprocess({ input: images, output, size: SIZE, resize: 'area', force: true });
  const after = JSON.parse(await readFile(join(output, 'store.json'), 'utf8')) as Fingerprints;
  t.not(before.preprocessingFingerprint, after.preprocessingFingerprint);
  t.not(before.fingerprint, after.fingerprint);
});

interface Fingerprints {
  readonly fingerprint: string;
  readonly preprocessingFingerprint: string;
}
