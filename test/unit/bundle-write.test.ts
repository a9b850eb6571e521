/** Writing a model bundle: all of it, or nothing and what stood there before. */
import { mkdtemp, readdir, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { measureImages } from '#src/bundle/int8.js';
import { layersModelHandler } from '#src/bundle/layers-model.js';
import { DOMAIN_FILE, QUANTIZATION_METADATA_KEY } from '#src/bundle/metadata.js';
import { openBundle } from '#src/bundle/read.js';
import { writeBundle, type WriteBundleOptions } from '#src/bundle/write.js';
import { COLOUR_COUNT } from '#src/domain/colour.js';
import type { DomainModel } from '#src/domain/domain.js';
import { preprocessingSpec } from '#src/imaging/preprocessing.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { weightsFingerprint } from '#src/network/weights.js';
import { parseStatistics, statisticsJson } from '#src/onnx/calibration.js';
import { baseModel, wholeModel } from '#src/onnx/export.js';
import { readOnnxMetadata } from '#src/onnx/metadata.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { hashedTiles, hashedWeights, overflowingHead } from '../fixtures/network/hashed.js';

const SIZE = 96;
const folder = await mkdtemp(join(tmpdir(), 'lungcls-bundle-'));

const graph = inceptionV3ToMixed7();
const weights = hashedWeights(graph, [SIZE, SIZE, 3]);
const features = inferShapes(graph, [SIZE, SIZE, 3]).get(graph.output) ?? [];
const headWeights = hashedWeights(headGraph({ classes: 3 }), features);
const tensorflow = await loadTensorflow();
// Declared once nothing is waited for any more: ava starts on the tick after the first declaration.
test.after.always(() => rm(folder, { recursive: true, force: true }));

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

/** As if its pooled features had been those of some tiles: what is in it is no matter here. */
function someDomain(): DomainModel {
  const gaussian = (width: number): DomainModel['content'] => ({
    width,
    mean: Float32Array.from({ length: width }, (_, i) => i / width),
    axes: Float32Array.from({ length: 2 * width }, (_, i) => Math.sin(i)),
    residual: 0.5,
  });
  return {
    ...{ content: gaussian(768), colour: gaussian(COLOUR_COUNT), precision: 'fp32' },
    ...{ contentLimit: 20, colourLimit: 3.5, spreadLimit: 4 },
    ...{ tiles: 1000, validationTiles: 200, rejected: 2 },
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

/**
 * A head that tells the three tiles apart, and that 8 bits lose: a large weight on a feature that is
 * always zero changes nothing, but beside it all others are rounded to zero.
 */
async function unroundableHead(): Promise<typeof headWeights> {
  const network = { pixels: 'inception', size: SIZE } as const;
  const run = async (model: OnnxModel): Promise<Float32Array> => {
    const session = await createOnnxSession({ model: modelBytes(model), device: 'cpu' });
    const outputs = await session.run(hashedTiles(3, SIZE), [3, SIZE, SIZE, 3]);
    await session.close();
    return outputs.get(model.output.name)?.data ?? new Float32Array();
  };
  const found = await run(baseModel({ weights }, network));
  const channels = features.at(-1) ?? 0;
  const silent = Array.from({ length: channels }, (_, c) => c).find((c) =>
    found.every((value, i) => i % channels !== c || value === 0),
  );
  const probabilities = await run(wholeModel({ weights }, headWeights, { ...network, classes: 3 }));
  const changed = new Map(headWeights);
  const change = (name: string, of: (value: number, i: number) => number): void => {
    const tensor = headWeights.get(name);
    if (tensor === undefined || silent === undefined) throw new Error(`no ${name}, or none silent`);
    changed.set(name, { ...tensor, data: tensor.data.map(of) });
  };
  change('dense/kernel', (value, i) => (Math.floor(i / 256) === silent ? 1000 : value));
  // No class wins every tile where the mean of all logits is the same.
  change('dense_2/bias', (value, c) => {
    const logits = [0, 1, 2].map((tile) => Math.log(probabilities[3 * tile + c] ?? 0));
    return value - logits.reduce((a, b) => a + b) / 3;
  });
  return changed;
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
  const messages: string[] = [];
  const { metadata, agreement } = await writeBundle({
    ...options('overflow'),
    headWeights: overflowingHead(headWeights),
    onMessage: (message, level) => messages.push(`${level}: ${message}`),
  });
  t.true(agreement.maxDifference < 1e-4);
  t.false('model.fp16.onnx' in metadata.files);
  t.regex(messages.join('\n'), /^warning: model\.fp16\.onnx was left out/);
  const bundle = await openBundle(join(folder, 'overflow'));
  t.is(bundle.fp16Path, undefined);
  t.false((await readdir(join(folder, 'overflow'))).includes('model.fp16.onnx'));
});

test.serial('the 8-bit file is there if it agrees, and says how well', async (t) => {
  const messages: string[] = [];
  const stages = new Set<string>();
  // Calibrated on the very tiles: random weights leave no room between the classes.
  const quantization = { calibrationTiles: hashedTiles(3, SIZE) };
  const task = { onMessage: (message: string) => messages.push(message) };
  const { metadata } = await writeBundle({
    ...options('int8'),
    ...task,
    quantization,
    onProgress: ({ stage }) => stages.add(stage),
  });
  const path = join(folder, 'int8');
  const facts = metadata.quantization;
  t.true(stages.has('calibrate'));
  t.like(facts, { agreement: 1, calibrationTiles: 3, checkTiles: 3, kept: true, reason: '' });
  t.true((facts?.maxDifference ?? 1) < 0.1);
  const { strings } = await readOnnxMetadata(join(path, 'model.int8.onnx'));
  t.deepEqual(JSON.parse(strings[QUANTIZATION_METADATA_KEY] ?? ''), facts);
  t.regex(
    await readFile(join(path, 'MODEL_CARD.md'), 'utf8'),
    /gives 100\.0 % of 3 held-out tiles/,
  );
  const bundle = await openBundle(path, { engine: 'onnx', precision: 'int8' });
  t.is(bundle.int8Path, join(path, 'model.int8.onnx'));
  t.deepEqual(bundle.metadata, metadata);
  t.deepEqual(messages, []);

  const again = await writeBundle({ ...options('int8'), quantization });
  t.deepEqual(again.metadata, metadata);

  // The base is all that a calibration looks at: what it gave for the features serves here too.
  const tiles = { tiles: quantization.calibrationTiles, count: 3, size: SIZE };
  const model = baseModel(options('int8').base, { pixels: 'inception', size: SIZE });
  const text = statisticsJson(await measureImages(model, tiles, {}));
  const statistics = parseStatistics(text);
  stages.clear();
  const known = await writeBundle({
    ...options('int8'),
    quantization: { ...quantization, statistics },
    onProgress: ({ stage }) => stages.add(stage),
  });
  t.false(stages.has('calibrate'));
  t.deepEqual(known.metadata, metadata);
  t.is(parseStatistics(text.slice(1)), undefined);
  t.is(parseStatistics('[{"image":"a","min":[1],"max":[2,3],"mean":[1]}]'), undefined);
  await rm(path, { recursive: true });
});

test.serial('an 8-bit file that disagrees is left out, and the rest stands', async (t) => {
  const messages: string[] = [];
  const { metadata } = await writeBundle({
    ...options('left-out'),
    headWeights: await unroundableHead(),
    quantization: { calibrationTiles: hashedTiles(3, SIZE) },
    onMessage: (message, level) => messages.push(`${level}: ${message}`),
  });
  const path = join(folder, 'left-out');
  t.false('model.int8.onnx' in metadata.files);
  t.false((await readdir(path)).includes('model.int8.onnx'));
  t.like(metadata.quantization, { kept: false });
  t.regex(messages.join('\n'), /^warning: model\.int8\.onnx was left out: it names/);
  t.is((await openBundle(path)).int8Path, undefined);
  const error = await t.throwsAsync(openBundle(path, { precision: 'int8' }), {
    code: 'MODEL_INVALID',
  });
  t.regex(
    error.message,
    /model\.int8\.onnx for precision int8 but it is not in this bundle \(model/,
  );
  t.regex(await readFile(join(path, 'MODEL_CARD.md'), 'utf8'), /too much: that file was left out/);
  await rm(path, { recursive: true });
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

test.serial(
  'what the training tiles are like travels in the folder and in each of its .onnx files',
  async (t) => {
    const domain = someDomain();
    await writeBundle({ ...options('domain'), domain });
    const path = join(folder, 'domain');
    const bundle = await openBundle(path);
    t.deepEqual(bundle.domain, domain);
    for (const file of ['model.onnx', 'model.fp16.onnx']) {
      t.deepEqual((await openBundle(join(path, file))).domain, domain, file);
    }
    t.true(DOMAIN_FILE in bundle.metadata.files);
    t.regex(
      await readFile(join(path, 'MODEL_CARD.md'), 'utf8'),
      /1000 training tiles[^]*200 tiles 2 are outside/,
    );
    const file = join(path, DOMAIN_FILE);
    const bytes = await readFile(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(file, bytes);
    const error = await t.throwsAsync(openBundle(path, { engine: 'tfjs' }), {
      code: 'MODEL_INVALID',
    });
    t.regex(error.message, /SHA-256/);
  },
);

test.serial('without it the bundle is as those of earlier versions were', async (t) => {
  await writeBundle(options('no domain'));
  const path = join(folder, 'no domain');
  t.false((await readdir(path)).includes(DOMAIN_FILE));
  t.is((await openBundle(path)).domain, undefined);
  t.is((await openBundle(join(path, 'model.onnx'))).domain, undefined);
  t.regex(
    await readFile(join(path, 'MODEL_CARD.md'), 'utf8'),
    /It cannot tell tiles that are unlike/,
  );
});
