/** Models that predict and Classifier refuse: with what was found and what was expected, and no output. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Classifier } from '#src/inference/image-classifier.js';
import { predict } from '#src/inference/predict.js';
import { readOnnxMetadata } from '#src/onnx/metadata.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { writeMiniModel } from '../fixtures/mini-model.js';
import { tileJpeg } from '../fixtures/tiles.js';

const value = { name: 'x', type: 'float32', shape: [1] } as const;
const FOREIGN: OnnxModel = {
  name: 'g',
  nodes: [{ name: 'y', type: 'Relu', inputs: ['x'], output: 'y' }],
  initializers: [],
  input: value,
  output: { ...value, name: 'y' },
  metadata: {},
};

function withMetadata(description: unknown): Uint8Array {
  return modelBytes({ ...FOREIGN, metadata: { 'lungcls.json': JSON.stringify(description) } });
}

const CASES: readonly (readonly [string, (path: string) => Promise<void>, RegExp])[] = [
  [
    'a changed byte',
    async (path) => {
      await writeMiniModel(path);
      const bytes = await readFile(path);
      bytes[bytes.length - 200]! ^= 1;
      await writeFile(path, bytes);
    },
    /expected content of SHA-256 [0-9a-f]{64} but it has changed since/,
  ],
  [
    'cut off',
    async (path) => {
      await writeMiniModel(path);
      await writeFile(path, (await readFile(path)).subarray(0, 4000));
    },
    /not a sound ONNX file/,
  ],
  [
    "an .onnx that isn't ours",
    (path) => writeFile(path, modelBytes(FOREIGN)),
    /expected an \.onnx that lungcls-fast wrote.*found none/,
  ],
  [
    'no class list',
    (path) => writeFile(path, withMetadata({ format: 'lungcls-bundle', version: 1 })),
    /2 to 100 different names for classes but found nothing/,
  ],
  [
    'another preprocessing than it says',
    async (path) => {
      await writeMiniModel(path);
      const { strings } = await readOnnxMetadata(path);
      const changed = JSON.parse(strings['lungcls.json'] ?? '') as object;
      await writeFile(path, withMetadata({ ...changed, preprocessingFingerprint: '0' }));
    },
    /expected [0-9a-f]{64} for preprocessingFingerprint but found "0"/,
  ],
  [
    'no probabilities',
    async (path) => {
      await writeMiniModel(path);
      const { strings } = await readOnnxMetadata(path);
      await writeFile(path, withMetadata(JSON.parse(strings['lungcls.json'] ?? '')));
    },
    /Expected an output named probabilities in .*model\.onnx but it has y/,
  ],
  [
    'fewer outputs than classes',
    (path) => writeMiniModel(path, { outputs: 2 }),
    /each of the 3 classes \(lung_n, lung_aca, lung_scc\) but the model gives 2/,
  ],
  [
    'tiles of another size than it says',
    (path) => writeMiniModel(path, { size: 16, tiles: 8 }),
    /The model cannot be run: /,
  ],
];

for (const [what, write, message] of CASES) {
  test(`a model with ${what} is refused`, async (t) => {
    const root = await temporaryFolder(t);
    const model = join(root, 'model.onnx');
    await write(model);
    await writeFile(join(root, '1.jpeg'), await tileJpeg(1, 32));
    const inputs = [join(root, '1.jpeg')];
    const expected = { code: 'MODEL_INVALID', message };
    await t.throwsAsync(predict({ model, inputs, output: join(root, 'out.csv') }), expected);
    t.false((await readdir(root)).includes('out.csv'));
    await t.throwsAsync(async () => {
      const classifier = await Classifier.load(model);
      try {
        await classifier.classify(inputs);
      } finally {
        await classifier.close();
      }
    }, expected);
  });
}
