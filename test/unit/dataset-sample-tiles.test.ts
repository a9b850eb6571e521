import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { openDataset } from '#src/dataset/dataset.js';
import { makeSampleTiles } from '#src/dataset/sample/tiles.js';
import { parseCsv } from '#src/storage/csv.js';
import { sha256File } from '#src/storage/hash.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const IMAGES = 'lung_colon_image_set/lung_image_sets';

test('tiles as LC25000 has them: layout, names, size, quality, groups; the same for a seed', async (t) => {
  const root = await temporaryFolder(t);
  const steps: number[] = [];
  const result = await makeSampleTiles({
    output: join(root, 'one'),
    originalsPerClass: 1,
    variantsPerOriginal: 2,
    seed: 5,
    onProgress: ({ done }) => steps.push(done),
  });
  t.is(result.tiles, 6);
  t.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
  const dataset = await openDataset(join(root, 'one'));
  t.deepEqual(dataset.classes, ['lung_n', 'lung_aca', 'lung_scc']);
  t.deepEqual(
    [...dataset.items].map((item) => item.source.path.replace(`${IMAGES}/`, '')),
    [
      'lung_n/lungn1.jpeg',
      'lung_n/lungn2.jpeg',
      'lung_aca/lungaca1.jpeg',
      'lung_aca/lungaca2.jpeg',
      'lung_scc/lungscc1.jpeg',
      'lung_scc/lungscc2.jpeg',
    ],
  );
  const whiteness: number[] = [];
  for (const { source } of dataset.items) {
    const { size } = await stat(source.file);
    t.true(size > 30_000 && size < 100_000, `${source.path}: ${String(size)} bytes`);
    const meta = await sharp(source.file).metadata();
    t.deepEqual([meta.width, meta.height, meta.chromaSubsampling], [768, 768, '4:2:0']);
    // No corner may show what lies outside the original: the background of a rotation is white.
    const { data } = await sharp(source.file).raw().toBuffer({ resolveWithObject: true });
    let white = 0;
    let empty = 0;
    for (let i = 0; i < data.length; i += 3) {
      if ((data[i + 1] ?? 0) > 215) white++;
      if ((data[i] ?? 0) + (data[i + 1] ?? 0) + (data[i + 2] ?? 0) > 3 * 252.5) empty++;
    }
    t.true(empty < 768 * 2, source.path);
    whiteness.push(white / (768 * 768));
  }
  // Air spaces fill normal lung; the lumens of glands are fewer; squamous sheets have next to none.
  const [n = 0, , aca = 0, , scc = 0] = whiteness;
  t.log(whiteness);
  t.true(n > 0.4 && aca < 0.3 && scc < 0.1);

  const groups = parseCsv(await readFile(join(root, 'one', 'groups.csv'), 'utf8'));
  t.deepEqual(groups[0], ['path', 'group']);
  t.is(groups.length, 7);
  t.deepEqual(groups[1], ['lung_n/lungn1.jpeg', 'lung_n-000']);

  await makeSampleTiles({
    output: join(root, 'two'),
    originalsPerClass: 1,
    variantsPerOriginal: 2,
    seed: 5,
  });
  for (const name of ['lung_n/lungn2.jpeg', 'lung_scc/lungscc1.jpeg']) {
    t.is(
      await sha256File(join(root, 'two', IMAGES, name)),
      await sha256File(join(root, 'one', IMAGES, name)),
    );
  }
  t.not(
    await sha256File(join(root, 'one', IMAGES, 'lung_n/lungn1.jpeg')),
    await sha256File(join(root, 'one', IMAGES, 'lung_n/lungn2.jpeg')),
  );
});

test('stopped in the middle, nothing is at the output', async (t) => {
  const root = await temporaryFolder(t);
  const controller = new AbortController();
  const run = makeSampleTiles({
    output: join(root, 'x'),
    signal: controller.signal,
    onProgress: () => {
      controller.abort();
    },
  });
  await t.throwsAsync(run, { code: 'ABORTED' });
  t.deepEqual(await readdir(root), ['x.partial']);
});

test('wrong options', async (t) => {
  const root = await temporaryFolder(t);
  const run = (more: object): Promise<unknown> =>
    makeSampleTiles({ output: join(root, 'x'), ...more });
  await t.throwsAsync(run({ originalsPerClass: 0 }), {
    code: 'INVALID_OPTION',
    message: /originalsPerClass/,
  });
  await t.throwsAsync(run({ variantsPerOriginal: 1.5 }), {
    code: 'INVALID_OPTION',
    message: /variantsPerOriginal/,
  });
  await t.throwsAsync(run({ seed: -1 }), { code: 'INVALID_OPTION', message: /seed/ });
  t.deepEqual(await readdir(root), []);
});
