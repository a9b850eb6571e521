/**
 * The 8-bit file of a bundle: calibrated on training tiles, judged on held-out ones, and left out
 * where it names too many of them otherwise than the float32 file.
 */
import { LungclsError } from '../errors.js';
import { mergeStatistics, STATISTICS_OUTPUT, statisticsModel } from '../onnx/calibration.js';
import { modelBytes, type OnnxModel } from '../onnx/model.js';
import { planQuantization } from '../onnx/quantize-plan.js';
import { quantizeModel } from '../onnx/quantize.js';
import { throwIfAborted } from '../runtime/abort.js';
import { createOnnxSession } from '../runtime/onnx-session.js';
import type { TaskOptions } from '../runtime/progress.js';
import {
  batches,
  largestDifference,
  onnxProbabilities,
  type CheckTiles,
  type SomeTiles,
} from './agreement.js';
import { INT8_FILE, type QuantizationFacts } from './metadata.js';

/**
 * Least share of the held-out tiles that both files name alike. On histology tiles it was 0.997; a
 * calibration that failed gives far less. Stricter would be chance: with 30 tiles, one is 0.033.
 */
export const LEAST_AGREEMENT = 0.95;

const METHOD =
  'static QDQ: uint8 activations a tensor (largest value), int8 weights a channel, channels equalized, biases corrected';

/**
 * Runs the model on the tiles and rounds it to 8 bits by what it saw. The same input gives the same
 * model on the same machine.
 * @throws LungclsError ABORTED | INTERNAL
 */
export async function calibrateModel(
  model: OnnxModel,
  tiles: SomeTiles,
  { onProgress, signal }: TaskOptions,
): Promise<OnnxModel> {
  const { images } = planQuantization(model);
  const session = await createOnnxSession({
    model: modelBytes(statisticsModel(model, images)),
    device: 'cpu',
    signal,
  });
  const measured: { numbers: Float32Array; tiles: number }[] = [];
  try {
    for (const batch of batches(tiles)) {
      throwIfAborted(signal);
      onProgress?.({ stage: 'calibrate', done: batch.first, total: tiles.count, unit: 'tiles' });
      const numbers = (await session.run(batch.tiles, batch.shape)).get(STATISTICS_OUTPUT)?.data;
      if (numbers === undefined) throw new LungclsError('INTERNAL', 'A calibration gave nothing');
      measured.push({ numbers, tiles: batch.shape[0] });
    }
  } finally {
    await session.close();
  }
  const quantized = quantizeModel(model, mergeStatistics(images, measured));
  onProgress?.({ stage: 'calibrate', done: tiles.count, total: tiles.count, unit: 'tiles' });
  return quantized;
}

/**
 * Compares the 8-bit model with the float32 file.
 * @throws LungclsError MODEL_INVALID | ABORTED
 */
export async function judgeInt8(
  model: OnnxModel,
  float32Path: string,
  tiles: { calibration: CheckTiles; check: CheckTiles },
  signal: AbortSignal | undefined,
): Promise<QuantizationFacts> {
  const { calibration, check } = tiles;
  const reference = await onnxProbabilities(float32Path, check, signal);
  const found = await onnxProbabilities(modelBytes(model), check, signal);
  const difference = largestDifference(found, reference);
  const agreement = Number.isFinite(difference)
    ? classAgreement(found, reference, check.classes)
    : 0;
  const kept = agreement >= LEAST_AGREEMENT;
  return {
    method: METHOD,
    calibrationTiles: calibration.count,
    checkTiles: check.count,
    agreement,
    // Probabilities cannot differ by more, and JSON has no infinity.
    maxDifference: Math.min(difference, 1),
    kept,
    reason: kept
      ? ''
      : `${INT8_FILE} was left out: it names ${(100 * agreement).toFixed(1)} % of ${String(check.count)} ` +
        `held-out tiles as the float32 model does, less than ${String(100 * LEAST_AGREEMENT)} %`,
  };
}

/** Share of the rows whose largest probability is at the same place. */
export function classAgreement(a: Float32Array, b: Float32Array, classes: number): number {
  const rows = a.length / classes;
  let same = 0;
  for (let row = 0; row < rows; row++) {
    const range = [row * classes, (row + 1) * classes] as const;
    if (largestAt(a.subarray(...range)) === largestAt(b.subarray(...range))) same++;
  }
  return same / rows;
}

function largestAt(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? value) ? i : best), 0);
}
