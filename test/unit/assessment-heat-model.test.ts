/** Heat maps are of the very model that gives the probabilities, whatever its head and its pixels. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { HeatModel } from '#src/assessment/heat-model.js';
import { openBundle } from '#src/bundle/read.js';
import { writeBundle } from '#src/bundle/write.js';
import { preprocessingSpec } from '#src/imaging/preprocessing.js';
import { loadClassifier } from '#src/inference/classifier.js';
import type { Pixels } from '#src/network/compose.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph, type HeadKind } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { weightsFingerprint } from '#src/network/weights.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { hashedTiles } from '../fixtures/network/hashed.js';
import { randomWeights } from '../fixtures/tiny-bundle.js';

const SIZE = 75;
const CLASSES = ['a', 'b', 'c'];
const TILE = SIZE * SIZE * 3;

let folder = '';
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lungcls-heat-'));
});
test.after.always(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function bundleOf(head: HeadKind, pixels: Pixels): Promise<string> {
  const directory = join(folder, `${head}-${pixels}`);
  const base = inceptionV3ToMixed7();
  const shape = [SIZE, SIZE, 3];
  const weights = randomWeights(base, shape, 1);
  const features = inferShapes(base, shape).get(base.output) ?? [];
  await writeBundle({
    directory,
    base: {
      ...{ id: 'random', name: 'Random', description: '', licence: 'none', source: 'tests' },
      ...{ fingerprint: weightsFingerprint(weights), weights },
    },
    head,
    headWeights: randomWeights(headGraph({ classes: CLASSES.length, head }), features, 2),
    classes: CLASSES,
    spec: preprocessingSpec(SIZE),
    pixels,
    ...{ training: {}, metrics: {} },
    tensorflow: await loadTensorflow(),
    checkTiles: hashedTiles(1, SIZE),
  });
  return directory;
}

const KINDS: [HeadKind, Pixels][] = [
  ['recipe', 'inception'],
  ['recipe', 'recipe'],
  ['gap', 'inception'],
];
for (const [head, pixels] of KINDS) {
  test.serial(`the ${head} head on ${pixels} pixels`, async (t) => {
    const path = await bundleOf(head, pixels);
    const classifier = await loadClassifier(path);
    const tiles = hashedTiles(3, SIZE);
    const expected = await classifier.classifyTiles(tiles, 3);
    await classifier.close();
    const model = await HeatModel.open(await openBundle(path));
    for (let i = 0; i < 3; i++) {
      const features = await model.features(tiles.slice(i * TILE, (i + 1) * TILE));
      const found = model.probabilities(features);
      for (const [c, p] of found.entries()) {
        t.true(Math.abs(p - (expected[3 * i + c] ?? NaN)) < 1e-5, `${String(i)} ${String(c)}`);
      }
      const map = model.heat(features, 1);
      const [height = 0, width = 0] = model.shape;
      t.is(map.length, height * width);
      t.true(map.every((value) => value >= 0 && value <= 1));
    }
    await model.close();
  });
}

test.serial('a lone .onnx has nothing to look into, and says so', async (t) => {
  const lone = await openBundle(join(await bundleOf('gap', 'inception'), 'model.onnx'));
  await t.throwsAsync(HeatModel.open(lone), {
    code: 'MODEL_INVALID',
    message: /expected a model bundle’s folder.*but it is a lone file/,
  });
});
