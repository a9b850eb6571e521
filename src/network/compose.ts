/** Whole networks: how pixels become the base's input, the base, and the head on top of it. */
import { RECIPE } from '../config.js';
import { LungclsError } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';
import type { Network, NetworkGraph, NetworkNode } from './graph.js';
import { headGraph, type HeadOptions } from './head.js';
import { BASE_INPUT, BASE_OUTPUT, inceptionV3ToMixed7 } from './inception-v3.js';
import { tensorOf, type Weights } from './weights.js';

/**
 * What the base is fed, from RGB pixels of 0 to 255. `inception`: RGB, x / 127.5 - 1, what the
 * weights were trained on. `recipe`: BGR, 0 to 255, as the recipe's cv2.imread gives them.
 */
export const PIXELS = ['inception', 'recipe'] as const;
export type Pixels = (typeof PIXELS)[number];

/** Name of a whole network's input: RGB pixels, [S, S, 3]. */
export const TILES = 'tiles';
/** Before the names of the head's layers in a whole network: Keras names both parts alike. */
export const HEAD_PREFIX = 'head_';

/** Name of the node that withPooledFeatures adds. */
export const POOLED_FEATURES = 'pooled_features';

const FIRST_CONVOLUTION = 'conv2d/kernel';

export interface FeatureOptions {
  pixels: Pixels;
  /** Side of a tile; 256 by default. */
  size?: number;
}

export interface ClassifierOptions extends FeatureOptions, HeadOptions {}

/**
 * RGB tiles to mixed7.
 * @throws LungclsError INVALID_OPTION
 */
export function featureNetwork(base: Weights, options: FeatureOptions): Network {
  const { pixels, size = RECIPE.imgSize } = options;
  const { nodes, output } = inceptionV3ToMixed7();
  const weights = new Map(base);
  const inputShape = [size, size, 3];
  switch (pixels) {
    case 'inception': {
      const rescale = { scale: 1 / 127.5, offset: -1 };
      const first: NetworkNode = { op: 'rescale', name: BASE_INPUT, input: TILES, ...rescale };
      return { graph: { input: TILES, nodes: [first, ...nodes], output }, weights, inputShape };
    }
    case 'recipe': {
      // Feeding BGR is feeding RGB to a kernel whose input channels are turned round: exact.
      weights.set(FIRST_CONVOLUTION, swapRedAndBlue(tensorOf(base, FIRST_CONVOLUTION)));
      const graph = renameInput({ input: BASE_INPUT, nodes, output }, TILES);
      return { graph, weights, inputShape };
    }
    default:
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected inception or recipe for pixels but received ${JSON.stringify(pixels)}`,
      );
  }
}

/**
 * RGB tiles to one probability a class.
 * @param head the head's weights, under the names that headGraph lists
 * @throws LungclsError INVALID_OPTION
 */
export function classifierNetwork(
  base: Weights,
  head: Weights,
  options: ClassifierOptions,
): Network {
  const features = featureNetwork(base, options);
  const { nodes: headNodes, input, output } = headGraph(options);
  const rename = (name: string): string => (name === input ? BASE_OUTPUT : `${HEAD_PREFIX}${name}`);
  const nodes = headNodes.map((node) => ({
    ...node,
    name: rename(node.name),
    input: rename(node.input),
  }));
  const weights = new Map(features.weights);
  for (const [name, tensor] of head) weights.set(`${HEAD_PREFIX}${name}`, tensor);
  return {
    graph: {
      input: TILES,
      nodes: [...features.graph.nodes, ...nodes],
      output: rename(output),
    },
    weights,
    inputShape: features.inputShape,
  };
}

/**
 * The network with a node `pooled_features` [768]: the mean over mixed7's positions. Where the head
 * begins with that mean, nothing is added.
 * @returns also the name of the node that gives it
 */
export function withPooledFeatures(network: Network): { network: Network; pooled: string } {
  const { graph } = network;
  const own = graph.nodes.find(
    (node) => node.op === 'globalAveragePool' && node.input === BASE_OUTPUT,
  );
  if (own !== undefined) return { network, pooled: own.name };
  const node: NetworkNode = { op: 'globalAveragePool', name: POOLED_FEATURES, input: BASE_OUTPUT };
  return {
    network: { ...network, graph: { ...graph, nodes: [...graph.nodes, node] } },
    pooled: node.name,
  };
}

/**
 * The node whose numbers the last softmax makes probabilities of.
 * @throws LungclsError INTERNAL for a network that ends otherwise
 */
export function logitsOf({ graph }: Network): string {
  const last = graph.nodes.find(({ name }) => name === graph.output);
  if (last?.op === 'softmax') return last.input;
  throw new LungclsError('INTERNAL', `${graph.output} is not a softmax`);
}

function renameInput(graph: NetworkGraph, input: string): NetworkGraph {
  const nodes = graph.nodes.map((node) =>
    node.op !== 'concat' && node.input === graph.input ? { ...node, input } : node,
  );
  return { ...graph, input, nodes };
}

/** Turns round the input channels of a kernel [kh, kw, 3, out]. */
function swapRedAndBlue({ shape, data }: NamedTensor): NamedTensor {
  const [height = 0, width = 0, channels = 0, filters = 0] = shape;
  const swapped = new Float32Array(data.length);
  for (let position = 0; position < height * width; position++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (position * channels + channel) * filters;
      const to = (position * channels + (channels - 1 - channel)) * filters;
      swapped.set(data.subarray(from, from + filters), to);
    }
  }
  return { shape, data: swapped };
}
