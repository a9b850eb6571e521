/** The model's tfjs layers model, in this thread, on whichever backend TensorFlow.js has. */
import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { layersModelHandler } from '../bundle/layers-model.js';
import type { Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { BASE_OUTPUT } from '../network/inception-v3.js';
import { loadTensorflow, type Tf } from '../runtime/tensorflow.js';
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
  const withFeatures = bundle.domain === undefined ? undefined : bothOutputs(tf, model, folder);
  return {
    engine: 'tfjs',
    parallelRuns: 1,
    description,
    async run(tiles, pooled) {
      const [output, means] = tf.tidy((): Tensor[] => {
        const input = tf.tensor4d(tiles, [...shape], 'float32');
        const taken = pooled && withFeatures !== undefined ? withFeatures : model;
        const [result, map] = [taken.predictOnBatch(input)].flat();
        return [...(result ? [result] : []), ...(map ? [map.mean([1, 2])] : [])];
      });
      if (output === undefined) {
        throw new LungclsError('MODEL_INVALID', `${folder} has no output`, { path: folder });
      }
      try {
        return {
          probabilities: Float32Array.from(await output.data()),
          pooled: means === undefined ? undefined : Float32Array.from(await means.data()),
        };
      } finally {
        output.dispose();
        means?.dispose();
      }
    },
    close() {
      model.dispose();
      return Promise.resolve();
    },
  };
}

/** The same layers, with mixed7 as a second output. */
function bothOutputs(tf: Tf, model: LayersModel, folder: string): LayersModel {
  const base = model.layers.find(({ name }) => name === BASE_OUTPUT);
  if (base === undefined) {
    throw new LungclsError('MODEL_INVALID', `${folder} has no layer ${BASE_OUTPUT}`, {
      path: folder,
    });
  }
  const { inputs, outputs } = model;
  return tf.model({ inputs, outputs: [...outputs, base.output].flat() });
}
