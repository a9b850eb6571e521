/** The models that this tool writes and runs, from weights to ONNX. */
import {
  classifierNetwork,
  featureNetwork,
  type ClassifierOptions,
  type FeatureOptions,
} from '../network/compose.js';
import type { Weights } from '../network/weights.js';
import { lowerToOnnx } from './lower.js';
import { modelBytes, type OnnxModel } from './model.js';
import { applyPasses, INFERENCE_PASSES } from './passes.js';

export const FEATURES_OUTPUT = 'features';
export const PROBABILITIES_OUTPUT = 'probabilities';

/** A Base, or anything with its weights. */
export interface BaseWeights {
  readonly weights: Weights;
}

/**
 * `tiles` uint8 RGB [N, S, S, 3] to `features` float32 [N, 14, 14, 768] (for S = 256; channels
 * last): mixed7.
 * @throws LungclsError INVALID_OPTION
 */
export function baseModel(base: BaseWeights, options: FeatureOptions): OnnxModel {
  const network = applyPasses(featureNetwork(base.weights, options), INFERENCE_PASSES);
  return lowerToOnnx(network, { output: FEATURES_OUTPUT });
}

/** baseModel as the bytes of a file (some 36 MB). */
export function baseModelBytes(base: BaseWeights, options: FeatureOptions): Uint8Array {
  return modelBytes(baseModel(base, options));
}

export interface WholeModelOptions extends ClassifierOptions {
  /** Strings that travel inside the file. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * `tiles` uint8 RGB [N, S, S, 3] to `probabilities` float32 [N, classes].
 * @throws LungclsError INVALID_OPTION
 */
export function wholeModel(
  base: BaseWeights,
  head: Weights,
  options: WholeModelOptions,
): OnnxModel {
  const network = applyPasses(classifierNetwork(base.weights, head, options), INFERENCE_PASSES);
  return lowerToOnnx(network, {
    output: PROBABILITIES_OUTPUT,
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
  });
}

/** wholeModel as the bytes of a file (some 190 MB). */
export function wholeModelBytes(
  base: BaseWeights,
  head: Weights,
  options: WholeModelOptions,
): Uint8Array {
  return modelBytes(wholeModel(base, head, options));
}
