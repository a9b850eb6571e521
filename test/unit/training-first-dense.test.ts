import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { denseSupport } from '#src/native/addon.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { Adam } from '#src/training/head/adam.js';
import { chooseFirstLayer, createFirstDense } from '#src/training/head/choose-dense.js';
import { blockCount, TfFirstDense } from '#src/training/head/first-dense.js';
import { NativeFirstDense } from '#src/training/head/native-dense.js';
import { RandomStream } from '#src/training/random.js';
import { gatherBlocks } from '../fixtures/training/follow-keras.js';

const support = denseSupport();
const run = support.available ? test.serial : test.serial.skip;
const { tf, onGpu } = await loadTensorflow();

/** The largest difference, as a share of the largest number. */
function distance(found: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
  return expected.reduce((a, b, i) => Math.max(a, Math.abs(b - (found[i] ?? NaN))), 0) / largest;
}

// Features that no tile divides, one unit and many, one row, a last batch that is shorter.
for (const { features, units, blocks, rows } of [
  { features: 1, units: 1, blocks: 1, rows: [1] },
  { features: 97, units: 1, blocks: 1, rows: [5, 5, 2] },
  { features: 1000, units: 256, blocks: 1, rows: [64, 64, 7] },
  { features: 1024, units: 256, blocks: 8, rows: [64, 1] },
  { features: 301, units: 37, blocks: 7, rows: [33, 33] },
  { features: 130, units: 200, blocks: 2, rows: [300, 12] },
]) {
  const title = `${String(features)} x ${String(units)}, ${String(blocks)} blocks, rows ${rows.join()}`;
  run(`the native kernel follows plain tfjs: ${title}`, async (t) => {
    const random = new RandomStream([features, units]);
    const numbers = (length: number): Float32Array<ArrayBuffer> =>
      Float32Array.from({ length }, () => random.uniform() - 0.5);
    const kernel = { shape: [features, units], data: numbers(features * units) };
    const plain = new TfFirstDense(tf, kernel, 1);
    const native = new NativeFirstDense(tf, kernel, 2, blocks);
    const adam = new Adam(tf);
    for (const [step, count] of [...rows, ...rows].entries()) {
      // As behind a relu, with a feature that is never active.
      const values = numbers(count * features).map((x, i) =>
        i % features === 0 && features > 1 ? 0 : Math.max(0, x),
      );
      const order = Array.from({ length: count }, (_, i) => i);
      const blocked = gatherBlocks(values, features, order, blocks);
      const expected = await plain.forward({ rows: count, values });
      const found = await native.forward({ rows: count, values: blocked });
      t.deepEqual(found.shape, [count, units]);
      const products = [found, expected].map((y) => y.dataSync() as Float32Array);
      t.true(distance(products[0] ?? values, products[1] ?? values) < 2e-6);
      const gradient = tf.tensor2d(numbers(count * units), [count, units]);
      adam.begin(0.001, step + 1);
      await plain.update(gradient, adam);
      await native.update(gradient, adam);
      tf.dispose([expected, found, gradient]);
    }
    for (const what of ['momentum', 'velocity', 'value'] as const) {
      const share = distance(await native.read(what), await plain.read(what));
      // Where a gradient nearly cancels, Adam divides its rounding by its size.
      t.true(share < (what === 'value' ? 1e-5 : 5e-6), `${what}: ${String(share)}`);
    }
    plain.dispose();
    native.dispose();
    adam.dispose();
  });
}

run('without a gradient that was summed, Adam takes the same bits as tfjs', async (t) => {
  const [features, units] = [50, 7];
  const random = new RandomStream([8]);
  const numbers = (length: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length }, () => random.uniform() - 0.5);
  const kernel = { shape: [features, units], data: numbers(features * units) };
  const plain = new TfFirstDense(tf, kernel, 1);
  const native = new NativeFirstDense(tf, kernel, 2, 5);
  const adam = new Adam(tf);
  for (let step = 1; step <= 20; step++) {
    // One row: each gradient is one product.
    const values = numbers(features);
    const gradient = tf.tensor2d(numbers(units), [1, units]);
    adam.begin(0.01, step);
    for (const layer of [plain, native]) {
      (await layer.forward({ rows: 1, values })).dispose();
      await layer.update(gradient, adam);
    }
    gradient.dispose();
  }
  for (const what of ['momentum', 'velocity', 'value'] as const) {
    t.deepEqual(await native.read(what), await plain.read(what), what);
  }
  plain.dispose();
  native.dispose();
  adam.dispose();
});

test('which one is chosen, and that it says so', (t) => {
  t.deepEqual(chooseFirstLayer('tfjs', { onGpu: false }), { kind: 'tfjs', description: 'tfjs' });
  t.is(chooseFirstLayer('auto', { onGpu: true }).kind, 'tfjs');
  const chosen = chooseFirstLayer('auto', { onGpu: false });
  if (support.available) {
    t.is(chosen.kind, 'native');
    t.true(chosen.description.includes(support.description));
    t.is(chosen.missing, undefined);
    t.is(chooseFirstLayer('native', { onGpu: true }).kind, 'native');
  } else {
    t.is(chosen.kind, 'tfjs');
    t.is(chosen.missing, support.description);
    const error = t.throws(() => chooseFirstLayer('native', { onGpu }), {
      instanceOf: LungclsError,
    });
    t.is(error.code, 'BACKEND_UNAVAILABLE');
  }
  const kernel = { shape: [6, 2], data: new Float32Array(12) };
  const layer = createFirstDense(chosen, { tf }, kernel, 1);
  t.is(layer instanceof NativeFirstDense, support.available);
  layer.dispose();
});

test('blocks divide the features evenly, and are as few as the bytes allow', (t) => {
  t.is(blockCount(150_528, 256, 128 << 10), 1176);
  t.is(blockCount(150_528, 256, 4 << 20), 42);
  t.is(blockCount(97, 4, 16), 97);
  t.is(blockCount(96, 16, 1 << 20), 1);
});
