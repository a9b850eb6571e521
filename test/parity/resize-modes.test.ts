/** `area` and `fast` against OpenCV: recorded tiles, and new ones where OpenCV is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pythonReference, runPython } from '../fixtures/python.js';
import { repositoryRoot } from '../fixtures/shared-data.js';
import { modeDifferences, readModes } from './pixels-opencv.js';

const FIXTURES = join(repositoryRoot, 'test', 'fixtures', 'pixels');
const python = pythonReference(['cv2', 'numpy', 'PIL']);
const withPython = python === undefined ? test.skip : test;
/** Random files, half of them for each mode. */
const RANDOM = 400;

test('area and fast give the recorded tiles, for every kind of file and EXIF orientation', async (t) => {
  const fixtures = readModes(FIXTURES);
  for (const mode of ['area', 'fast']) {
    t.true(fixtures.filter(({ resize }) => resize === mode).length >= 200);
  }
  t.deepEqual(await modeDifferences(FIXTURES, fixtures), []);
});

withPython('area and fast give OpenCV’s tiles of random JPEGs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-modes-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  // Other files every day; the seed is in the log.
  const seed = Math.floor(Date.now() / 86_400_000);
  t.log(`seed ${String(seed)}`);
  const options = ['random', folder, String(RANDOM), String(seed)];
  runPython(python ?? '', 'pixels/make_modes.py', options);
  const fixtures = readModes(folder);
  t.is(fixtures.length, RANDOM);
  t.deepEqual(await modeDifferences(folder, fixtures), []);
});
