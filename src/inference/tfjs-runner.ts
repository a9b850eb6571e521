/** The model's tfjs layers model, in this thread, on whichever backend TensorFlow.js has. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs';
import type { Bundle } from '../bundle/read.js';
import { LungclsError, readError } from '../errors.js';
import { loadTensorflow } from '../runtime/tensorflow.js';
import type { BatchRunner } from './classifier.js';

const MODEL_FILE = 'model.json';

/**
 * @param shape of a batch: [N, S, S, 3]
 * @throws LungclsError MODEL_INVALID (no such model in the bundle, or a broken one) |
 *   BACKEND_UNAVAILABLE
 */
export async function createTfjsRunner(
  bundle: Bundle,
  shape: readonly [number, number, number, number],
): Promise<BatchRunner> {
  const folder = bundle.tfjsPath;
  if (folder === undefined) {
    throw new LungclsError(
      'MODEL_INVALID',
      `Expected a folder with tfjs/ in it for the tfjs engine but ${bundle.onnxPath} stands alone`,
      { path: bundle.onnxPath },
    );
  }
  const { tf, description } = await loadTensorflow();
  const model = await tf
    .loadLayersModel({ load: () => readLayersModel(folder) })
    .catch((error: unknown) => {
      throw error instanceof LungclsError
        ? error
        : new LungclsError('MODEL_INVALID', `${folder} is not a layers model of tfjs`, {
            cause: error,
            path: folder,
          });
    });
  return {
    engine: 'tfjs',
    description,
    async run(tiles) {
      const output = tf.tidy(() => {
        const result = model.predictOnBatch(tf.tensor4d(tiles, [...shape], 'float32'));
        return Array.isArray(result) ? result[0] : result;
      });
      if (output === undefined) {
        throw new LungclsError('MODEL_INVALID', `${folder} has no output`, { path: folder });
      }
      try {
        return Float32Array.from(await output.data());
      } finally {
        output.dispose();
      }
    },
    close() {
      model.dispose();
      return Promise.resolve();
    },
  };
}

/** model.json and the weight files that it names, as the tfjs converter lays them out. */
async function readLayersModel(folder: string): Promise<io.ModelArtifacts> {
  const path = join(folder, MODEL_FILE);
  const json = await readFile(path, 'utf8')
    .then((text) => JSON.parse(text) as io.ModelJSON)
    .catch((error: unknown) => {
      throw readError(error, path);
    });
  const weightData: ArrayBuffer[] = [];
  for (const name of json.weightsManifest.flatMap((group) => group.paths)) {
    const shard = await readFile(join(folder, name)).catch((error: unknown) => {
      throw readError(error, join(folder, name));
    });
    weightData.push(new Uint8Array(shard).buffer);
  }
  return {
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weightData,
  };
}
