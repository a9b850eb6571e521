import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readLayersModel } from '#src/bundle/layers-model.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const WEIGHTS = [
  { name: 'kernel', shape: [2, 2], dtype: 'float32' },
  { name: 'bias', shape: [2], dtype: 'float32' },
];
const model = (paths: unknown = ['w.bin'], weights: unknown = WEIGHTS): object => ({
  format: 'layers-model',
  modelTopology: { class_name: 'Sequential' },
  weightsManifest: [{ paths, weights }],
});

test('weights are read by their names and shapes', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'model.json'), JSON.stringify(model()));
  await writeFile(join(folder, 'w.bin'), Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
  const { weights, topology } = await readLayersModel(folder);
  t.deepEqual(topology, { class_name: 'Sequential' });
  t.deepEqual([...weights.keys()], ['kernel', 'bias']);
  t.deepEqual([...(weights.get('bias')?.data ?? [])], [5, 6]);
});

const withWeight = (change: object): object => model(['w.bin'], [{ ...WEIGHTS[0], ...change }]);

for (const [name, json, message] of [
  ['no JSON', 'x', /model\.json: expected JSON/],
  ['nested without end', '['.repeat(1000), /expected JSON/],
  ['a list', [], /a modelTopology/],
  ['no topology', { weightsManifest: [] }, /a modelTopology/],
  ['no manifest', { modelTopology: {} }, /a list for weightsManifest/],
  [
    'a group that is none',
    { modelTopology: {}, weightsManifest: [3] },
    /weightsManifest\[0\]\.paths/,
  ],
  ['a path that is none', model([7]), /weightsManifest\[0\]\.paths/],
  ['a path that leads out', model(['../w.bin']), /weightsManifest\[0\]\.paths/],
  ['a folder above', model(['..']), /weightsManifest\[0\]\.paths/],
  ['no weights', model(['w.bin'], 3), /weightsManifest\[0\]\.weights/],
  ['a side below nothing', withWeight({ shape: [-2, -2] }), /weightsManifest\[0\]\.weights/],
  ['another type', withWeight({ dtype: 'int32' }), /float32 for kernel but found int32/],
  ['a shape too large', withWeight({ shape: [1e6, 1e6] }), /1000000000000 weights but found 6/],
] as const) {
  test(`a model.json with ${name} is refused`, async (t) => {
    const folder = await temporaryFolder(t);
    const text = typeof json === 'string' ? json : JSON.stringify(json);
    await writeFile(join(folder, 'model.json'), text);
    await writeFile(join(folder, 'w.bin'), Buffer.alloc(24));
    await t.throwsAsync(readLayersModel(folder), { code: 'MODEL_INVALID', message });
  });
}

test('weights cut within a number are refused', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'model.json'), JSON.stringify(model()));
  await writeFile(join(folder, 'w.bin'), Buffer.alloc(23));
  await t.throwsAsync(readLayersModel(folder), { code: 'MODEL_INVALID', message: /23 bytes/ });
});
