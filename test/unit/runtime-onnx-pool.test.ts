import { join } from 'node:path';
import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { hasInt8Instructions } from '#src/runtime/cpu.js';
import { createOnnxPool } from '#src/runtime/onnx-pool.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

const model = (name: string): string =>
  join(repositoryRoot, 'test', 'fixtures', 'runtime', `${name}.onnx`);
const SHAPE = [1, 4, 4, 3];

test('threads are shared out among sessions, and every run gets its own answer', async (t) => {
  const pool = await createOnnxPool({
    model: model('mean'),
    arrangement: 'throughput',
    device: 'cpu',
    threads: 3,
  });
  t.is(pool.sessions, 3);
  t.is(pool.description, `ONNX Runtime ${pool.version} (CPU, 3 sessions x 1 thread)`);
  const input = new Uint8Array(48);
  const runs = Array.from({ length: 20 }, (_, i) => {
    input.fill(i);
    return pool.run(input, SHAPE);
  });
  const results = await Promise.all(runs);
  t.deepEqual(
    results.map((outputs) => outputs.get('probabilities')?.data[0]),
    results.map((_, i) => i),
  );
  await pool.close();
  await t.throwsAsync(pool.run(input, SHAPE), { instanceOf: LungclsError, code: 'CLOSED' });
});

test('for latency there is one session with all threads; more threads than sessions go into each', async (t) => {
  for (const [arrangement, threads, found] of [
    ['latency', 2, '2 threads'],
    ['throughput', 1, '1 thread'],
    ['throughput', 16, '8 sessions x 2 threads'],
  ] as const) {
    const pool = await createOnnxPool({
      model: model('mean'),
      arrangement,
      device: 'cpu',
      threads,
    });
    t.is(pool.description, `ONNX Runtime ${pool.version} (CPU, ${found})`);
    await pool.close();
  }
});

test('a model that cannot be loaded is refused as by one session', async (t) => {
  await t.throwsAsync(
    createOnnxPool({ model: new Uint8Array(10), arrangement: 'throughput', threads: 2 }),
    { instanceOf: LungclsError, code: 'MODEL_INVALID' },
  );
});

test('instructions for 8 bits are found under the names of either architecture', (t) => {
  const cpu = (text: string | undefined): boolean => hasInt8Instructions(() => text);
  t.true(cpu('processor : 0\nflags\t\t: fpu avx2 avx512_vnni sse\n'));
  t.true(cpu('Features\t: fp asimd asimddp\n'));
  t.false(cpu('flags\t\t: fpu avx2 avx512f\n'));
  t.false(cpu('model name : avx512_vnni\n'));
  t.false(cpu(undefined));
});
