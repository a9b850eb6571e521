/**
 * Rewrites of a network that leave what it computes as it is (in exact arithmetic) and make it
 * faster to run. Each takes a network and returns another; none changes its argument. Sums and
 * products are in double precision and rounded once.
 */
import type { ConvNode, DenseNode, Network, NetworkNode } from '../network/graph.js';
import { inputsOf } from '../network/graph.js';
import { tensorOf, type Weights } from '../network/weights.js';
import type { NamedTensor } from '../storage/safetensors.js';

export type Pass = (network: Network) => Network;

/** Everything that is exact, in the order in which one helps the next. */
export const INFERENCE_PASSES: readonly Pass[] = [
  removeDropout,
  foldBatchNormalization,
  foldRescale,
  moveAveragePools,
];

export function applyPasses(network: Network, passes: readonly Pass[]): Network {
  return passes.reduce((result, pass) => pass(result), network);
}

/** Inference passes through a Dropout. */
export function removeDropout(network: Network): Network {
  let { nodes } = network.graph;
  for (const node of nodes) {
    if (node.op === 'dropout') nodes = bypass(nodes, node.name, node.input);
  }
  return { ...network, graph: { ...network.graph, nodes } };
}

/**
 * A BatchNormalization of a convolution becomes part of the convolution, one that feeds a Dense part
 * of the Dense. Others stay.
 */
export function foldBatchNormalization(network: Network): Network {
  let { nodes } = network.graph;
  const weights = new Map(network.weights);
  for (const node of network.graph.nodes) {
    if (node.op !== 'batchNormalization') continue;
    const before = only(nodes.filter(({ name }) => name === node.input));
    const after = only(consumers(nodes, node.name));
    const affine = (): Affine => affineOf(weights, node.name, node.epsilon, node.scale);
    if (before?.op === 'conv' && consumers(nodes, before.name).length === 1) {
      const folded: ConvNode = { ...before, bias: true };
      foldAfterConv(weights, before, affine());
      nodes = bypass(replace(nodes, folded), node.name, before.name);
    } else if (after?.op === 'dense' && node.name !== network.graph.output) {
      foldBeforeDense(weights, after, affine());
      nodes = bypass(nodes, node.name, node.input);
    } else continue;
    for (const weight of ['gamma', 'beta', 'moving_mean', 'moving_variance']) {
      weights.delete(`${node.name}/${weight}`);
    }
  }
  return { ...network, graph: { ...network.graph, nodes }, weights };
}

/**
 * A rescaling of the pixels becomes part of the convolution behind it, where that pads nothing: padding is
 * zero after the rescaling, not before it. In half precision the pixels then are exact, too.
 */
export function foldRescale(network: Network): Network {
  let { nodes } = network.graph;
  const weights = new Map(network.weights);
  for (const rescale of network.graph.nodes) {
    if (rescale.op !== 'rescale') continue;
    const conv = only(consumers(nodes, rescale.name));
    if (conv?.op !== 'conv' || conv.padding !== 'valid') continue;
    foldBeforeConv(weights, conv, rescale);
    const folded: ConvNode = { ...conv, bias: true };
    nodes = bypass(replace(nodes, folded), rescale.name, rescale.input);
  }
  return { ...network, graph: { ...network.graph, nodes }, weights };
}

/**
 * An average pool that feeds a 1 x 1 convolution changes places with it and then has fewer channels
 * to average. Both are linear and work on different axes; the bias survives because the padding is
 * left out of the mean, so that the mean of a constant is that constant.
 */
export function moveAveragePools(network: Network): Network {
  let { nodes } = network.graph;
  for (const pool of network.graph.nodes) {
    if (pool.op !== 'averagePool' || pool.stride !== 1) continue;
    const conv = only(consumers(nodes, pool.name));
    if (conv?.op !== 'conv' || conv.stride !== 1 || conv.kernel.some((size) => size !== 1))
      continue;
    const movedConv: ConvNode = { ...conv, input: pool.input };
    nodes = nodes
      .filter(({ name }) => name !== pool.name)
      .flatMap((node): NetworkNode[] =>
        node.name === conv.name
          ? [movedConv, { ...pool, input: conv.name }]
          : [rewire(node, conv.name, pool.name)],
      );
  }
  return { ...network, graph: { ...network.graph, nodes } };
}

