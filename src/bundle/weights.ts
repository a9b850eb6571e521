/**
 * A model's own network taken apart: its base as an ONNX model of features, and its head as weights.
 * What heat maps need. Both come from the bundle's tfjs folder, which has every weight in float32.
 */
import { featureNetwork, HEAD_PREFIX } from '../network/compose.js';
import { inferShapes } from '../network/graph.js';
import { headGraph, type HeadGraph, type HeadKind } from '../network/head.js';
import { weightShapes, type Weights } from '../network/weights.js';
import { featureModel } from '../onnx/export.js';
import { modelBytes } from '../onnx/model.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { readLayersModel } from './layers-model.js';
import { invalid } from './metadata.js';
import type { Bundle } from './read.js';

export interface ModelParts {
  /** An ONNX file: tiles uint8 (N, S, S, 3) RGB to `features` float32 (N, H, W, C), mixed7. */
  readonly featureModel: Uint8Array;
  /** [H, W, C] of a tile's features. */
  readonly featureShape: readonly number[];
  readonly head: HeadGraph;
  /** Under the head graph's names. */
  readonly headWeights: Weights;
}

/**
 * @param bundle opened with its tfjs files checked
 * @throws LungclsError MODEL_INVALID (no tfjs folder, or one of another network) | INPUT_NOT_FOUND |
 *   INPUT_UNREADABLE
 */
export async function readModelParts(bundle: Bundle): Promise<ModelParts> {
  const { metadata, tfjsPath } = bundle;
  if (tfjsPath === undefined) {
    throw invalid(
      bundle.onnxPath,
      'expected a model bundle’s folder, whose tfjs/ has the weights that heat maps are made of, but it is a lone file',
    );
  }
  const { pixels, preprocessing, classes } = metadata;
  const { weights: all } = await readLayersModel(tfjsPath);
  const base = featureNetwork(all, { pixels, size: preprocessing.size });
  const shapes = inferShapes(base.graph, base.inputShape);
  const featureShape = shapes.get(base.graph.output) ?? [];
  const head = headGraph({ classes: classes.length, head: headKind(metadata.head) });
  const headWeights = new Map<string, NamedTensor>();
  for (const [name, shape] of weightShapes(head, featureShape)) {
    headWeights.set(name, checked(all, `${HEAD_PREFIX}${name}`, shape, tfjsPath));
  }
  for (const [name, shape] of weightShapes(base.graph, base.inputShape)) {
    checked(all, name, shape, tfjsPath);
  }
  // The weights as they stand in the bundle: the kernel of `recipe` pixels is turned round already.
  const network = { ...base, weights: all };
  return { featureModel: modelBytes(featureModel(network)), featureShape, head, headWeights };
}

/** By its words; versions that had no words had the recipe's head alone. */
function headKind(words: string): HeadKind {
  return words.startsWith('GlobalAveragePooling2D') ? 'gap' : 'recipe';
}

function checked(
  weights: Weights,
  name: string,
  shape: readonly number[],
  where: string,
): NamedTensor {
  const tensor = weights.get(name);
  if (tensor?.shape.join() === shape.join()) return tensor;
  throw invalid(
    where,
    `expected a weight ${name} of shape [${shape.join(', ')}] but found ${tensor === undefined ? 'none' : `[${tensor.shape.join(', ')}]`}`,
  );
}
