/** The model's ONNX file in ONNX Runtime, in worker threads. */
import { onnxFileOf, type Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { POOLED_OUTPUT, PROBABILITIES_OUTPUT } from '../onnx/export.js';
import { createOnnxPool } from '../runtime/onnx-pool.js';
import type { BatchRunner, ClassifierOptions } from './classifier.js';

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
  const wanted = [PROBABILITIES_OUTPUT, ...(bundle.domain === undefined ? [] : [POOLED_OUTPUT])];
  const missing = wanted.find((name) => !session.outputs.includes(name));
  if (missing !== undefined) {
    await session.close();
    throw new LungclsError(
      'MODEL_INVALID',
      `Expected an output named ${missing} in ${model} but it has ${session.outputs.join(', ')}`,
      { path: model },
    );
  }
  return {
    engine: 'onnx',
    parallelRuns: session.sessions,
    description:
      precision === undefined ? session.description : `${session.description}, ${precision}`,
    async run(tiles, pooled) {
      const names = [PROBABILITIES_OUTPUT, ...(pooled ? [POOLED_OUTPUT] : [])];
      const outputs = await session.run(tiles, shape, names);
      return {
        probabilities: outputs.get(PROBABILITIES_OUTPUT)?.data ?? new Float32Array(),
        pooled: outputs.get(POOLED_OUTPUT)?.data,
      };
    },
    close: () => session.close(),
  };
}
