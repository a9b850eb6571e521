import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { cudaProblem } from '#src/runtime/cuda.js';
import { DEVICE_WORDS } from '#src/runtime/device.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

const execute = promisify(execFile);
const model = (name: string): string =>
  join(repositoryRoot, 'test', 'fixtures', 'runtime', `${name}.onnx`);
const SHAPE = [1, 4, 4, 3];
const tiles = (value: number, count = 1): Uint8Array => new Uint8Array(count * 48).fill(value);

function means(outputs: Map<string, { data: Float32Array }>): number[] {
  return Array.from(outputs.get('probabilities')?.data ?? []);
}

test('a model runs from a file and from bytes', async (t) => {
  for (const source of [model('mean'), await readFile(model('mean'))]) {
    const session = await createOnnxSession({ model: source, device: 'cpu', threads: 1 });
    t.is(session.provider, 'cpu');
    t.regex(session.version, /^\d+\.\d+\.\d+/);
    t.is(session.description, `ONNX Runtime ${session.version} (CPU, 1 thread)`);
    // Channels 1, 2, 3 of the second of two tiles.
    const input = tiles(0, 2);
    for (let i = 48; i < 96; i++) input[i] = (i % 3) + 1;
    const outputs = await session.run(input, [2, 4, 4, 3]);
    t.deepEqual(outputs.get('probabilities')?.shape, [2, 3]);
    t.deepEqual(means(outputs), [0, 0, 0, 1, 2, 3]);
    await session.close();
  }
});

test('auto runs on the CPU where CUDA cannot work, and says why', async (t) => {
  const problem = cudaProblem();
  const session = await createOnnxSession({ model: model('mean') });
  if (problem === undefined) {
    t.log('this machine has CUDA');
    t.pass();
  } else {
    t.is(session.provider, 'cpu');
    t.true(session.description.endsWith(`; ${problem})`), session.description);
    await t.throwsAsync(createOnnxSession({ model: model('mean'), device: 'cuda' }), {
      instanceOf: LungclsError,
      code: 'DEVICE_UNAVAILABLE',
      message: `The device cuda was asked for but ${problem}`,
    });
  }
  await session.close();
});

test('runs asked for at once are answered each with its own, and the input may be reused at once', async (t) => {
  const session = await createOnnxSession({ model: model('mean'), device: 'cpu' });
  const input = tiles(0);
  const runs = Array.from({ length: 20 }, (_, i) => {
    input.fill(i);
    return session.run(input, SHAPE);
  });
  const results = await Promise.all(runs);
  t.deepEqual(
    results.map((outputs) => means(outputs)[0]),
    results.map((_, i) => i),
  );
  // Batches of changing size through the reused buffers.
  for (const count of [3, 1, 5, 2]) {
    const outputs = await session.run(tiles(count, count), [count, 4, 4, 3]);
    t.deepEqual(means(outputs), new Array<number>(count * 3).fill(count));
  }
  await session.close();
});

test('close lets runs that were asked for finish; then the session is closed', async (t) => {
  const session = await createOnnxSession({ model: model('slow'), device: 'cpu' });
  const runs = [session.run(tiles(1), SHAPE), session.run(tiles(2), SHAPE)];
  await Promise.all([session.close(), session.close()]);
  t.deepEqual(
    (await Promise.all(runs)).map((outputs) => means(outputs)[0]),
    [1, 2],
  );
  await t.throwsAsync(session.run(tiles(3), SHAPE), { code: 'CLOSED' });
  await session.close();
});

test('a run that the model refuses is an error of its own; the session goes on', async (t) => {
  const session = await createOnnxSession({ model: model('mean'), device: 'cpu' });
  const refused = session.run(tiles(1), [4, 4, 3]);
  const good = session.run(tiles(7), SHAPE);
  await t.throwsAsync(refused, { code: 'MODEL_INVALID', message: /Invalid rank/ });
  t.is(means(await good)[0], 7);
  await t.throwsAsync(session.run(tiles(1), [2, 4, 4, 3]), {
    code: 'INVALID_OPTION',
    message: 'Expected 96 bytes for tiles of shape [2, 4, 4, 3] but received 48',
  });
  await session.close();
});

test('outputs are given by name, and another name is refused', async (t) => {
  const session = await createOnnxSession({ model: model('mean'), device: 'cpu' });
  t.deepEqual(session.outputs, ['probabilities']);
  t.is(means(await session.run(tiles(7), SHAPE, ['probabilities']))[0], 7);
  await t.throwsAsync(session.run(tiles(7), SHAPE, ['logits']), {
    code: 'INVALID_OPTION',
    message: 'Expected outputs out of probabilities but received logits',
  });
  await session.close();
});

