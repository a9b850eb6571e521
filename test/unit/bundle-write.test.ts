/** Writing a model bundle: all of it, or nothing and what stood there before. */
import { mkdtemp, readdir, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { layersModelHandler } from '#src/bundle/layers-model.js';
import { openBundle } from '#src/bundle/read.js';
import { writeBundle, type WriteBundleOptions } from '#src/bundle/write.js';
import { preprocessingSpec } from '#src/imaging/preprocessing.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { weightsFingerprint } from '#src/network/weights.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { hashedTiles, hashedWeights } from '../fixtures/network/hashed.js';

const SIZE = 96;
const folder = await mkdtemp(join(tmpdir(), 'lungcls-bundle-'));
test.after.always(() => rm(folder, { recursive: true, force: true }));

const graph = inceptionV3ToMixed7();
const weights = hashedWeights(graph, [SIZE, SIZE, 3]);
const features = inferShapes(graph, [SIZE, SIZE, 3]).get(graph.output) ?? [];
const headWeights = hashedWeights(headGraph({ classes: 3 }), features);
const tensorflow = await loadTensorflow();

function options(name: string): WriteBundleOptions {
  return {
    directory: join(folder, name),
    base: {
      id: 'hashed',
      name: 'Hashed <weights>',
      description: '',
      licence: 'none',
      source: 'a test',
      fingerprint: weightsFingerprint(weights),
      weights,
    },
    headWeights,
    classes: ['lung_n', 'lung_aca', 'a|b'],
    spec: preprocessingSpec(SIZE),
    pixels: 'inception',
    training: { epochs: 2, split: { kind: 'random', seed: 2022 }, list: [1, 2] },
    metrics: { accuracy: 0.5 },
    tensorflow,
    checkTiles: hashedTiles(3, SIZE),
  };
}

/** The same tfjs, whose models come out with a bias that the files do not have. */
function crooked(): typeof tensorflow {
  const { tf } = tensorflow;
  const loadLayersModel: typeof tf.loadLayersModel = async (...args) => {
    const model = await tf.loadLayersModel(...args);
    const layer = model.getLayer('head_dense_2');
    const [kernel] = layer.getWeights();
    if (kernel !== undefined) layer.setWeights([kernel, tf.tensor1d([0.1, 0, 0])]);
    return model;
  };
  return { ...tensorflow, tf: { ...tf, loadLayersModel } };
}

test.serial('a bundle has all of its files, and they agree', async (t) => {
  const notes: string[] = [];
  const { agreement, metadata } = await writeBundle({
    ...options('whole'),
    onProgress: ({ note }) => notes.push(note ?? ''),
  });
  t.true(agreement.maxDifference < 1e-5);
  t.true(agreement.maxDifferenceFp16 > 0 && agreement.maxDifferenceFp16 < 5e-3);
  t.is(agreement.tiles, 3);
  t.is(notes.at(-1), 'done');
  t.deepEqual((await readdir(join(folder, 'whole'))).sort(), [
    'MODEL_CARD.md',
    'lungcls.json',
    'model.fp16.onnx',
    'model.onnx',
    'tfjs',
  ]);
  t.deepEqual((await openBundle(join(folder, 'whole'))).metadata, metadata);

  const card = await readFile(join(folder, 'whole', 'MODEL_CARD.md'), 'utf8');
  t.regex(card, /For research use only/);
  t.regex(card, /\| split\.seed \| 2022 \|/);
  t.regex(card, /\| list \| 1, 2 \|/);
  t.regex(card, /Hashed &#60;weights&#62;/);
  t.regex(card, /a&#124;b/);
});

test.serial('tfjs opens its model, by our handler and by its own', async (t) => {
  const { tf, choice } = tensorflow;
  const path = join(folder, 'whole', 'tfjs');
  const input = tf.tensor4d(hashedTiles(1, SIZE), [1, SIZE, SIZE, 3], 'float32');
  const values: Float32Array[] = [];
  const handlers = [layersModelHandler(path)];
  const own = choice === 'wasm' ? [] : [`file://${path}/model.json`];
  for (const handler of [...handlers, ...own]) {
    const model = await tf.loadLayersModel(handler);
    t.deepEqual(model.outputs[0]?.shape, [null, 3]);
    const output = model.predict(input);
    if (Array.isArray(output)) throw new Error('more than one output');
    values.push(Float32Array.from(await output.data<'float32'>()));
    output.dispose();
    model.dispose();
  }
  input.dispose();
  for (const value of values) t.deepEqual(value, values[0]);
});

test.serial('the same model gives the same bytes', async (t) => {
  const first = (await openBundle(join(folder, 'whole'))).metadata.files;
  const { metadata } = await writeBundle(options('again'));
  t.deepEqual(metadata.files, first);
  await rm(join(folder, 'again'), { recursive: true });
});

test.serial('files that disagree are not kept, and what stood there is', async (t) => {
  const directory = join(folder, 'kept');
  await mkdir(directory);
  await writeFile(join(directory, 'mine.txt'), 'still here');
  const error = await t.throwsAsync(writeBundle({ ...options('kept'), tensorflow: crooked() }), {
    code: 'EXPORT_MISMATCH',
  });
  t.regex(error.message, /model\.onnx.*within 0\.0001 but they differ by 0\.0/);
  t.deepEqual(await readdir(directory), ['mine.txt']);
  t.false((await readdir(folder)).some((name) => name.endsWith('.building')));
});

test.serial('half precision that overflows is left out, with a warning', async (t) => {
  // A first layer 2^30 times as large, undone by the BatchNormalization behind it.
  const scaled = new Map(headWeights);
  for (const [name, factor] of [
    ['dense/kernel', 2 ** 30],
    ['dense/bias', 2 ** 30],
    ['batch_normalization/moving_mean', 2 ** 30],
    ['batch_normalization/moving_variance', 2 ** 60],
  ] as const) {
    const tensor = headWeights.get(name);
    if (tensor === undefined) throw new Error(name);
    scaled.set(name, { ...tensor, data: tensor.data.map((value) => value * factor) });
  }
  const messages: string[] = [];
  const { metadata, agreement } = await writeBundle({
    ...options('overflow'),
    headWeights: scaled,
    onMessage: (message, level) => messages.push(`${level}: ${message}`),
  });
  t.true(agreement.maxDifference < 1e-4);
  t.false('model.fp16.onnx' in metadata.files);
  t.regex(messages.join('\n'), /^warning: model\.fp16\.onnx was left out/);
  const bundle = await openBundle(join(folder, 'overflow'));
  t.is(bundle.fp16Path, undefined);
  t.false((await readdir(join(folder, 'overflow'))).includes('model.fp16.onnx'));
});

test.serial('stopped at any step, it leaves nothing', async (t) => {
  for (const step of ['tfjs', 'fp16', 'check onnx', 'done']) {
    const controller = new AbortController();
    await t.throwsAsync(
      writeBundle({
        ...options('stopped'),
        signal: controller.signal,
        onProgress: ({ note }) => {
          if (note === step) controller.abort();
        },
      }),
      { code: 'ABORTED' },
      step,
    );
    t.false(
      (await readdir(folder)).some((name) => name.startsWith('stopped')),
      step,
    );
  }
});

test('wrong options are refused before anything is written', async (t) => {
  const invalid = { code: 'INVALID_OPTION' };
  const given = options('refused');
  const short = { ...given, checkTiles: new Uint8Array(10) };
  const error = await t.throwsAsync(writeBundle(short), invalid);
  t.regex(error.message, /whole tiles of 96 x 96 x 3 bytes for checkTiles but received 10 bytes/);
  await t.throwsAsync(writeBundle({ ...given, checkTiles: new Uint8Array() }), invalid);
  const other = { ...given, classes: ['a', 'b'] };
  const shape = await t.throwsAsync(writeBundle(other), invalid);
  t.regex(shape.message, /head_dense_2\/kernel of shape \[128, 2\] but received \[128, 3\]/);
  await t.throwsAsync(writeBundle({ ...given, headWeights: new Map() }), invalid);
  await t.throwsAsync(writeBundle({ ...given, classes: ['a'] }), invalid);
  t.false((await readdir(folder)).some((name) => name.startsWith('refused')));
});