/** y = x * scale + shift, one pair a channel. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function affineOf(weights: Weights, name: string, epsilon: number, hasScale: boolean): Affine {
  const mean = tensorOf(weights, `${name}/moving_mean`).data;
  const variance = tensorOf(weights, `${name}/moving_variance`).data;
  const beta = tensorOf(weights, `${name}/beta`).data;
  const gamma = hasScale ? tensorOf(weights, `${name}/gamma`).data : undefined;
  const scale = Float64Array.from(variance, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + epsilon));
  const shift = Float64Array.from(beta, (b, i) => b - (mean[i] ?? 0) * (scale[i] ?? 0));
  return { scale, shift };
}

function foldAfterConv(
  weights: Map<string, NamedTensor>,
  conv: ConvNode,
  { scale, shift }: Affine,
): void {
  const kernel = tensorOf(weights, `${conv.name}/kernel`);
  const bias = conv.bias ? tensorOf(weights, `${conv.name}/bias`).data : undefined;
  const { filters } = conv;
  weights.set(`${conv.name}/kernel`, {
    shape: kernel.shape,
    data: kernel.data.map((value, i) => value * (scale[i % filters] ?? 0)),
  });
  weights.set(`${conv.name}/bias`, {
    shape: [filters],
    data: Float32Array.from(shift, (value, i) => value + (bias?.[i] ?? 0) * (scale[i] ?? 0)),
  });
}

function foldBeforeConv(
  weights: Map<string, NamedTensor>,
  conv: ConvNode,
  { scale, offset }: { scale: number; offset: number },
): void {
  const { filters } = conv;
  const kernel = tensorOf(weights, `${conv.name}/kernel`);
  const before = conv.bias ? tensorOf(weights, `${conv.name}/bias`).data : undefined;
  const bias = Float64Array.from({ length: filters }, (_, filter) => before?.[filter] ?? 0);
  const data = kernel.data.map((value, i) => {
    bias[i % filters] = (bias[i % filters] ?? 0) + value * offset;
    return value * scale;
  });
  weights.set(`${conv.name}/kernel`, { shape: kernel.shape, data });
  weights.set(`${conv.name}/bias`, { shape: [filters], data: Float32Array.from(bias) });
}

function foldBeforeDense(
  weights: Map<string, NamedTensor>,
  dense: DenseNode,
  { scale, shift }: Affine,
): void {
  const kernel = tensorOf(weights, `${dense.name}/kernel`);
  const bias = Float64Array.from(tensorOf(weights, `${dense.name}/bias`).data);
  const { units } = dense;
  const data = kernel.data.map((value, i) => {
    const row = Math.floor(i / units);
    bias[i % units] = (bias[i % units] ?? 0) + value * (shift[row] ?? 0);
    return value * (scale[row] ?? 0);
  });
  weights.set(`${dense.name}/kernel`, { shape: kernel.shape, data });
  weights.set(`${dense.name}/bias`, { shape: [units], data: Float32Array.from(bias) });
}

function consumers(nodes: readonly NetworkNode[], name: string): NetworkNode[] {
  return nodes.filter((node) => inputsOf(node).includes(name));
}

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}

function replace(nodes: readonly NetworkNode[], by: NetworkNode): NetworkNode[] {
  return nodes.map((node) => (node.name === by.name ? by : node));
}

/** Removes a node; what it fed is fed by `input` instead. */
function bypass(nodes: readonly NetworkNode[], name: string, input: string): NetworkNode[] {
  return nodes.filter((node) => node.name !== name).map((node) => rewire(node, name, input));
}

function rewire(node: NetworkNode, from: string, to: string): NetworkNode {
  if (node.op !== 'concat') return node.input === from ? { ...node, input: to } : node;
  return { ...node, inputs: node.inputs.map((name) => (name === from ? to : name)) };
}
