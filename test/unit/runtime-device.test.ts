import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  acceleratorProblem,
  deviceNumbers,
  nvidiaGpus,
  offeredAccelerators,
  parseDevice,
} from '#src/runtime/device.js';

test('a device is a word, with numbers where there may be several of it', (t) => {
  t.deepEqual(parseDevice('auto'), { kind: 'auto', numbers: undefined });
  t.deepEqual(parseDevice('cpu'), { kind: 'cpu', numbers: undefined });
  t.deepEqual(parseDevice('cuda'), { kind: 'cuda', numbers: undefined });
  t.deepEqual(parseDevice('cuda:1'), { kind: 'cuda', numbers: [1] });
  t.deepEqual(parseDevice('cuda:2,0'), { kind: 'cuda', numbers: [2, 0] });
  t.deepEqual(parseDevice('tensorrt:all'), { kind: 'tensorrt', numbers: 'all' });
  t.deepEqual(parseDevice('webgpu'), { kind: 'webgpu', numbers: undefined });
});

test('anything else is refused with what came', (t) => {
  const wrong = [
    ...['', 'gpu', 'CUDA', 'cuda:', 'cuda:-1', 'cuda:1.5', 'cuda:x', 'cuda:0,', 'cuda:1,1'],
    ...['cuda:0:1', 'cpu:0', 'auto:all', 'webgpu:0', 'cuda: 1', undefined, 3],
  ];
  for (const device of wrong) {
    const error = t.throws(() => parseDevice(device), { code: 'INVALID_OPTION' });
    t.true(
      error.message.endsWith(
        `but received ${typeof device === 'string' ? `"${device}"` : String(device)}`,
      ),
      error.message,
    );
  }
});

test('numbers are those of GPUs that are there', (t) => {
  t.deepEqual(deviceNumbers(parseDevice('cuda'), 4), [undefined]);
  t.deepEqual(deviceNumbers(parseDevice('cuda:3,1'), 4), [3, 1]);
  t.deepEqual(deviceNumbers(parseDevice('cuda:all'), 3), [0, 1, 2]);
  t.throws(() => deviceNumbers(parseDevice('cuda:0,4'), 4), {
    code: 'INVALID_OPTION',
    message: 'Expected GPUs from 0 to 3 for device but received cuda:4',
  });
  // DirectML does not say how many there are.
  t.deepEqual(deviceNumbers(parseDevice('dml:7')), [7]);
  t.throws(() => deviceNumbers(parseDevice('dml:all')), { code: 'DEVICE_UNAVAILABLE' });
});

test('CUDA_VISIBLE_DEVICES says how many GPUs CUDA numbers', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-gpus-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const name of ['0000:01:00.0', '0000:02:00.0', '0000:03:00.0']) {
    await mkdir(join(folder, name));
  }
  t.is(nvidiaGpus(undefined, folder), 3);
  t.is(nvidiaGpus('0,2', folder), 2);
  t.is(nvidiaGpus('GPU-5a1b', folder), 1);
  t.is(nvidiaGpus('1,-1,0', folder), 1);
  t.is(nvidiaGpus('', folder), 0);
});

test('an accelerator that this build does not offer is named, with those that it does', (t) => {
  t.is(
    acceleratorProblem('coreml', ['webgpu', 'cuda']),
    `onnxruntime-node has no coreml provider for ${process.platform} ${process.arch}: it offers cpu, webgpu, cuda`,
  );
  t.is(acceleratorProblem('webgpu', ['webgpu']), undefined);
  t.false(offeredAccelerators().includes('cpu'));
});
