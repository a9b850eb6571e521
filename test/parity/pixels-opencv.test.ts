import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readZip } from '#src/dataset/zip.js';
import { pythonReference, runPython } from '../fixtures/python.js';
import { repositoryRoot, sharedData } from '../fixtures/shared-data.js';
import { differences, readFixtures, tileHashes } from './pixels-opencv.js';

const FIXTURES = join(repositoryRoot, 'test', 'fixtures', 'pixels');
const MAKE_PIXELS = 'pixels/make_pixels.py';
const python = pythonReference(['cv2', 'numpy', 'PIL']);
const archive = sharedData('lc25000-lung-224.zip');
const tile768 = sharedData('lungaca1-768.jpeg');
const withPython = python === undefined ? test.skip : test;
const withArchive = python === undefined || archive === undefined ? test.skip : test;
const withTile = python === undefined || tile768 === undefined ? test.skip : test;

/** Tiles of the archive to compare; LUNGCLS_PARITY_ALL=1 compares all of them. */
const SAMPLE = 300;
const everything = process.env['LUNGCLS_PARITY_ALL'] === '1';

test('the tiles of the stored files are OpenCV’s, bit for bit', async (t) => {
  const fixtures = readFixtures(FIXTURES);
  t.true(fixtures.length >= 25);
  t.deepEqual(await differences(FIXTURES, fixtures), []);
});

withPython('the tiles of random JPEGs are OpenCV’s, bit for bit', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-pixels-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  // Other files every day; the seed is in the log.
  const seed = Math.floor(Date.now() / 86_400_000);
  t.log(`seed ${String(seed)}`);
  runPython(python ?? '', MAKE_PIXELS, ['random', folder, '300', String(seed)]);
  const fixtures = readFixtures(folder);
  t.is(fixtures.length, 300);
  t.deepEqual(await differences(folder, fixtures), []);
});

withArchive('the tiles of the real archive are OpenCV’s, bit for bit', async (t) => {
  const { images } = await readZip(archive ?? '');
  const step = everything ? 1 : Math.floor(images.length / SAMPLE);
  const sources = [...images].filter((_, i) => i % step === 0);
  t.true(sources.length >= SAMPLE);
  for (const size of [256, 96]) {
    const expected = execFileSync(
      python ?? '',
      [join(repositoryRoot, 'test', 'fixtures', MAKE_PIXELS), 'zip', archive ?? '', String(size)],
      {
        input: sources.map((source) => source.path).join('\n'),
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      },
    )
      .trim()
      .split('\n');
    const hashes = await tileHashes(sources, size);
    t.is(hashes.length, expected.length);
    const different = hashes.filter(
      (hash, i) => hash.status !== 'ok' || hash.sha256 !== expected[i],
    );
    t.log(`${String(hashes.length)} tiles at ${String(size)}, ${String(different.length)} differ`);
    t.deepEqual(different, []);
  }
});

withTile('a 768 x 768 tile is OpenCV’s at several sizes, bit for bit', async (t) => {
  const script =
    'import sys, cv2, hashlib\n' +
    'image = cv2.imread(sys.argv[1])\n' +
    'for size in sys.argv[2:]:\n' +
    '    tile = cv2.resize(image, (int(size), int(size)))[..., ::-1]\n' +
    '    print(hashlib.sha256(tile.tobytes()).hexdigest())\n';
  const sizes = [1, 224, 255, 256, 299, 384, 768, 800];
  const expected = execFileSync(python ?? '', ['-c', script, tile768 ?? '', ...sizes.map(String)], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
  for (const [i, size] of sizes.entries()) {
    const [got] = await tileHashes([{ path: 'tile', file: tile768 ?? '' }], size, 1);
    t.is(got?.sha256, expected[i], `at ${String(size)}`);
  }
});
