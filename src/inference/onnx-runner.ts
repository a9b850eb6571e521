/** The model's ONNX file in ONNX Runtime, in worker threads. */
import { onnxFileOf, type Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { createOnnxPool } from '../runtime/onnx-pool.js';
import type { BatchRunner, ClassifierOptions } from './classifier.js';

/** The name of the output of every model file that the tool writes. */
const OUTPUT = 'probabilities';

/** @throws LungclsError MODEL_INVALID | DEVICE_UNAVAILABLE | ABORTED */
export async function createOnnxRunner(
  bundle: Bundle,
  shape: readonly number[],
  options: ClassifierOptions,
): Promise<BatchRunner> {
  const { precision, device = 'auto' } = options;
  const model = onnxFileOf(bundle, precision);
  const session = await createOnnxPool({
    model,
    arrangement: precision === 'int8' ? 'throughput' : 'latency',
    // CUDA has no integer kernels for it: float32 is faster there.
    device: precision === 'int8' && device === 'auto' ? 'cpu' : device,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (!session.outputs.includes(OUTPUT)) {
    await session.close();
    throw new LungclsError(
      'MODEL_INVALID',
      `Expected an output named ${OUTPUT} in ${model} but it has ${session.outputs.join(', ')}`,
      { path: model },
    );
  }
  return {
    engine: 'onnx',
    parallelRuns: session.sessions,
    description:
      precision === undefined ? session.description : `${session.description}, ${precision}`,
    async run(tiles) {
      const outputs = await session.run(tiles, shape, [OUTPUT]);
      return outputs.get(OUTPUT)?.data ?? new Float32Array();
    },
    close: () => session.close(),
  };
}
