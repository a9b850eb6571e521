/**
 * How an exported model is rounded to 8 bits: several ways are tried on training tiles that the
 * calibration did not see, and the one nearest to float32 is taken. Held-out tiles have no say in it.
 */
import {
  onnxProbabilities,
  type CheckTask,
  type CheckTiles,
  type SomeTiles,
} from '../bundle/agreement.js';
import {
  classAgreement,
  DEFAULT_METHOD,
  measureBatches,
  type QuantizationMethod,
} from '../bundle/int8.js';
import { mergeStatistics } from '../onnx/calibration.js';
import { modelBytes, type OnnxModel } from '../onnx/model.js';
import { planQuantization } from '../onnx/quantize-plan.js';
import { quantizeModel } from '../onnx/quantize.js';

/** What `train` does comes first: it is taken where another is no better. */
const METHODS: readonly QuantizationMethod[] = [
  DEFAULT_METHOD,
  { range: 'mean', equalize: true },
  { range: 'largest', equalize: false },
  { range: 'mean', equalize: false },
];

/** A method on the tiles that it was chosen on. */
export interface TriedMethod extends QuantizationMethod {
  /** Mean difference of a probability from float32. */
  readonly meanDifference: number;
  /** Share of the tiles with the same class, 0 to 1. */
  readonly sameClass: number;
}

export interface ChosenQuantization {
  readonly model: OnnxModel;
  readonly chosen: TriedMethod;
  readonly tried: readonly TriedMethod[];
}

/**
 * @param model float32
 * @param tiles training tiles: those to calibrate on, and others to choose on
 * @throws LungclsError ABORTED | INTERNAL
 */
export async function chooseQuantization(
  model: OnnxModel,
  tiles: { readonly calibration: SomeTiles; readonly choice: CheckTiles },
  task: CheckTask,
): Promise<ChosenQuantization> {
  const { calibration, choice } = tiles;
  const { images } = planQuantization(model);
  const measured = await measureBatches(model, calibration, task);
  const reference = await onnxProbabilities(modelBytes(model), choice, task);
  const tried: TriedMethod[] = [];
  let best: { model: OnnxModel; chosen: TriedMethod } | undefined;
  for (const method of METHODS) {
    const statistics = mergeStatistics(images, measured, method.range);
    const candidate = quantizeModel(model, statistics, { equalize: method.equalize });
    const found = await onnxProbabilities(modelBytes(candidate), choice, task);
    const chosen = {
      ...method,
      meanDifference: meanDifference(found, reference),
      sameClass: classAgreement(found, reference, choice.classes),
    };
    tried.push(chosen);
    if (best === undefined || chosen.meanDifference < best.chosen.meanDifference) {
      best = { model: candidate, chosen };
    }
  }
  if (best === undefined) throw new RangeError('no method');
  return { ...best, tried };
}

/** 1, the most there can be, where a number is not finite. */
function meanDifference(found: Float32Array, reference: Float32Array): number {
  const sum = found.reduce((total, value, i) => total + Math.abs(value - (reference[i] ?? NaN)), 0);
  return Number.isFinite(sum) ? sum / found.length : 1;
}