test('what is not a model is refused with its name', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-session-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const garbage = join(folder, 'garbage.onnx');
  await writeFile(garbage, 'this is no model');
  const refused = await t.throwsAsync<LungclsError>(createOnnxSession({ model: garbage }));
  t.is(refused.code, 'MODEL_INVALID');
  t.is(refused.path, garbage);
  t.true(refused.message.includes(garbage));

  const absent = join(folder, 'absent.onnx');
  await t.throwsAsync(createOnnxSession({ model: absent }), {
    code: 'INPUT_NOT_FOUND',
    message: `No such model: ${absent}`,
  });
  const bytes = await readFile(model('mean'));
  await t.throwsAsync(createOnnxSession({ model: bytes.subarray(0, 100) }), {
    code: 'MODEL_INVALID',
  });
  const session = await createOnnxSession({ model: model('float'), device: 'cpu' });
  await t.throwsAsync(session.run(tiles(1), SHAPE), {
    code: 'MODEL_INVALID',
    message: /whose input "tiles" is uint8 but it is float32/,
  });
  await session.close();
});

test('options are validated', async (t) => {
  await t.throwsAsync(createOnnxSession({ model: model('mean'), threads: 0 }), {
    code: 'INVALID_OPTION',
    message: 'Expected a positive integer up to 1024 for threads but received 0 of type number',
  });
  // A caller without types.
  const device = 'tpu' as 'cpu';
  await t.throwsAsync(createOnnxSession({ model: model('mean'), device }), {
    code: 'INVALID_OPTION',
    message: `Expected one of ${DEVICE_WORDS} for device but received "tpu"`,
  });
});

test('the signal rejects the run under way and those behind it, at once', async (t) => {
  const controller = new AbortController();
  const session = await createOnnxSession({
    model: model('slow'),
    device: 'cpu',
    signal: controller.signal,
  });
  const runs = [1, 2, 3].map((value) => session.run(tiles(value), SHAPE));
  const settled = Promise.allSettled(runs);
  controller.abort();
  for (const result of await settled) {
    t.is(result.status, 'rejected');
    if (result.status === 'rejected') t.is((result.reason as LungclsError).code, 'ABORTED');
  }
  await t.throwsAsync(session.run(tiles(1), SHAPE), { code: 'ABORTED' });
  await session.close();
  await t.throwsAsync(createOnnxSession({ model: model('mean'), signal: controller.signal }), {
    code: 'ABORTED',
  });
});

test.serial('when the thread dies every promise is settled', async (t) => {
  // The worker is the session's own business: it is caught on its way.
  const caught = new Set<Worker>();
  const post = Object.getOwnPropertyDescriptor(Worker.prototype, 'postMessage');
  const send = post?.value as Worker['postMessage'];
  Worker.prototype.postMessage = function (this: Worker, ...args) {
    caught.add(this);
    send.apply(this, args);
  };
  t.teardown(() => {
    Worker.prototype.postMessage = send;
  });
  const session = await createOnnxSession({ model: model('mean'), device: 'cpu' });
  t.is(means(await session.run(tiles(1), SHAPE))[0], 1);
  // No request at all: an exception that the worker does not expect.
  for (const worker of caught) worker.postMessage(null);
  const settled = Promise.allSettled([session.run(tiles(1), SHAPE), session.run(tiles(2), SHAPE)]);
  for (const result of await settled) {
    t.is(result.status, 'rejected');
    if (result.status === 'rejected') t.is((result.reason as LungclsError).code, 'INTERNAL');
  }
  await t.throwsAsync(session.run(tiles(3), SHAPE), { code: 'INTERNAL' });
  await session.close();
});

test('a session that nobody closed keeps no process alive; process.exit in a run is clean', async (t) => {
  const program = (ending: string): string => `
    import { DEVICE_WORDS } from '#src/runtime/device.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
    const session = await createOnnxSession({ model: ${JSON.stringify(model('slow'))}, device: 'cpu' });
    const run = session.run(new Uint8Array(48), [1, 4, 4, 3]);
    ${ending}
  `;
  const start = (ending: string) =>
    execute(process.execPath, ['--input-type=module', '-e', program(ending)], {
      cwd: repositoryRoot,
      timeout: 60_000,
    });
  // The run under way is waited for although nothing else is left to do.
  const { stdout } = await start('run.then(() => console.log("answered"));');
  t.is(stdout, 'answered\n');
  await t.notThrowsAsync(start('await run; await session.run(new Uint8Array(48), [1, 4, 4, 3]);'));
  await t.notThrowsAsync(start('setTimeout(() => process.exit(0), 50);'));
});
