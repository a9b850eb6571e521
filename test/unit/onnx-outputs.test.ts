/** The outputs of a whole model beside its probabilities: what they are, and that they leave the rest as it is. */
import test from 'ava';
import { calibrateModel } from '#src/bundle/int8.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph, HEADS, type HeadKind } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { baseModel, wholeModel } from '#src/onnx/export.js';
import { toFloat16 } from '#src/onnx/float16.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { createOnnxSession, type OutputTensor } from '#src/runtime/onnx-session.js';
import { hashedTiles, hashedWeights } from '../fixtures/network/hashed.js';

const SIZE = 96;
const COUNT = 2;
const NETWORK = { pixels: 'inception', size: SIZE } as const;
const graph = inceptionV3ToMixed7();
const weights = hashedWeights(graph, [SIZE, SIZE, 3]);
const features = inferShapes(graph, [SIZE, SIZE, 3]).get(graph.output) ?? [];
const tiles = hashedTiles(COUNT, SIZE);

function whole(head: HeadKind): OnnxModel {
  const headWeights = hashedWeights(headGraph({ classes: 3, head }), features);
  return wholeModel({ weights }, headWeights, { ...NETWORK, classes: 3, head });
}

async function run(
  model: OnnxModel,
  outputs?: readonly string[],
): Promise<Map<string, OutputTensor>> {
  const session = await createOnnxSession({ model: modelBytes(model), device: 'cpu' });
  try {
    return await session.run(tiles, [COUNT, SIZE, SIZE, 3], outputs);
  } finally {
    await session.close();
  }
}

function numbers(outputs: Map<string, OutputTensor>, name: string): Float32Array {
  return outputs.get(name)?.data ?? new Float32Array();
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length || a.length === 0) return Infinity;
  return Array.from(a).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))),
    0,
  );
}

/** Of each row of three logits. */
function softmax(logits: Float32Array): number[] {
  return Array.from({ length: logits.length / 3 }, (_, row) => {
    const powers = Array.from(logits.subarray(3 * row, 3 * row + 3), Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }).flat();
}

/** [N, H, W, C] to [N, C] */
function meanOverPositions(values: Float32Array): number[] {
  const channels = features.at(-1) ?? 0;
  const positions = values.length / channels / COUNT;
  const sums = new Float64Array(COUNT * channels);
  values.forEach((value, i) => {
    sums[Math.floor(i / channels / positions) * channels + (i % channels)]! += value / positions;
  });
  return [...sums];
}

for (const head of HEADS) {
  test.serial(`logits and pooled features are what they are called, head ${head}`, async (t) => {
    const pooled = meanOverPositions(
      numbers(await run(baseModel({ weights }, NETWORK)), 'features'),
    );
    const most = Math.max(...pooled);
    const model = whole(head);
    const int8 = await calibrateModel(model, { tiles, count: COUNT, size: SIZE }, {});
    for (const [name, candidate, tolerance] of [
      ['fp32', model, 1e-6],
      ['fp16', toFloat16(model), 5e-3],
      ['int8', int8, 5e-2],
    ] as const) {
      const outputs = await run(candidate);
      t.deepEqual([...outputs.keys()], ['probabilities', 'logits', 'pooled_features'], name);
      t.deepEqual(outputs.get('logits')?.shape, [COUNT, 3]);
      t.deepEqual(outputs.get('pooled_features')?.shape, [COUNT, 768]);
      const probabilities = numbers(outputs, 'probabilities');
      // Softmax is in float32 whatever comes before it.
      t.true(largest(softmax(numbers(outputs, 'logits')), probabilities) < 1e-6, name);
      const found = largest(numbers(outputs, 'pooled_features'), pooled) / most;
      t.log(`${name}: ${found.toExponential(1)}`);
      t.true(found < tolerance, name);

      const alone = await run(candidate, ['probabilities']);
      t.deepEqual([...alone.keys()], ['probabilities']);
      const without = await run({ ...candidate, extraOutputs: [] });
      t.deepEqual(numbers(alone, 'probabilities'), numbers(without, 'probabilities'), name);
    }
  });
}

test('half precision casts in front and at the end alone, whatever is an output', (t) => {
  for (const head of HEADS) {
    const casts = toFloat16(whole(head)).nodes.filter(({ type }) => type === 'Cast');
    // The pixels to halves; logits and pooled features to float32.
    t.is(casts.length, 3, casts.map(({ name }) => name).join());
  }
});
