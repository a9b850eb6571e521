/** What an export is made of: the bundle's network, lowered anew. */
import type { CheckTask } from '../bundle/agreement.js';
import { readLayersModel } from '../bundle/layers-model.js';
import type { Precision } from '../bundle/metadata.js';
import type { Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { logitsOf, withPooledFeatures } from '../network/compose.js';
import type { Network } from '../network/graph.js';
import { lowerToGraphModel, type GraphModelData } from '../network/lower-graph.js';
import { raiseLayersModel } from '../network/raise-tfjs.js';
import {
  classifierModel,
  LOGITS_OUTPUT,
  POOLED_OUTPUT,
  PROBABILITIES_OUTPUT,
} from '../onnx/export.js';
import { toFloat16 } from '../onnx/float16.js';
import type { OnnxModel } from '../onnx/model.js';
import { applyPasses, INFERENCE_PASSES } from '../onnx/passes.js';
import { chooseQuantization, type TriedMethod } from './quantization.js';
import type { ExportTiles } from './tiles.js';

/**
 * The bundle's network, as its tfjs folder holds it: every weight in float32.
 * @returns also that folder
 * @throws LungclsError MODEL_INVALID for a lone .onnx
 */
export async function readNetwork(bundle: Bundle): Promise<{ network: Network; tfjs: string }> {
  const { tfjsPath } = bundle;
  if (tfjsPath === undefined) {
    throw new LungclsError(
      'MODEL_INVALID',
      `Expected a model bundle's folder, with tfjs/ in it, but ${bundle.onnxPath} stands alone`,
      { path: bundle.onnxPath },
    );
  }
  const { topology, weights } = await readLayersModel(tfjsPath);
  return { network: raiseLayersModel(topology, weights, tfjsPath), tfjs: tfjsPath };
}

export interface MadeModel {
  readonly model: OnnxModel;
  readonly quantization?: { readonly chosen: TriedMethod; readonly tried: readonly TriedMethod[] };
}

/**
 * The network as an ONNX model of a precision.
 * @throws LungclsError ABORTED
 */
export async function makeOnnx(
  network: Network,
  precision: Precision,
  { training }: ExportTiles,
  task: CheckTask,
): Promise<MadeModel> {
  const model = classifierModel(network);
  if (precision === 'fp32') return { model };
  if (precision === 'fp16') return { model: toFloat16(model) };
  if (training === undefined) throw new LungclsError('INTERNAL', 'There are no training tiles');
  const chosen = await chooseQuantization(model, training, task);
  return { model: chosen.model, quantization: { chosen: chosen.chosen, tried: chosen.tried } };
}

/** The network as a graph model; its further outputs are nodes by the names that ONNX has for them. */
export function makeGraphModel(classifier: Network): GraphModelData {
  const { network, pooled } = withPooledFeatures(classifier);
  const rewritten = applyPasses(network, INFERENCE_PASSES);
  return lowerToGraphModel(rewritten, {
    output: PROBABILITIES_OUTPUT,
    extraOutputs: { [LOGITS_OUTPUT]: logitsOf(rewritten), [POOLED_OUTPUT]: pooled },
  });
}
