import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import sharp from 'sharp';
import { samples, sampleTiles } from '#src/dataset/samples.js';
import { titlePath } from '#src/dataset/title.js';
import { preprocessingSpec } from '#src/imaging/preprocessing.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { TileStoreWriter } from '#src/imaging/tile-store-writer.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const CHILD = fileURLToPath(new URL('../fixtures/dataset/samples-child.js', import.meta.url));
const SIZE = 8;

/** A store whose tile i is of the one colour (i, i, i). */
async function makeStore(
  t: ExecutionContext,
  classes: readonly string[],
  counts: readonly number[],
) {
  const directory = join(await temporaryFolder(t), 'store');
  await mkdir(directory);
  const writer = await TileStoreWriter.open(directory, {
    spec: preprocessingSpec(SIZE),
    keepDamaged: false,
  });
  const labels = counts.flatMap((count, label) => Array.from({ length: count }, () => label));
  const tiles = new Uint8Array(labels.length * SIZE * SIZE * 3);
  labels.forEach((_, i) => tiles.fill(i, i * SIZE * SIZE * 3, (i + 1) * SIZE * SIZE * 3));
  await writer.append({ tiles, statuses: labels.map(() => ({ status: 'ok', message: '' })) });
  await writer.finish({
    classes,
    images: labels.map((label, i) => ({
      path: `${classes[label] ?? ''}/${String(i)}.jpeg`,
      label,
      group: '',
    })),
    source: { kind: 'folder', name: 'x', images: labels.length },
  });
  return directory;
}

test('tiles of each class, drawn by the seed, with the pixels of the store', async (t) => {
  const store = await TileStore.open(await makeStore(t, ['a', 'b', 'none'], [20, 2, 0]));
  t.teardown(() => {
    store.close();
  });
  const tiles = await sampleTiles(store, 3, 1);
  t.deepEqual(
    tiles.map((tile) => tile.label),
    ['a', 'a', 'a', 'b', 'b'],
  );
  t.is(new Set(tiles.map((tile) => tile.row)).size, 5);
  for (const tile of tiles) {
    t.is(tile.path, store.paths[tile.row] ?? '');
    const { data, info } = await sharp(tile.png).raw().toBuffer({ resolveWithObject: true });
    t.deepEqual([info.width, info.height, info.channels], [SIZE, SIZE, 3]);
    t.true(data.every((value) => value === tile.row));
  }
  t.deepEqual(await sampleTiles(store, 3, 1), tiles);
  t.notDeepEqual(await sampleTiles(store, 3, 2), tiles);
  await t.throwsAsync(sampleTiles(store, 0, 1), {
    code: 'INVALID_OPTION',
    message: /perClass.*0 of type number/,
  });
  await t.throwsAsync(sampleTiles(store, 3, -1), { code: 'INVALID_OPTION', message: /seed/ });
});

test('the picture shows the tiles under titles', async (t) => {
  const store = await makeStore(t, ['a', 'b'], [5, 5]);
  const output = join(await temporaryFolder(t), 'samples.png');
  const result = await samples({ store, output, perClass: 2 });
  const { data, info } = await sharp(output).raw().toBuffer({ resolveWithObject: true });
  t.deepEqual([info.width, info.height], [result.width, result.height]);
  t.is(info.width, 16 + 2 * (256 + 16));
  const at = (x: number, y: number): number => data[(y * info.width + x) * info.channels] ?? -1;
  t.is(at(16 + 128, 40 + 128), result.tiles[0]?.row ?? -2);
  t.is(at(16 + 272 + 128, 40 + 128), result.tiles[1]?.row ?? -2);
  t.is(at(16 + 128, 326 + 40 + 128), result.tiles[2]?.row ?? -2);
  const dark = (top: number, bottom: number): number => {
    let count = 0;
    for (let y = top; y < bottom; y++)
      for (let x = 0; x < info.width; x++) if (at(x, y) < 128) count++;
    return count;
  };
  t.true(dark(0, 40) > 20, 'the class has a title');
  t.true(dark(40 + 256, 40 + 256 + 30) > 20, 'the tiles have captions');
  await t.throwsAsync(samples({ store, output }), { code: 'OUTPUT_EXISTS', message: /--force/ });
  await samples({ store, output, force: true });
  t.deepEqual(await readdir(join(output, '..')), ['samples.png']);
  await t.throwsAsync(samples({ store, output: join(output, 'x.png') }), {
    code: 'OUTPUT_UNWRITABLE',
  });
});

test('without fonts and fontconfig, any class name renders, and nothing is printed', async (t) => {
  const names = ['肺 رئة лёгкие 😀', 'a&b<c>"d"\n', 'x'.repeat(300)];
  const store = await makeStore(t, names, [1, 1, 1]);
  const output = join(await temporaryFolder(t), 'samples.png');
  const nowhere = '/nonexistent';
  const child = spawnSync(process.execPath, [CHILD, JSON.stringify({ store, output })], {
    encoding: 'utf8',
    env: {
      ...process.env,
      FONTCONFIG_FILE: nowhere,
      FONTCONFIG_PATH: nowhere,
      HOME: nowhere,
      NODE_V8_COVERAGE: '',
    },
  });
  t.is(child.stderr, '');
  t.is(child.stdout, '');
  t.is(child.status, 0);
  t.is((await sharp(await readFile(output)).metadata()).format, 'png');
});

test('long titles are cut in the middle, to fit', async (t) => {
  const width = async (text: string): Promise<number> => {
    const path = await titlePath(text, { x: 0, y: 40, size: 20, maxWidth: 200, fill: '#000' });
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="60">${path}</svg>`;
    const { info } = await sharp(Buffer.from(svg))
      .flatten({ background: '#fff' })
      .trim()
      .toBuffer({ resolveWithObject: true });
    return info.width;
  };
  const short = await width('lungn1.jpeg');
  t.true(short > 80 && short < 160);
  const long = await width('a very long name of a file that does not fit '.repeat(9));
  t.true(long > 150 && long <= 200);
});

test('a folder that is no store', async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, 'x'), '');
  const output = join(root, 'o.png');
  await t.throwsAsync(samples({ store: root, output }), { code: 'STORE_INVALID' });
  await t.throwsAsync(samples({ store: join(root, 'y'), output }), { code: 'INPUT_NOT_FOUND' });
});
