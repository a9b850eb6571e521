/** Weights by name, what shapes a graph wants of them, and their fingerprint. */
import { createHash } from 'node:crypto';
import { LungclsError } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { inferShapes, inputsOf, type NetworkGraph, type NetworkNode } from './graph.js';

/** `<layer>/<weight>` -> float32 tensor, with Keras's names and layouts (kernels HWIO). */
export type Weights = ReadonlyMap<string, NamedTensor>;

/** Name and shape of every weight of a graph, in the order of its nodes. */
export function weightShapes(
  graph: NetworkGraph,
  inputShape: readonly number[],
): Map<string, readonly number[]> {
  const shapes = inferShapes(graph, inputShape);
  const result = new Map<string, readonly number[]>();
  for (const node of graph.nodes) {
    const channels = shapes.get(inputsOf(node)[0] ?? '')?.at(-1) ?? 0;
    for (const [weight, shape] of nodeWeights(node, channels)) {
      result.set(`${node.name}/${weight}`, shape);
    }
  }
  return result;
}

function nodeWeights(
  node: NetworkNode,
  channels: number,
): readonly (readonly [string, readonly number[]])[] {
  switch (node.op) {
    case 'conv':
      return [
        ['kernel', [...node.kernel, channels, node.filters]],
        ...(node.bias ? [['bias', [node.filters]] as const] : []),
      ];
    case 'dense':
      return [
        ['kernel', [channels, node.units]],
        ['bias', [node.units]],
      ];
    case 'batchNormalization':
      return [
        ...(node.scale ? [['gamma', [channels]] as const] : []),
        ['beta', [channels]],
        ['moving_mean', [channels]],
        ['moving_variance', [channels]],
      ];
    default:
      return [];
  }
}

/**
 * A tensor of the weights.
 * @throws LungclsError INTERNAL if there is none of that name
 */
export function tensorOf(weights: Weights, name: string): NamedTensor {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new LungclsError('INTERNAL', `No weight is named ${name}`);
  return tensor;
}

/**
 * The weights that the graph wants, in its order, others left out.
 * @throws LungclsError BASE_INVALID naming the first that is missing, has another shape or holds a
 * number that is not finite; `what` says in the message whose weights they are
 */
export function selectWeights(
  weights: Weights,
  graph: NetworkGraph,
  inputShape: readonly number[],
  what: string,
): Map<string, NamedTensor> {
  const selected = new Map<string, NamedTensor>();
  for (const [name, shape] of weightShapes(graph, inputShape)) {
    const tensor = weights.get(name);
    if (tensor === undefined) {
      throw new LungclsError('BASE_INVALID', `${what}: expected a weight ${name} but it has none`);
    }
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
      throw new LungclsError(
        'BASE_INVALID',
        `${what}: expected ${name} of shape [${shape.join(', ')}] but found [${tensor.shape.join(', ')}]`,
      );
    }
    if (!tensor.data.every(Number.isFinite)) {
      throw new LungclsError('BASE_INVALID', `${what}: ${name} holds a value that is not finite`);
    }
    selected.set(name, tensor);
  }
  return selected;
}

/**
 * SHA-256 over names, shapes and little-endian float32 values, in order of the names: equal
 * networks have equal fingerprints, whichever file they came from.
 */
export function weightsFingerprint(weights: Weights): string {
  const hash = createHash('sha256');
  for (const name of [...weights.keys()].sort()) {
    const { shape, data } = tensorOf(weights, name);
    hash.update(`${name}[${shape.join(',')}]\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
