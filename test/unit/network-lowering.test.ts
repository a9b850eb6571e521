/**
 * Both lowerings against Keras, on numbers that need neither Python nor a base: weights and a tile
 * out of a hash (test/fixtures/network/hashed.*), values by make_network.py. And each pass against the
 * network that it rewrote.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { classifierNetwork, featureNetwork, PIXELS } from '#src/network/compose.js';
import type { Network } from '#src/network/graph.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph, HEADS, type HeadKind } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { loadLayersModel, lowerToLayersModel } from '#src/network/lower-tfjs.js';
import { baseModelBytes, wholeModel } from '#src/onnx/export.js';
import { toFloat16 } from '#src/onnx/float16.js';
import { modelBytes } from '#src/onnx/model.js';
import {
  applyPasses,
  foldBatchNormalization,
  foldRescale,
  INFERENCE_PASSES,
  moveAveragePools,
  removeDropout,
} from '#src/onnx/passes.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { hashedTiles, hashedWeights } from '../fixtures/network/hashed.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Reference {
  shape: number[];
  max: number;
  mean: number;
  every: number;
  values: number[];
}

const reference = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/network/features.json'), 'utf8'),
) as { size: number; inception: Reference; recipe: Reference };

const { size } = reference;
const base = inceptionV3ToMixed7();
const weights = hashedWeights(base, [size, size, 3]);
const features = inferShapes(base, [size, size, 3]).get(base.output) ?? [];
const head = hashedWeights(headGraph({ classes: 3 }), features);
const tiles = hashedTiles(2, size);

async function runOnnx(
  model: Uint8Array,
  count: number,
): Promise<{ data: Float32Array; dims: readonly number[] }> {
  const session = await InferenceSession.create(model);
  const input = new Tensor('uint8', tiles.slice(0, count * size * size * 3), [
    count,
    size,
    size,
    3,
  ]);
  const outputs = await session.run({ tiles: input });
  const [output] = Object.values(outputs);
  if (output === undefined) throw new Error('no output');
  return { data: Float32Array.from(output.data as Float32Array), dims: output.dims };
}

async function runTfjs(network: Network, count: number): Promise<Float32Array> {
  const { tf } = await loadTensorflow();
  const model = await loadLayersModel(tf, lowerToLayersModel(network, 'test'));
  const input = tf.tensor4d(
    tiles.slice(0, count * size * size * 3),
    [count, size, size, 3],
    'int32',
  );
  const output = model.predict(input);
  if (Array.isArray(output)) throw new Error('more than one output');
  const data = Float32Array.from(await output.data<'float32'>());
  tf.dispose([input, output]);
  model.dispose();
  return data;
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let result = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i++) {
    result = Math.max(result, Math.abs((a[i] ?? NaN) - (b[i] ?? NaN)));
  }
  return result;
}

/** Against Keras's values: the sampled ones and the mean. */
function distance(found: Float32Array, expected: Reference): number {
  const sampled = found.filter((_, i) => i % expected.every === 0);
  const mean = found.reduce((a, b) => a + b, 0) / found.length;
  return Math.max(largest(sampled, expected.values), Math.abs(mean - expected.mean)) / expected.max;
}

for (const pixels of PIXELS) {
  test.serial(`ONNX gives Keras's mixed7, ${pixels} pixels`, async (t) => {
    const { data, dims } = await runOnnx(baseModelBytes({ weights }, { pixels, size }), 1);
    t.deepEqual(dims, [1, ...reference[pixels].shape]);
    const found = distance(data, reference[pixels]);
    t.log(`relative to the largest: ${found.toExponential(1)}`);
    t.true(found < 1e-5);
  });

  test.serial(`tfjs gives Keras's mixed7, ${pixels} pixels`, async (t) => {
    const found = distance(
      await runTfjs(featureNetwork(weights, { pixels, size }), 1),
      reference[pixels],
    );
    t.log(`relative to the largest: ${found.toExponential(1)}`);
    t.true(found < 1e-5);
  });
}

const agree = test.macro(async (t, kind: HeadKind) => {
  const options = { pixels: 'inception', size, classes: 3, head: kind } as const;
  const head = hashedWeights(headGraph(options), features);
  const model = wholeModel({ weights }, head, options);
  const { data, dims } = await runOnnx(modelBytes(model), 2);
  t.deepEqual(dims, [2, 3]);
  const sums = [0, 1].map((row) => data.slice(row * 3, row * 3 + 3).reduce((a, b) => a + b, 0));
  t.true(sums.every((sum) => Math.abs(sum - 1) < 1e-6));
  t.true(Math.max(...data) < 0.999, 'a saturated softmax would hide differences');

  const tfjs = await runTfjs(classifierNetwork(weights, head, options), 2);
  t.log(`tfjs against ONNX: ${largest(tfjs, data).toExponential(1)}`);
  t.true(largest(tfjs, data) < 1e-5);

  const half = await runOnnx(modelBytes(toFloat16(model)), 2);
  t.log(`half against ONNX: ${largest(half.data, data).toExponential(1)}`);
  t.true(largest(half.data, data) < 5e-3);
  t.true(largest(half.data, data) > 0);
});
for (const kind of HEADS) {
  test.serial(`the whole network: tfjs, ONNX and half precision agree, head ${kind}`, agree, kind);
}

for (const [name, passes] of [
  ['removeDropout', [removeDropout]],
  ['foldBatchNormalization', [foldBatchNormalization]],
  ['foldRescale', [foldRescale]],
  ['moveAveragePools, before folding', [moveAveragePools]],
  ['moveAveragePools, after folding', [foldBatchNormalization, moveAveragePools]],
  ['all of them', INFERENCE_PASSES],
] as const) {
  test.serial(`a pass leaves the values as they are: ${name}`, async (t) => {
    const network = classifierNetwork(weights, head, { pixels: 'inception', size, classes: 3 });
    const before = await runTfjs(network, 1);
    const rewritten = applyPasses(network, passes);
    t.notDeepEqual(rewritten.graph, network.graph);
    const after = await runTfjs(rewritten, 1);
    t.log(largest(before, after).toExponential(1));
    t.true(largest(before, after) < 2e-6);
  });
}

test('the passes leave no BatchNormalization, no Dropout, and no pool before its convolution', (t) => {
  const network = classifierNetwork(weights, head, { pixels: 'inception', size, classes: 3 });
  const { graph } = applyPasses(network, INFERENCE_PASSES);
  const ops = graph.nodes.map(({ op }) => op);
  t.false(ops.includes('batchNormalization'));
  t.false(ops.includes('dropout'));
  const pools = new Set(graph.nodes.filter(({ op }) => op === 'averagePool').map((n) => n.name));
  t.is(pools.size, 7);
  t.false(graph.nodes.some((node) => node.op === 'conv' && pools.has(node.input)));
});

test('a graph of BatchNormalization that could not be folded is refused, not lowered wrongly', (t) => {
  const network = featureNetwork(weights, { pixels: 'recipe', size });
  const { graph } = network;
  t.throws(() => wholeModel({ weights }, new Map(), { pixels: 'recipe', size, classes: 1 }), {
    code: 'INVALID_OPTION',
  });
  t.is(graph.nodes[0]?.op, 'conv');
});
