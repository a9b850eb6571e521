/** 8-bit models: the arithmetic, and a small network that is rounded and still computes the same. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession } from 'onnxruntime-node';
import type { NetworkGraph } from '#src/network/graph.js';
import { mergeStatistics, STATISTICS_OUTPUT, statisticsModel } from '#src/onnx/calibration.js';
import { equalizeChannels } from '#src/onnx/equalize.js';
import { lowerToOnnx } from '#src/onnx/lower.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { applyPasses, INFERENCE_PASSES } from '#src/onnx/passes.js';
import { quantizationOf, quantizeLayer, roundHalfEven } from '#src/onnx/quantize-arithmetic.js';
import { planQuantization } from '#src/onnx/quantize-plan.js';
import { quantizeModel } from '#src/onnx/quantize.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { hashedTiles, hashedWeights } from '../fixtures/network/hashed.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Fixture {
  ranges: { min: number; max: number; scale: number; zeroPoint: number }[];
  rounded: [number, number][];
}

const fixture = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/quantize/quantization.json'), 'utf8'),
) as Fixture;

test("scales and zero points are those of ONNX Runtime's quantizer", (t) => {
  for (const { min, max, scale, zeroPoint } of fixture.ranges) {
    const found = quantizationOf({ min, max });
    t.true(Math.abs(found.scale / scale - 1) < 2e-7, `${min}..${max}: ${found.scale}`);
    t.is(found.zeroPoint, zeroPoint, `${min}..${max}`);
  }
  t.deepEqual(quantizationOf({ min: 0, max: 0 }), { scale: 1, zeroPoint: 0 });
});

test('halves are rounded to even, as NumPy does', (t) => {
  for (const [value, rounded] of fixture.rounded)
    t.is(roundHalfEven(value) + 0, rounded, `${value}`);
});

const values = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + seed) * (i + 1)));

test('weights are rounded to the nearest step, and no pair of products leaves 16 bits', (t) => {
  const [outputs, inputs, positions] = [5, 8, 9];
  const kernel = values(outputs * inputs * positions, 1);
  const layer = {
    ...{ kernel, inputs, outputsLast: false, inputScale: 0.02 },
    ...{ bias: values(outputs, 2), inputMeans: new Float32Array(inputs) },
  };
  const found = quantizeLayer(layer);
  for (const [i, value] of kernel.entries()) {
    const output = Math.floor(i / (inputs * positions));
    const scale = found.kernelScales[output] ?? 0;
    t.true(Math.abs((found.kernel[i] ?? 0) * scale - value) <= scale * 0.5001);
    const input = Math.floor(i / positions) % inputs;
    if (input % 2 !== 0) continue;
    const pair = (found.kernel[i] ?? 0) + (found.kernel[i + positions] ?? 0);
    t.true(255 * pair <= 32767 && 255 * pair >= -32768, `${pair}`);
  }
  for (const [output, scale] of found.biasScales.entries()) {
    t.is(scale, Math.fround((found.kernelScales[output] ?? 0) * 0.02));
    const error = (found.bias[output] ?? 0) * scale - (layer.bias[output] ?? 0);
    t.true(Math.abs(error) <= scale);
  }
});

test('a dense kernel, outputs last, is rounded like the same convolution', (t) => {
  const [outputs, inputs] = [4, 6];
  const conv = values(outputs * inputs, 3);
  const dense = conv.map((_, i) => conv[(i % outputs) * inputs + Math.floor(i / outputs)] ?? 0);
  const common = {
    inputs,
    bias: values(outputs, 4),
    inputScale: 0.1,
    inputMeans: values(inputs, 5),
  };
  const a = quantizeLayer({ ...common, kernel: conv, outputsLast: false });
  const b = quantizeLayer({ ...common, kernel: dense, outputsLast: true });
  t.deepEqual(a.kernelScales, b.kernelScales);
  t.deepEqual(a.bias, b.bias);
  t.deepEqual(
    [...b.kernel],
    [...b.kernel].map((_, i) => a.kernel[(i % outputs) * inputs + Math.floor(i / outputs)]),
  );
});

test('the bias takes up what rounding the kernel does to the average output', (t) => {
  const inputMeans = Float32Array.of(3, 1);
  const kernel = Float32Array.of(1, 0.0051);
  const found = quantizeLayer({
    ...{ kernel, bias: Float32Array.of(0.5), inputs: 2, outputsLast: false },
    ...{ inputScale: 1e-3, inputMeans },
  });
  const [scale = 0] = found.kernelScales;
  const average = [...found.kernel].reduce(
    (sum, q, i) => sum + q * scale * (inputMeans[i] ?? 0),
    0,
  );
  const bias = (found.bias[0] ?? 0) * (found.biasScales[0] ?? 0);
  t.true(Math.abs(average + bias - (3 + 0.0051 + 0.5)) < 1e-4);
});

test('a kernel of zeros keeps its bias', (t) => {
  const found = quantizeLayer({
    ...{ kernel: new Float32Array(4), bias: Float32Array.of(-7, 0), inputs: 2 },
    ...{ outputsLast: false, inputScale: 0.5, inputMeans: [1, 1] },
  });
  t.deepEqual([...found.kernel], [0, 0, 0, 0]);
  t.true(Math.abs((found.bias[0] ?? 0) * (found.biasScales[0] ?? 0) + 7) < 1e-5);
});

const SIZE = 16;
const COUNT = 6;
const TILES = hashedTiles(COUNT, SIZE);

/** Every kind of layer, connected as in the real network. */
function smallModel(): OnnxModel {
  const conv = { op: 'conv', stride: 1, padding: 'same', bias: true } as const;
  const graph: NetworkGraph = {
    input: 'tiles',
    nodes: [
      { op: 'rescale', name: 'pixels', input: 'tiles', scale: 1 / 127.5, offset: -1 },
      { ...conv, name: 'first', input: 'pixels', filters: 8, kernel: [3, 3] },
      { op: 'relu', name: 'first_relu', input: 'first' },
      { op: 'maxPool', name: 'pool', input: 'first_relu', size: 3, stride: 2, padding: 'valid' },
      { ...conv, name: 'a', input: 'pool', filters: 6, kernel: [3, 3] },
      { op: 'relu', name: 'a_relu', input: 'a' },
      { op: 'averagePool', name: 'mean', input: 'pool', size: 3, stride: 1, padding: 'same' },
      { ...conv, name: 'b', input: 'mean', filters: 4, kernel: [1, 1] },
      { op: 'relu', name: 'b_relu', input: 'b' },
      { op: 'concat', name: 'mixed', inputs: ['a_relu', 'b_relu'] },
      { op: 'flatten', name: 'flat', input: 'mixed' },
      { op: 'dense', name: 'dense', input: 'flat', units: 16 },
      { op: 'relu', name: 'dense_relu', input: 'dense' },
      { op: 'dense', name: 'last', input: 'dense_relu', units: 3 },
      { op: 'softmax', name: 'softmax', input: 'last' },
    ],
    output: 'softmax',
  };
  const inputShape = [SIZE, SIZE, 3];
  const network = { graph, weights: hashedWeights(graph, inputShape), inputShape };
  return lowerToOnnx(applyPasses(network, INFERENCE_PASSES), { output: 'probabilities' });
}

