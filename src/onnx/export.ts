/** The models that this tool writes and runs, from weights to ONNX. */
import {
  classifierNetwork,
  featureNetwork,
  logitsOf,
  POOLED_FEATURES,
  withPooledFeatures,
  type ClassifierOptions,
  type FeatureOptions,
} from '../network/compose.js';
import type { Network } from '../network/graph.js';
import type { Weights } from '../network/weights.js';
import { lowerToOnnx } from './lower.js';
import { modelBytes, type OnnxModel } from './model.js';
import { applyPasses, INFERENCE_PASSES } from './passes.js';

export const FEATURES_OUTPUT = 'features';
export const PROBABILITIES_OUTPUT = 'probabilities';
export const LOGITS_OUTPUT = 'logits';
export const POOLED_OUTPUT = POOLED_FEATURES;

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
  return featureModel(featureNetwork(base.weights, options));
}

/** The same of a network that is composed already. */
export function featureModel(network: Network): OnnxModel {
  return lowerToOnnx(applyPasses(network, INFERENCE_PASSES), { output: FEATURES_OUTPUT });
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
 * `tiles` uint8 RGB [N, S, S, 3] to `probabilities` float32 [N, classes]; further outputs, all
 * float32: `logits` [N, classes], which softmax makes the probabilities of, and `pooled_features`
 * [N, 768], the mean over mixed7's positions. ONNX Runtime computes outputs whether or not they are
 * fetched; these are next to nothing beside the network.
 * @throws LungclsError INVALID_OPTION
 */
export function wholeModel(
  base: BaseWeights,
  head: Weights,
  options: WholeModelOptions,
): OnnxModel {
  return classifierModel(classifierNetwork(base.weights, head, options), options.metadata);
}

/**
 * As wholeModel, of a network that stands already.
 * @param network tiles to probabilities, by mixed7 and a softmax
 */
export function classifierModel(
  classifier: Network,
  metadata: Readonly<Record<string, string>> = {},
): OnnxModel {
  const { network, pooled } = withPooledFeatures(classifier);
  const rewritten = applyPasses(network, INFERENCE_PASSES);
  return lowerToOnnx(rewritten, {
    output: PROBABILITIES_OUTPUT,
    extraOutputs: { [LOGITS_OUTPUT]: logitsOf(rewritten), [POOLED_OUTPUT]: pooled },
    metadata,
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
