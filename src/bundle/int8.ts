/**
 * The 8-bit file of a bundle: calibrated on training tiles, judged on held-out ones, and left out
 * where it names too many of them otherwise than the float32 file.
 */
import { LungclsError } from '../errors.js';
import {
  covers,
  mergeStatistics,
  STATISTICS_OUTPUT,
  statisticsModel,
  type BatchStatistics,
  type ImageStatistics,
  type RangeKind,
} from '../onnx/calibration.js';
import { modelBytes, type OnnxModel } from '../onnx/model.js';
import { planQuantization } from '../onnx/quantize-plan.js';
import { quantizeModel } from '../onnx/quantize.js';
import { throwIfAborted } from '../runtime/abort.js';
import { createOnnxSession } from '../runtime/onnx-session.js';
import {
  batches,
  largestDifference,
  onnxProbabilities,
  type CheckTask,
  type CheckTiles,
  type SomeTiles,
} from './agreement.js';
import { INT8_FILE, type QuantizationFacts } from './metadata.js';

/**
 * Least share of the held-out tiles that both files name alike. On histology tiles it was 0.997; a
 * calibration that failed gives far less. Stricter would be chance: with 30 tiles, one is 0.033.
 */
export const LEAST_AGREEMENT = 0.95;

/** A way to round a model. */
export interface QuantizationMethod {
  /** How an activation's range follows from what calibration saw. */
  readonly range: RangeKind;
  /** Whether the channels of an image are made alike in size first. */
  readonly equalize: boolean;
}

/** In words, for files and people. */
export function describeMethod({ range, equalize }: QuantizationMethod): string {
  const ranges = { largest: 'largest value', mean: "mean of the batches' largest values" };
  return (
    `static QDQ: uint8 activations a tensor (${ranges[range]}), int8 weights a channel, ` +
    `${equalize ? 'channels equalized, ' : ''}biases corrected`
  );
}

/** Of calibrateModel. */
export const DEFAULT_METHOD: QuantizationMethod = { range: 'largest', equalize: true };

export interface CalibrationOptions extends CheckTask {
  /** What the tiles gave in another model; taken where that has all the images of this one. */
  readonly known?: ImageStatistics | undefined;
}

/**
 * Rounds a model to 8 bits by what its images hold for the tiles. The same input gives the same model
 * on the same machine.
 * @throws LungclsError ABORTED | INTERNAL
 */
export async function calibrateModel(
  model: OnnxModel,
  tiles: SomeTiles,
  { known, ...task }: CalibrationOptions,
): Promise<OnnxModel> {
  const covered = known !== undefined && covers(known, planQuantization(model).images);
  return quantizeModel(model, covered ? known : await measureImages(model, tiles, task));
}

/**
 * Runs the model on the tiles, to see what its images hold.
 * @throws LungclsError ABORTED | INTERNAL
 */
export async function measureImages(
  model: OnnxModel,
  tiles: SomeTiles,
  task: CheckTask,
): Promise<ImageStatistics> {
  return mergeStatistics(planQuantization(model).images, await measureBatches(model, tiles, task));
}

/**
 * As measureImages, batch by batch.
 * @throws LungclsError ABORTED | INTERNAL
 */
export async function measureBatches(
  model: OnnxModel,
  tiles: SomeTiles,
  { onProgress, signal }: CheckTask,
): Promise<BatchStatistics[]> {
  const { images } = planQuantization(model);
  const session = await createOnnxSession({
    model: modelBytes(statisticsModel(model, images)),
    device: 'cpu',
    signal,
  });
  const measured: BatchStatistics[] = [];
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
  onProgress?.({ stage: 'calibrate', done: tiles.count, total: tiles.count, unit: 'tiles' });
  return measured;
}

/**
 * Compares the 8-bit model with the float32 file.
 * @param reference the float32 file's probabilities of the check tiles, (tiles, classes)
 * @throws LungclsError MODEL_INVALID | ABORTED
 */
export async function judgeInt8(
  model: OnnxModel,
  reference: Float32Array,
  tiles: { calibration: CheckTiles; check: CheckTiles },
  signal: AbortSignal | undefined,
): Promise<QuantizationFacts> {
  const { calibration, check } = tiles;
  const found = await onnxProbabilities(modelBytes(model), check, { signal });
  const difference = largestDifference(found, reference);
  const agreement = Number.isFinite(difference)
    ? classAgreement(found, reference, check.classes)
    : 0;
  const kept = agreement >= LEAST_AGREEMENT;
  return {
    method: describeMethod(DEFAULT_METHOD),
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
