/** The model's tfjs layers model, in this thread, on whichever backend TensorFlow.js has. */
import { layersModelHandler } from '../bundle/layers-model.js';
import type { Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { loadTensorflow } from '../runtime/tensorflow.js';
import type { BatchRunner } from './classifier.js';

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
  const model = await tf.loadLayersModel(layersModelHandler(folder)).catch((error: unknown) => {
    throw error instanceof LungclsError
      ? error
      : new LungclsError('MODEL_INVALID', `${folder} is not a layers model of tfjs`, {
          cause: error,
          path: folder,
        });
  });
  return {
    engine: 'tfjs',
    parallelRuns: 1,
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
