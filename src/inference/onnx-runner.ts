/** The model's ONNX file in ONNX Runtime, in a worker thread. */
import type { Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { createOnnxSession } from '../runtime/onnx-session.js';
import type { BatchRunner, ClassifierOptions } from './classifier.js';

/** The name of the output of every model file that the tool writes. */
const OUTPUT = 'probabilities';

/** @throws LungclsError MODEL_INVALID | DEVICE_UNAVAILABLE | ABORTED */
export async function createOnnxRunner(
  bundle: Bundle,
  shape: readonly number[],
  options: ClassifierOptions,
): Promise<BatchRunner> {
  const session = await createOnnxSession({
    model: bundle.onnxPath,
    device: options.device ?? 'auto',
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return {
    engine: 'onnx',
    description: session.description,
    async run(tiles) {
      const outputs = await session.run(tiles, shape);
      const probabilities = outputs.get(OUTPUT)?.data;
      if (probabilities === undefined) {
        throw new LungclsError(
          'MODEL_INVALID',
          `Expected an output named ${OUTPUT} in ${bundle.onnxPath} but it has ${[...outputs.keys()].join(', ')}`,
          { path: bundle.onnxPath },
        );
      }
      return probabilities;
    },
    close: () => session.close(),
  };
}