async function run(model: OnnxModel, tiles = TILES): Promise<Float32Array> {
  const session = await createOnnxSession({ model: modelBytes(model), device: 'cpu' });
  try {
    const outputs = await session.run(tiles, [tiles.length / SIZE ** 2 / 3, SIZE, SIZE, 3]);
    return outputs.get(model.output.name)?.data ?? new Float32Array();
  } finally {
    await session.close();
  }
}

async function measure(model: OnnxModel): Promise<ReturnType<typeof mergeStatistics>> {
  const { images } = planQuantization(model);
  const numbers = await run(statisticsModel(model, images));
  return mergeStatistics(images, [{ numbers, tiles: COUNT }]);
}

function difference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);
}

test('ONNX Runtime runs the layers of the 8-bit model in integers', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-quantize-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const optimized = join(folder, 'optimized.onnx');
  const model = smallModel();
  const session = await InferenceSession.create(
    modelBytes(quantizeModel(model, await measure(model))),
    { executionProviders: ['cpu'], optimizedModelFilePath: optimized, logSeverityLevel: 3 },
  );
  await session.release();
  const file = await readFile(optimized, 'latin1');
  // Convolutions but the first; the first dense layer, whose weights are most of the model.
  t.is(file.match(/QLinearConv/g)?.length, 2);
  t.is(file.match(/QGemm/g)?.length, 1);
});

test("a range is the largest number seen, or the mean of the batches' largest", (t) => {
  const images = new Map([['image', 2]]);
  // Of two channels: least, largest, mean.
  const batches = [
    { numbers: Float32Array.of(-1, 0, 2, 4, 1, 1), tiles: 3 },
    { numbers: Float32Array.of(-3, 0, 6, 0, 3, 0), tiles: 1 },
  ];
  const largest = mergeStatistics(images, batches).get('image');
  t.deepEqual([...(largest?.min ?? []), ...(largest?.max ?? [])], [-3, 0, 6, 4]);
  const mean = mergeStatistics(images, batches, 'mean').get('image');
  t.deepEqual([...(mean?.min ?? []), ...(mean?.max ?? [])], [-1.5, 0, 3, 3]);
  for (const { mean: own } of [largest, mean].flatMap((found) => found ?? [])) {
    t.deepEqual([...own], [1.5, 0.75]);
  }
});

