import test from 'ava';
import { chooseExamples } from '#src/evaluation/examples.js';
import { gradCam } from '#src/evaluation/grad-cam.js';
import type { NetworkGraph } from '#src/network/graph.js';
import { headGraph } from '#src/network/head.js';
import { logitGradient } from '#src/network/head-gradient.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { tensorOf, weightShapes } from '#src/network/weights.js';
import type { NamedTensor } from '#src/storage/safetensors.js';

const SHAPE = [2, 3, 4];
const FEATURES = 24;

/** Numbers from -0.5 to 0.5 that look random, the same every time. */
function numbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: count },
    (_, i) => ((i * 7919 + seed * 104_729) % 1009) / 1009 - 0.5,
  );
}

/** A head's weights, the same every time. */
function weightsOf(graph: NetworkGraph): Map<string, NamedTensor> {
  return new Map(
    [...weightShapes(graph, SHAPE)].map(([name, shape], i) => {
      const data = numbers(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      );
      // A variance is positive.
      const positive = name.endsWith('moving_variance') ? data.map((x) => x + 1) : data;
      return [name, { shape, data: positive }] as const;
    }),
  );
}

test("the derivative of a logit is TensorFlow's", async (t) => {
  const graph = headGraph({ classes: 3 });
  const weights = weightsOf(graph);
  // As behind a relu: half of them zero.
  const features = numbers(FEATURES, 99).map((x) => Math.max(x, 0));
  const { tf } = await loadTensorflow();
  for (const classIndex of [0, 1, 2]) {
    const expected = tf.tidy(() => {
      const w = (name: string) => {
        const { data, shape } = tensorOf(weights, name);
        return tf.tensor(data, [...shape]);
      };
      const normalized = (x: ReturnType<typeof w>, layer: string) =>
        x
          .sub(w(`${layer}/moving_mean`))
          .div(w(`${layer}/moving_variance`).add(1e-3).sqrt())
          .mul(w(`${layer}/gamma`))
          .add(w(`${layer}/beta`));
      const dense = (x: ReturnType<typeof w>, layer: string) =>
        tf.matMul(x, w(`${layer}/kernel`)).add(w(`${layer}/bias`));
      const logit = (x: ReturnType<typeof w>) => {
        const first = normalized(dense(x, 'dense').relu(), 'batch_normalization');
        const second = normalized(dense(first, 'dense_1').relu(), 'batch_normalization_1');
        return dense(second, 'dense_2').slice([0, classIndex], [1, 1]).sum();
      };
      return tf
        .grad(logit)(tf.tensor(features, [1, FEATURES]))
        .dataSync();
    });
    const found = logitGradient(graph, weights, features, SHAPE, classIndex);
    t.is(found.length, FEATURES);
    for (const [i, value] of found.entries()) {
      t.true(
        Math.abs(value - (expected[i] ?? NaN)) < 1e-4,
        `${String(value)} ${String(expected[i])}`,
      );
    }
  }
});

test('behind global average pooling the derivative is spread over the positions', (t) => {
  const graph = headGraph({ classes: 2, head: 'gap' });
  const weights = weightsOf(graph);
  const features = numbers(FEATURES, 7).map((x) => Math.max(x, 0));
  const found = logitGradient(graph, weights, features, SHAPE, 1);
  // By hand: mean, Dense, relu, Dense.
  const mean = [0, 1, 2, 3].map((c) => {
    const own = features.filter((_, i) => i % 4 === c);
    return own.reduce((a, b) => a + b) / own.length;
  });
  const kernel = tensorOf(weights, 'dense/kernel').data;
  const bias = tensorOf(weights, 'dense/bias').data;
  const last = tensorOf(weights, 'dense_1/kernel').data;
  const units = bias.length;
  for (const [i, value] of found.entries()) {
    let expected = 0;
    for (let u = 0; u < units; u++) {
      const hidden = mean.reduce(
        (sum, m, c) => sum + m * (kernel[c * units + u] ?? 0),
        bias[u] ?? 0,
      );
      if (hidden > 0) expected += ((kernel[(i % 4) * units + u] ?? 0) * (last[2 * u + 1] ?? 0)) / 6;
    }
    t.true(Math.abs(value - expected) < 1e-9, `${String(value)} ${String(expected)}`);
  }
});

test('a heat map weighs channels by their mean derivative and leaves out what speaks against', (t) => {
  // Two positions, two channels. The first channel speaks for the class, the second against it.
  const map = gradCam([2, 0, 1, 3], [0.5, -1, 1.5, -1], [1, 2, 2]);
  t.deepEqual([...map], [1, 0]);
  t.deepEqual([...gradCam([1, 1], [-1, -1], [1, 2, 1])], [0, 0]);
});

test('examples are the surest mistakes and the least sure right answers', (t) => {
  const p = [
    // Class 0: two mistakes, three hits.
    [0.1, 0.9],
    [0.4, 0.6],
    [0.9, 0.1],
    [0.6, 0.4],
    [0.7, 0.3],
    // Class 1: one mistake, one hit.
    [0.8, 0.2],
    [0.2, 0.8],
  ];
  const truth = [0, 0, 0, 0, 0, 1, 1];
  const chosen = (options = {}): string[] =>
    chooseExamples(truth, p.flat(), 2, options).map(
      (e) =>
        `${String(e.index)}: ${String(e.truth)}-${String(e.predicted)} ${String(e.confidence)}`,
    );
  t.deepEqual(chosen({ perCell: 1, hits: 2 }), [
    '0: 0-1 0.9',
    '5: 1-0 0.8',
    '3: 0-0 0.6',
    '4: 0-0 0.7',
    '6: 1-1 0.8',
  ]);
  t.deepEqual(chosen({ mistakes: 1, allHits: 1 }), ['0: 0-1 0.9', '3: 0-0 0.6']);
});
