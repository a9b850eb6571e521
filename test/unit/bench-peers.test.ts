import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { asGiven } from '#src/bench/images.js';
import { findPython, peerVariants, readPeers } from '#src/bench/peers.js';
import { loadWorkload, WORKLOAD_NAMES } from '#src/bench/workloads/index.js';

const PEERS = [
  {
    name: 'OpenCV',
    script: 'a.py',
    suites: ['decode'],
    workloads: ['decode'],
    versionsOf: ['cv2'],
    check: 'exact',
  },
  {
    name: 'Keras',
    script: 'b.py',
    suites: ['session'],
    workloads: ['session', 'latency'],
    versionsOf: ['keras'],
  },
];

async function registry(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-peers-'));
  await writeFile(join(folder, 'peers.json'), text);
  return folder;
}

test('peers are those of the registry, for the workloads that they name', async (t) => {
  const peers = await readPeers(await registry(JSON.stringify(PEERS)));
  const names = async (workload: string): Promise<string[]> =>
    peerVariants(peers, await loadWorkload(workload)).map(
      ({ plan }) => `${plan.name} ${plan.check.kind}`,
    );
  t.deepEqual(await names('decode'), ['OpenCV exact']);
  t.deepEqual(await names('latency'), ['Keras within']);
  t.deepEqual(await names('store'), []);
});

test('no registry is none, and a malformed one is told', async (t) => {
  t.deepEqual(await readPeers(await mkdtemp(join(tmpdir(), 'lungcls-peers-'))), []);
  for (const text of ['{', '{}', '[{"name":"x"}]', '[1]']) {
    await t.throwsAsync(readPeers(await registry(text)), { code: 'INPUT_UNREADABLE' }, text);
  }
});

test('LUNGCLS_PYTHON is the Python of peers', (t) => {
  t.is(findPython({ LUNGCLS_PYTHON: '/opt/python' }), '/opt/python');
});

test('a path of this machine stands in results by its last part alone', (t) => {
  t.is(asGiven('/home/me/tiles.zip'), 'tiles.zip');
  t.is(asGiven('../data/tiles.zip'), '../data/tiles.zip');
});

const FOUND = {
  ...{ tensorflows: ['tfjs-node', 'wasm'] as const, precisions: ['fp32', 'fp16', 'int8'] as const },
  ...{ cuda: false, gigaflopPerTile: 6.6, meanBytes: 6e4, threads: 4, files: 60 },
  ...{ threadCounts: [1, 4], batchSizes: [1, 8] },
};

test('workloads sweep over batches and threads, and name each variant once a group', async (t) => {
  for (const name of WORKLOAD_NAMES) {
    const workload = await loadWorkload(name);
    t.is(workload.name, name);
    const groups = workload.plan({ ...FOUND, quick: false });
    t.is(new Set(groups.map(({ group }) => group)).size, groups.length);
    for (const { variants } of groups) {
      t.true(variants.length > 0, name);
      t.is(new Set(variants.map(({ variant }) => variant)).size, variants.length);
    }
  }
  const session = await loadWorkload('session');
  const plan = (quick: boolean): [string, string[]][] =>
    session
      .plan({ ...FOUND, quick })
      .map(({ group, variants }) => [group, variants.map((v) => v.variant)]);
  const all = ['tfjs-node', 'onnx-fp32', 'onnx-fp16', 'onnx-int8', 'tfjs-wasm'];
  t.deepEqual(plan(false), [
    ['batch 1, 4 threads', all],
    ['batch 8, 4 threads', all],
    ['batch 8, 1 thread', all],
  ]);
  // One thread of WebAssembly would take longer than all others together.
  t.deepEqual(plan(true)[1], ['batch 8, 4 threads', all.slice(0, 4)]);
  t.is(plan(true).length, 2);
  const cuda = session
    .plan({ ...FOUND, quick: true, cuda: true })[0]
    ?.variants.map((v) => v.variant);
  t.true(cuda?.includes('onnx-cuda-fp16'));
});

test('a workload that is none is told', async (t) => {
  for (const name of ['speed', 'toString']) {
    await t.throwsAsync(loadWorkload(name), { code: 'INVALID_OPTION' });
  }
});
