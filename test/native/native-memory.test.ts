/** The decoder's ring: what it is made of, and what V8 is told of it. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { decodeTiles, type DecodeOptions } from '#src/imaging/decoder.js';
import { bufferMemory, freeArray, type BufferMemory } from '#src/native/addon.js';
import { repositoryRoot } from '../fixtures/shared-data.js';
import { writeTiles } from '../fixtures/tiles.js';

const run = promisify(execFile);

const folder = await mkdtemp(join(tmpdir(), 'lungcls-memory-'));
const files = await writeTiles(folder, 4);
test.after.always(() => rm(folder, { recursive: true, force: true }));

const sources = files.map((file) => ({ path: file, file }));
/** 48 MB of buffers, one of which the sources fill. */
const RING = { size: 1024, batchSize: 4, slots: 4 } satisfies DecodeOptions;
const RING_BYTES = RING.size ** 2 * 3 * RING.batchSize * RING.slots;
/** What else comes and goes meanwhile. */
const SLACK = 4 << 20;

const external = (): number => process.memoryUsage().external;

/** Waits for V8 to come to what it has let go of. */
async function fallsTo(bytes: number): Promise<boolean> {
  for (let i = 0; i < 100 && external() > bytes; i++) await sleep(50);
  return external() <= bytes;
}

test.serial('V8 is told of the ring, of each byte once, until it is closed', async (t) => {
  const before = external();
  const batches = decodeTiles(sources, RING);
  const first = await batches.next();
  const held = external() - before;
  t.true(held >= RING_BYTES - SLACK && held <= RING_BYTES + SLACK, `${held} bytes for the ring`);
  first.value?.release();
  const released = external() - before;
  t.true(
    released >= RING_BYTES - SLACK && released <= RING_BYTES + SLACK,
    `${released} bytes after a release`,
  );
  await batches.return();
  t.true(await fallsTo(before + SLACK), `${external() - before} bytes after the end`);
});

test.serial('a batch that outlives its decoder is counted until it is released', async (t) => {
  const before = external();
  const batches = decodeTiles(sources, RING);
  const first = await batches.next();
  await batches.return();
  const batch = first.value;
  t.truthy(batch);
  const bytes = batch?.tiles.byteLength ?? 0;
  const held = external() - before;
  t.true(held >= bytes - SLACK && held < bytes + SLACK, `${held} bytes for the batch alone`);
  t.is(batch?.statuses.filter(({ status }) => status === 'ok').length, files.length);
  const kept = batch?.tiles;
  batch?.release();
  t.is(kept?.length, 0);
  t.throws(() => batch?.tiles, { code: 'CLOSED' });
  t.true(await fallsTo(before + SLACK));
});

test('a decoder says what its buffers are made of, and why nothing better', async (t) => {
  const told: BufferMemory[] = [];
  const onBuffers = (memory: BufferMemory): void => {
    told.push(memory);
  };
  for await (const batch of decodeTiles(sources, { ...RING, onBuffers })) batch.release();
  t.is(told.length, 1);
  const [memory] = told;
  t.true(memory?.kind === 'pinned' || (memory?.reason.length ?? 0) > 0);
  t.deepEqual(memory, bufferMemory());
});

/** A CUDA driver that locks nothing; undefined where there is no C compiler. */
function fakeDriver(): string | undefined {
  const library = join(folder, 'libfake_cuda.so');
  const source = join(repositoryRoot, 'native', 'test', 'fake_cuda.c');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source], { stdio: 'ignore' });
    return library;
  } catch {
    return undefined;
  }
}

