/** Values and files of Keras itself, made while the test runs. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DEFAULT_BASE } from '#src/config.js';
import { baseDirectory } from '#src/network/base-store.js';
import { listBases, loadBase } from '#src/network/bases.js';
import { featureNetwork, PIXELS } from '#src/network/compose.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { readKerasFileApart } from '#src/network/keras-apart.js';
import { loadLayersModel, lowerToLayersModel } from '#src/network/lower-tfjs.js';
import { weightsFingerprint } from '#src/network/weights.js';
import { baseModelBytes } from '#src/onnx/export.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { hashedWeights } from '../fixtures/network/hashed.js';
import { pythonReference, runPython } from '../fixtures/python.js';
import { sharedData } from '../fixtures/shared-data.js';

const python = pythonReference(['keras', 'tensorflow', 'h5py', 'cv2']);
const archive = sharedData('lc25000-lung-224.zip');
const fetched = (await listBases()).some(({ id, available }) => id === DEFAULT_BASE && available);

const folder = mkdtempSync(join(tmpdir(), 'lungcls-keras-'));
test.after.always(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Largest difference, relative to the largest value of the reference. */
function distance(found: Float32Array, expected: Float32Array): number {
  let difference = found.length === expected.length ? 0 : Infinity;
  let most = 0;
  for (const [i, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(value - (found[i] ?? NaN)));
    most = Math.max(most, Math.abs(value));
  }
  return difference / most;
}

function floats(path: string): Float32Array {
  return new Float32Array(Uint8Array.from(readFileSync(path)).buffer);
}

const onRealTiles =
  python !== undefined && archive !== undefined && fetched ? test.serial : test.serial.skip;

onRealTiles(
  "mixed7 of real tiles is Keras's, for both lowerings and both kinds of pixels",
  async (t) => {
    const weightsFile = join(baseDirectory(DEFAULT_BASE), 'weights.safetensors');
    runPython(python ?? '', 'network/keras_features.py', [archive ?? '', weightsFile, folder]);
    const tiles = readFileSync(join(folder, 'tiles.u8'));
    const count = tiles.length / (256 * 256 * 3);
    t.is(count, 4);
    const base = await loadBase(DEFAULT_BASE);
    const { tf, description } = await loadTensorflow();
    for (const pixels of PIXELS) {
      const expected = floats(join(folder, `${pixels}.f32`));

      const session = await createOnnxSession({
        model: baseModelBytes(base, { pixels }),
        device: 'cpu',
      });
      const output = (await session.run(tiles, [count, 256, 256, 3])).get('features');
      await session.close();
      t.deepEqual(output?.shape, [count, 14, 14, 768]);
      const onnx = distance(output?.data ?? new Float32Array(), expected);
      t.log(`${pixels}, ONNX Runtime: ${onnx.toExponential(1)}`);
      t.true(onnx < 1e-4);

      const model = await loadLayersModel(
        tf,
        lowerToLayersModel(featureNetwork(base.weights, { pixels }), 'base'),
      );
      const input = tf.tensor4d(tiles, [count, 256, 256, 3], 'int32');
      const predicted = model.predict(input);
      if (Array.isArray(predicted)) throw new Error('more than one output');
      const tfjs = distance(Float32Array.from(await predicted.data<'float32'>()), expected);
      tf.dispose([input, predicted]);
      model.dispose();
      t.log(`${pixels}, ${description}: ${tfjs.toExponential(1)}`);
      t.true(tfjs < 1e-4);
    }
  },
);

const onFiles = python !== undefined ? test.serial : test.serial.skip;

onFiles('every layout of a Keras file gives the same base', async (t) => {
  runPython(python ?? '', 'network/make_keras_files.py', [folder]);
  const expected = weightsFingerprint(hashedWeights(inceptionV3ToMixed7(), [96, 96, 3]));
  const names = readdirSync(folder).filter((name) => /\.(h5|keras)$/.test(name));
  t.is(names.length, 16);
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    if (name === 'mobilenet.keras') {
      const error = await t.throwsAsync(readKerasFileApart(bytes, name));
      t.like(error, { code: 'BASE_INVALID' });
      t.regex(error.message, /expected an InceptionV3.*70.*found 52/);
    } else if (name === 'narrow.weights.h5') {
      const error = await t.throwsAsync(readKerasFileApart(bytes, name));
      t.like(error, { code: 'BASE_INVALID' });
      t.regex(error.message, /conv2d\/kernel of shape \[3, 3, 3, 32\] but found \[3, 3, 3, 8\]/);
    } else {
      t.is(weightsFingerprint(await readKerasFileApart(bytes, name)), expected, name);
    }
  }
});
