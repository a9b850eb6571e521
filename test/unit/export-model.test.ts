/** Exporting a trained model: what is written, that it agrees, and that nothing is where it does not. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { layersModelHandler } from '#src/bundle/layers-model.js';
import { openBundle } from '#src/bundle/read.js';
import { writeBundle } from '#src/bundle/write.js';
import { preprocess } from '#src/dataset/preprocess.js';
import { EXPORT_METADATA_KEY, exportModel } from '#src/export/export-model.js';
import { readExportTiles } from '#src/export/tiles.js';
import { preprocessingSpec } from '#src/imaging/preprocessing.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { loadClassifier } from '#src/inference/classifier.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { readOnnxMetadata } from '#src/onnx/metadata.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { hashedTiles, overflowingHead } from '../fixtures/network/hashed.js';
import { randomWeights, TINY_CLASSES, TINY_SIZE, tinyBundle } from '../fixtures/tiny-bundle.js';
import { makeTinyRun, type TinyRun } from '../fixtures/tiny-run.js';

let root = '';
let run: TinyRun;
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-export-'));
  run = await makeTinyRun(root);
});
test.after.always(() => rm(root, { recursive: true, force: true }));

async function exported(path: string): Promise<Record<string, unknown>> {
  const { strings } = await readOnnxMetadata(path);
  return JSON.parse(strings[EXPORT_METADATA_KEY] ?? '') as Record<string, unknown>;
}

const tiles = hashedTiles(3, TINY_SIZE);

async function classify(model: string): Promise<Float32Array> {
  const classifier = await loadClassifier(model, { device: 'cpu', batchSize: 3 });
  try {
    return await classifier.classifyTiles(tiles, 3);
  } finally {
    await classifier.close();
  }
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length || a.length === 0) return Infinity;
  return Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] ?? NaN))), 0);
}

test.serial('fp32: the .onnx, a Triton repository and a graph model, all at once', async (t) => {
  const output = join(root, 'whole');
  const result = await exportModel({
    model: run.model,
    output,
    triton: join(output, 'repository'),
    tfjsGraph: join(output, 'graph'),
  });
  t.like(result, {
    precision: 'fp32',
    onnx: join(output, 'model.onnx'),
    triton: join(output, 'repository', 'lungcls_fp32'),
    tfjsGraph: join(output, 'graph', 'model.json'),
  });
  t.like(result.figures, { tiles: 9, sameClass: 1, labelled: 9 });
  t.is(result.figures?.accuracy, result.figures?.referenceAccuracy);
  t.true((result.figures?.maxDifference ?? 1) < 1e-5);
  t.true((result.tfjsGraphFigures?.maxDifference ?? 1) < 1e-5);

  const onnx = result.onnx ?? '';
  t.like(await exported(onnx), {
    precision: 'fp32',
    ...result.figures,
    allowed: { maxDifference: 1e-4 },
  });
  // A lone file like any other: it opens, and says what the bundle says.
  const { files: own, ...description } = (await openBundle(onnx)).metadata;
  t.deepEqual(Object.keys(own), ['model.onnx']);
  t.like((await openBundle(run.model)).metadata, description);
  t.true(largest(await classify(onnx), await classify(run.model)) < 1e-6);

  t.deepEqual((await readdir(output)).sort(), ['graph', 'model.onnx', 'repository']);
  const folder = result.triton ?? '';
  t.deepEqual((await readdir(folder)).sort(), ['1', 'config.pbtxt', 'labels.txt']);
  t.is(await readFile(join(folder, 'labels.txt'), 'utf8'), `${TINY_CLASSES.join('\n')}\n`);
  t.true((await readFile(join(folder, '1', 'model.onnx'))).equals(await readFile(onnx)));
});

test.serial('TensorFlow.js opens the graph model and gets the same from it', async (t) => {
  const { tf, choice } = await loadTensorflow();
  const folder = join(root, 'whole', 'graph');
  const layers = await tf.loadLayersModel(layersModelHandler(join(run.model, 'tfjs')));
  const path = `file://${folder}/model.json`;
  const graph = await tf.loadGraphModel(choice === 'wasm' ? layersModelHandler(folder) : path);
  const input = tf.tensor4d(Int32Array.from(tiles), [3, TINY_SIZE, TINY_SIZE, 3], 'int32');
  const expected = layers.predict(input);
  const found = graph.predict(input);
  if (!(expected instanceof tf.Tensor) || !(found instanceof tf.Tensor)) throw new Error('lists');
  t.deepEqual(found.shape, [3, 3]);
  t.true(largest(await found.data(), await expected.data()) < 1e-4);

  const outputs = graph.execute(input, ['logits', 'pooled_features']);
  if (!Array.isArray(outputs)) throw new Error('expected two outputs');
  const session = await createOnnxSession({ model: join(root, 'whole', 'model.onnx') });
  const onnx = await session.run(tiles, [3, TINY_SIZE, TINY_SIZE, 3]);
  await session.close();
  for (const [i, name] of ['logits', 'pooled_features'].entries()) {
    const values = await outputs[i]?.data();
    t.true(largest(values ?? [], onnx.get(name)?.data ?? []) < 1e-4, name);
  }
  tf.dispose([input, expected, found, outputs]);
  layers.dispose();
  graph.dispose();
});

test.serial('fp16 and int8: named by their precision, judged by their own rule', async (t) => {
  const output = join(root, 'others');
  const half = await exportModel({ model: run.model, precision: 'fp16', output, tiles: 4 });
  t.is(half.onnx, join(output, 'model.fp16.onnx'));
  t.is(half.figures?.tiles, 4);
  const difference = half.figures?.maxDifference ?? 1;
  t.true(difference > 0 && difference < 5e-3);

  const int8 = await exportModel({ model: run.model, precision: 'int8', output });
  t.is(int8.onnx, join(output, 'model.int8.onnx'));
  const { chosen, tried } = int8.quantization ?? {};
  t.is(tried?.length, 4);
  t.is(chosen?.meanDifference, Math.min(...(tried ?? []).map((own) => own.meanDifference)));
  const facts = await exported(int8.onnx ?? '');
  t.like(facts, { precision: 'int8', allowed: { sameClass: 0.995, accuracy: 0.003 } });
  // 27 are trained on: 64 would be calibrated on, but some are left to choose on.
  t.like(facts['quantization'], { calibrationTiles: 20, choiceTiles: 7, tried });
  t.true(largest(await classify(int8.onnx ?? ''), await classify(run.model)) < 0.1);
});

test.serial('tiles to judge on are held out, those to calibrate on are not', async (t) => {
  const bundle = await openBundle(run.model);
  const read = await readExportTiles({
    bundle,
    model: run.model,
    heldOut: 100,
    training: true,
  });
  const store = await TileStore.open(run.store);
  const all = new Map<string, number>();
  const tile = new Uint8Array(store.tileBytes);
  for (let row = 0; row < store.count; row++) {
    await store.readTiles([row], tile);
    all.set(Buffer.from(tile).toString('base64'), row);
  }
  const rowsOf = (part: { tiles: Uint8Array; count: number }): number[] =>
    Array.from({ length: part.count }, (_, i) => {
      const bytes = part.tiles.subarray(i * store.tileBytes, (i + 1) * store.tileBytes);
      return all.get(Buffer.from(bytes).toString('base64')) ?? -1;
    });
  const heldOut = rowsOf(read.heldOut);
  t.deepEqual(
    [...heldOut].sort((a, b) => a - b),
    [...run.validation],
  );
  t.deepEqual(
    [...read.truth],
    heldOut.map((row) => store.labels[row] ?? -1),
  );
  const { calibration, choice } = read.training ?? {};
  if (calibration === undefined || choice === undefined) throw new Error('none to train on');
  const training = [...rowsOf(calibration), ...rowsOf(choice)];
  t.is(new Set(training).size, 27);
  t.false(training.some((row) => heldOut.includes(row)));
  store.close();
});

test.serial('what half precision cannot bear is an error, and nothing is written', async (t) => {
  const graph = inceptionV3ToMixed7();
  const features = inferShapes(graph, [TINY_SIZE, TINY_SIZE, 3]).get(graph.output) ?? [];
  const weights = randomWeights(graph, [TINY_SIZE, TINY_SIZE, 3], 1);
  const headWeights = randomWeights(headGraph({ classes: 3 }), features, 2);
  const directory = join(root, 'overflow');
  await writeBundle({
    directory,
    base: {
      ...{ id: 'x', name: 'x', description: '', licence: '', source: '' },
      fingerprint: 'x',
      weights,
    },
    headWeights: overflowingHead(headWeights),
    classes: TINY_CLASSES,
    spec: preprocessingSpec(TINY_SIZE),
    pixels: 'inception',
    training: {},
    metrics: {},
    tensorflow: await loadTensorflow(),
    checkTiles: hashedTiles(1, TINY_SIZE),
  });
  const given = { model: directory, store: run.store, split: run.split };
  const output = join(root, 'refused');
  const places = { output, triton: join(output, 'triton'), tfjsGraph: join(output, 'graph') };
  const error = await t.throwsAsync(exportModel({ ...given, ...places, precision: 'fp16' }), {
    code: 'EXPORT_MISMATCH',
  });
  t.regex(
    error.message,
    /model\.fp16\.onnx .* within 0\.005 on 9 held-out tiles but they differ by/,
  );
  t.false((await readdir(root)).some((name) => name.startsWith('refused')));
  // In float32 it is sound.
  t.is((await exportModel({ ...given, output })).figures?.sameClass, 1);
});

test.serial('what is there is kept unless force is given; other files always are', async (t) => {
  const output = join(root, 'kept');
  await mkdir(output);
  await writeFile(join(output, 'mine.txt'), 'mine');
  await writeFile(join(output, 'model.onnx'), 'older');
  const error = await t.throwsAsync(exportModel({ model: run.model, output }), {
    code: 'OUTPUT_EXISTS',
  });
  t.regex(error.message, /kept\/model\.onnx exists already; give --force/);
  t.is(await readFile(join(output, 'model.onnx'), 'utf8'), 'older');
  await exportModel({ model: run.model, output, force: true, tiles: 1 });
  t.is((await openBundle(join(output, 'model.onnx'))).metadata.classes.length, 3);
  t.is(await readFile(join(output, 'mine.txt'), 'utf8'), 'mine');
});

test.serial('stopped, it leaves nothing', async (t) => {
  const controller = new AbortController();
  await t.throwsAsync(
    exportModel({
      model: run.model,
      output: join(root, 'stopped'),
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'check onnx') controller.abort();
      },
    }),
    { code: 'ABORTED' },
  );
  t.false((await readdir(root)).some((name) => name.startsWith('stopped')));
});

test.serial('wrong calls are refused with what would be right', async (t) => {
  const output = join(root, 'never');
  const { model } = run;
  const refused = async (
    options: Partial<Parameters<typeof exportModel>[0]>,
    code: string,
    message: RegExp,
  ): Promise<void> => {
    await t.throwsAsync(exportModel({ model, output, ...options }), { code, message });
  };
  await t.throwsAsync(exportModel({ model }), {
    code: 'INVALID_OPTION',
    message: /at least one of/,
  });
  await refused({ tiles: 0 }, 'INVALID_OPTION', /positive integer for tiles but received 0/);
  const lone = join(await tinyBundle(), 'model.onnx');
  await refused({ model: lone }, 'MODEL_INVALID', /a model bundle's folder.*stands alone/);
  const alone = await tinyBundle();
  await refused({ model: alone }, 'INVALID_OPTION', /a tile store \(--store\).*metrics\.json/);
  const { store } = run;
  await refused({ model: alone, store }, 'INPUT_NOT_FOUND', /split\.csv; .*another with --split/);
  const small = join(root, 'small');
  await preprocess({ input: join(root, 'tiles'), output: small, size: 64 });
  await refused({ store: small }, 'PREPROCESSING_MISMATCH', /96 x 96.*64 x 64/);
  t.false((await readdir(root)).includes('never'));
});