test('statistics of batches add up to those of all', async (t) => {
  const model = smallModel();
  const { images } = planQuantization(model);
  const measured = statisticsModel(model, images);
  t.is(measured.output.name, STATISTICS_OUTPUT);
  t.false(measured.initializers.some(({ name }) => name.startsWith('dense')));
  const all = mergeStatistics(images, [{ numbers: await run(measured), tiles: COUNT }]);
  const cut = 2 * SIZE ** 2 * 3;
  const parts = mergeStatistics(images, [
    { numbers: await run(measured, TILES.subarray(0, cut)), tiles: 2 },
    { numbers: await run(measured, TILES.subarray(cut)), tiles: COUNT - 2 },
  ]);
  t.deepEqual([...parts.keys()], ['first_relu', 'pool', 'a_relu', 'b', 'b_relu', 'mixed']);
  for (const [image, { min, max, mean }] of parts) {
    t.deepEqual(min, all.get(image)?.min);
    t.deepEqual(max, all.get(image)?.max);
    t.true(difference(mean, all.get(image)?.mean ?? new Float32Array()) < 1e-6);
  }
  t.throws(() => mergeStatistics(images, [{ numbers: Float32Array.of(1), tiles: 1 }]), {
    code: 'INTERNAL',
  });
});

test('equalized channels leave the function as it is, and are as predicted', async (t) => {
  const model = smallModel();
  const { images } = planQuantization(model);
  // The pool of this model is moved behind its convolution, so pool's readers are convolutions.
  const before = await measure(model);
  const equalized = equalizeChannels(model, before);
  const after = await measure(equalized.model);
  t.true(difference(await run(model), await run(equalized.model)) < 1e-5);
  for (const image of images.keys()) {
    const predicted = equalized.statistics.get(image);
    t.true(
      difference(
        predicted?.max ?? new Float32Array(),
        after.get(image)?.max ?? new Float32Array(),
      ) < 1e-4,
    );
  }
  const spread = (max: Float32Array | undefined): number =>
    Math.max(...(max ?? [])) / Math.min(...(max ?? []));
  t.true(spread(after.get('first_relu')?.max) < spread(before.get('first_relu')?.max));
});

test('a rounded model gives nearly the same probabilities', async (t) => {
  const model = smallModel();
  const quantized = quantizeModel(model, await measure(model));
  const found = difference(await run(quantized), await run(model));
  t.log(`largest difference ${found}`);
  t.true(found > 0 && found < 0.02);
  t.deepEqual(quantizeModel(model, await measure(model)), quantized);
});

test('what is stored as bytes, and where', async (t) => {
  const model = smallModel();
  const quantized = quantizeModel(model, await measure(model));
  const typeOf = new Map(quantized.initializers.map(({ name, type }) => [name, type]));
  t.is(typeOf.get('first/kernel'), 'float32');
  for (const name of ['a', 'b', 'dense']) {
    t.is(typeOf.get(`${name}/kernel/quantized`), 'int8', name);
    t.is(typeOf.get(`${name}/bias/quantized`), 'int32', name);
    t.false(typeOf.has(`${name}/kernel`), name);
  }
  t.is(typeOf.get('last/kernel'), 'float32');
  const node = (output: string): string =>
    quantized.nodes
      .filter((candidate) => candidate.output === output)
      .map(({ type, inputs }) => `${type} ${inputs.join(' ')}`)
      .join();
  // Concat and MaxPool on bytes, with one scale for what goes in and comes out.
  t.is(node('mixed/quantized'), 'Concat a_relu/quantized b_relu/quantized');
  t.is(node('a_relu/quantized'), 'QuantizeLinear a flat/scale flat/zero_point');
  t.is(node('b_relu/quantized'), 'QuantizeLinear b_relu flat/scale flat/zero_point');
  t.is(node('pool/quantized'), 'MaxPool first_relu/quantized');
  // The average pool in float, kept apart from its neighbours by a Max.
  t.is(node('mean'), 'AveragePool b/real');
  t.is(node('b_relu'), 'Max mean zero');
});

test('an image that was not measured is found out', (t) => {
  t.throws(() => quantizeModel(smallModel(), new Map()), {
    code: 'INTERNAL',
    message: /not been measured/,
  });
});