/** What a process with that environment decodes, and into what. */
async function decodeElsewhere(
  env: NodeJS.ProcessEnv,
): Promise<{ memory: BufferMemory; statuses: string[] }> {
  const source = `
    import { decodeTiles } from ${JSON.stringify(`${repositoryRoot}/dist/imaging/decoder.js`)};
    const result = { statuses: [] };
    const options = { size: 256, batchSize: 16, onBuffers: (memory) => (result.memory = memory) };
    for await (const batch of decodeTiles(${JSON.stringify(sources)}, options)) {
      result.statuses.push(...batch.statuses.map(({ status }) => status));
      batch.release();
    }
    console.log(JSON.stringify(result));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as { memory: BufferMemory; statuses: string[] };
}

const driver = fakeDriver();
const ifDriver = driver === undefined ? test.skip : test;
ifDriver('with a CUDA driver the ring is page-locked', async (t) => {
  const { memory, statuses } = await decodeElsewhere({ LUNGCLS_CUDA_DRIVER: driver });
  t.deepEqual(memory, { kind: 'pinned', reason: '' });
  t.deepEqual(statuses, ['ok', 'ok', 'ok', 'ok']);
});

ifDriver('a CUDA driver that fails is named, and decoding goes on without it', async (t) => {
  for (const call of ['cuInit', 'cuMemHostRegister']) {
    const { memory, statuses } = await decodeElsewhere({
      LUNGCLS_CUDA_DRIVER: driver,
      FAKE_CUDA_FAIL: call,
    });
    t.not(memory.kind, 'pinned');
    t.true(memory.reason.startsWith(`${call} failed: out of memory (2)`), memory.reason);
    t.deepEqual(statuses, ['ok', 'ok', 'ok', 'ok']);
  }
});

/** What a process with that environment says of copies to the GPU. */
async function copiesElsewhere(env: NodeJS.ProcessEnv): Promise<Record<string, unknown>> {
  const source = `
    import { measureGpuCopies } from ${JSON.stringify(`${repositoryRoot}/dist/native/addon.js`)};
    console.log(JSON.stringify(await measureGpuCopies(0.01).catch(({ code, message }) => ({ code, message }))));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

ifDriver('copies to a GPU are measured, or what failed is named', async (t) => {
  const rates = await copiesElsewhere({ LUNGCLS_CUDA_DRIVER: driver });
  t.deepEqual(Object.keys(rates), ['pinnedGBs', 'pageableGBs']);
  for (const value of Object.values(rates)) t.true(Number(value) > 0, JSON.stringify(rates));
  const failed = await copiesElsewhere({
    LUNGCLS_CUDA_DRIVER: driver,
    FAKE_CUDA_FAIL: 'cuMemAlloc',
  });
  t.deepEqual(failed, {
    code: 'DEVICE_UNAVAILABLE',
    message: 'Cannot copy to a GPU: cuMemAlloc failed: out of memory (2)',
  });
});

test('without a CUDA driver copies to a GPU are refused', async (t) => {
  const none = await copiesElsewhere({ LUNGCLS_CUDA_DRIVER: '/nowhere/libcuda.so.1' });
  t.is(none['code'], 'DEVICE_UNAVAILABLE');
  t.regex(String(none['message']), /no CUDA driver: .*\/nowhere\/libcuda\.so\.1/);
  const off = await copiesElsewhere({ LUNGCLS_CUDA_DRIVER: 'off' });
  t.regex(String(off['message']), /switched off/);
});

test('without a CUDA driver, or with it switched off, the reason says so', async (t) => {
  const none = await decodeElsewhere({ LUNGCLS_CUDA_DRIVER: '/nowhere/libcuda.so.1' });
  t.not(none.memory.kind, 'pinned');
  t.regex(none.memory.reason, /no CUDA driver: .*\/nowhere\/libcuda\.so\.1/);
  const off = await decodeElsewhere({ LUNGCLS_CUDA_DRIVER: 'off' });
  t.regex(off.memory.reason, /switched off/);
});

test.serial('an array is freed at once, with all that share its buffer', (t) => {
  const before = external();
  const bytes = 64 << 20;
  const array = new Float32Array(bytes / 4);
  const sibling = new Uint8Array(array.buffer, 4, 8);
  // Making room for it may free what earlier tests have left.
  t.true(external() - before >= bytes / 2);
  freeArray(array);
  t.is(array.length, 0);
  t.is(sibling.length, 0);
  t.true(external() - before < SLACK, `${external() - before} bytes are still held`);
  t.notThrows(() => {
    freeArray(array);
  });
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  freeArray(shared);
  t.is(shared.length, 8);
});
