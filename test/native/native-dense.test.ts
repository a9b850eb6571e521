import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { HEADS, type HeadKind } from '#src/network/head.js';
import { DenseLayer, denseSupport } from '#src/native/addon.js';
import { RandomStream } from '#src/training/random.js';

const run = denseSupport().available ? test.serial : test.serial.skip;

const program = fileURLToPath(new URL('../fixtures/training/small-fit.js', import.meta.url));

const random = new RandomStream([3]);
const numbers = (length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, () => Math.max(0, random.uniform() - 0.4));
const STEP = Float32Array.of(1e-3, 0.1, 0.001, 1e-7);

test('it says by what means, or why not', (t) => {
  const { available, description } = denseSupport();
  t.regex(description, available ? /^libxsmm \d/ : /libxsmm/);
});

run('arrays are read as they were written; closed, it ends what it is at', async (t) => {
  const layer = new DenseLayer({ features: 12, units: 5, blocks: 3, threads: 2 });
  for (const what of ['value', 'momentum', 'velocity'] as const) {
    t.true(layer.read(what).every((x) => x === 0));
    const data = numbers(60);
    layer.write(what, data);
    t.deepEqual(layer.read(what), data);
  }
  // Closed while it is at work: it ends that first.
  const under = layer.forward({ values: numbers(24), rows: 2 });
  layer.close();
  layer.close();
  t.is((await under).length, 10);
  t.throws(() => layer.read('value'), { code: 'CLOSED' });
});

// In a process of its own: the count is the process's.
const flat = test.macro(async (t, head: HeadKind) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-dense-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const args = [program, folder, 'wasm', 'native', head, '6', '0'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const bytes = [...stdout.matchAll(/^native bytes: (\d+)$/gm)].map((match) => Number(match[1]));
  t.is(bytes.length, 7, stdout);
  t.is(bytes.pop(), 0);
  t.true((bytes[0] ?? 0) > 0);
  t.is(new Set(bytes).size, 1, stdout);
});
for (const head of HEADS) {
  run(`native memory is flat over the epochs of a training, and given back: ${head}`, flat, head);
}

run('a product made with the step before it is the same, bit for bit', async (t) => {
  const one = new DenseLayer({ features: 300, units: 9, blocks: 3, threads: 1 });
  const two = new DenseLayer({ features: 300, units: 9, blocks: 3, threads: 2 });
  const value = numbers(2700);
  one.write('value', value);
  two.write('value', value);
  const batch = { values: numbers(3000), rows: 10 };
  const next = { values: numbers(2100), rows: 7 };
  const gradient = numbers(90);
  t.is((await one.update(batch, gradient, STEP)).length, 0);
  const product = await two.update(batch, gradient, STEP, next);
  t.deepEqual(product, await one.forward(next));
  t.deepEqual(two.read('value'), one.read('value'));
  one.close();
  two.close();
});

run('what makes no sense is refused', async (t) => {
  const layer = new DenseLayer({ features: 12, units: 5, blocks: 3, threads: 1 });
  const error = { instanceOf: TypeError };
  await t.throwsAsync(layer.forward({ values: numbers(25), rows: 2 }), { ...error, message: /24 numbers.*25/ });
  await t.throwsAsync(layer.forward({ values: new Float32Array(), rows: 0 }), error);
  await t.throwsAsync(layer.update({ values: numbers(24), rows: 2 }, numbers(9), STEP), error);
  await t.throwsAsync(layer.update({ values: numbers(24), rows: 2 }, numbers(10), STEP.subarray(1)), error);
  t.throws(() => {
    layer.write('value', numbers(59));
  }, error);
  const first = layer.forward({ values: numbers(24), rows: 2 });
  await t.throwsAsync(layer.forward({ values: numbers(24), rows: 2 }), { message: /at work/ });
  await first;
  layer.close();
  for (const [features, units, blocks, threads] of [
    [0, 5, 1, 1],
    [12, 0, 1, 1],
    [12, 5, 5, 1],
    [12, 5, 13, 1],
    [12, 5, 3, 0],
    [1.5, 5, 1, 1],
  ] as const) {
    t.throws(() => new DenseLayer({ features, units, blocks, threads }), error);
  }
});
