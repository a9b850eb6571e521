import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { scaleImages } from '#src/bench/scale-images.js';
import { runScale } from '#src/bench/scale.js';
import { makeSampleTiles } from '#src/dataset/sample/tiles.js';
import { tinyBundle } from '../fixtures/tiny-bundle.js';

let folder = '';
let tiles = '';

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lungcls-scale-'));
  tiles = join(folder, 'tiles');
  await makeSampleTiles({ output: tiles, originalsPerClass: 1, variantsPerOriginal: 2 });
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

test('few images become many files, which take no more room', async (t) => {
  const place = join(folder, 'many');
  const images = await scaleImages(tiles, place);
  t.is(images.different, 6);
  await images.grow(20);
  await images.grow(50);
  const names = (await readdir(images.folder, { recursive: true })).filter((name) =>
    name.includes('tile-'),
  );
  t.is(new Set(names).size, 50);
  const inodes = await Promise.all(
    names.map(async (name) => (await stat(join(images.folder, name))).ino),
  );
  t.is(new Set(inodes).size, 6);
});

test.serial('both commands run at every size; the results say what they took', async (t) => {
  const output = join(folder, 'results');
  const model = await tinyBundle();
  const sizes = [60, 12];
  const { lines, value } = await runScale({ output, images: tiles, model, sizes, threads: 1 });
  t.deepEqual(
    value.steps.map(({ command, runs }) => [command, runs.map((run) => run.tiles)]),
    [
      ['preprocess', [12, 60]],
      ['predict', [12, 60]],
      ['list', [12, 60]],
    ],
  );
  const [stores, results] = value.steps;
  for (const run of stores?.runs ?? []) {
    // The pixels and, by name, what stands beside them.
    t.true(run.bytes > run.tiles * value.size ** 2 * 3 && run.files === 4, JSON.stringify(run));
  }
  for (const run of results?.runs ?? []) {
    t.true(run.bytes > 20 * run.tiles && run.files >= 1);
    t.true(run.seconds > 0);
    if (process.platform === 'linux')
      t.true(run.peakPrivateBytes > 2 ** 20 && run.peakRssBytes > run.peakPrivateBytes / 2);
  }
  t.true(lines.some((line) => line.startsWith('| predict | 60 |')));
  const written = JSON.parse(await readFile(join(output, 'scale.json'), 'utf8')) as unknown;
  t.deepEqual(written, JSON.parse(JSON.stringify(value)));
  // Nothing is left of the scratch.
  t.deepEqual((await readdir(output)).sort(), ['scale.json', 'scale.md']);
  await t.throwsAsync(runScale({ output, images: tiles, sizes }), { code: 'OUTPUT_EXISTS' });
});

test('sizes that are none are refused', async (t) => {
  for (const sizes of [[], [1], [2.5], [1e9]]) {
    await t.throwsAsync(runScale({ output: join(folder, 'no'), images: tiles, sizes }), {
      code: 'INVALID_OPTION',
    });
  }
});
