/**
 * A network as data: nodes in an order in which each one's inputs come before it. Tensors are
 * channels-last ([N, H, W, C], then [N, units]), as in Keras; a lowering may lay them out otherwise
 * as long as the numbers are the same.
 */
import { LungclsError } from '../errors.js';
import type { Weights } from './weights.js';

export type Padding = 'same' | 'valid';

interface NodeBase {
  readonly name: string;
  /** Name of the node that feeds this one, or of the graph's input. */
  readonly input: string;
}

/** x * scale + offset. */
export interface RescaleNode extends NodeBase {
  readonly op: 'rescale';
  readonly scale: number;
  readonly offset: number;
}

/** Weights: `<name>/kernel` [kh, kw, in, filters] and, with `bias`, `<name>/bias` [filters]. */
export interface ConvNode extends NodeBase {
  readonly op: 'conv';
  readonly filters: number;
  readonly kernel: readonly [height: number, width: number];
  readonly stride: number;
  readonly padding: Padding;
  readonly bias: boolean;
}

/**
 * (x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta over the last axis; without
 * `scale` there is no gamma. Weights: `<name>/{gamma,beta,moving_mean,moving_variance}` [channels].
 */
export interface BatchNormalizationNode extends NodeBase {
  readonly op: 'batchNormalization';
  readonly epsilon: number;
  readonly scale: boolean;
}

export interface ReluNode extends NodeBase {
  readonly op: 'relu';
}

/** An average leaves the padding out of its count, as TensorFlow's does. */
export interface PoolNode extends NodeBase {
  readonly op: 'maxPool' | 'averagePool';
  readonly size: number;
  readonly stride: number;
  readonly padding: Padding;
}

/** Over the channels. */
export interface ConcatNode {
  readonly op: 'concat';
  readonly name: string;
  readonly inputs: readonly string[];
}

/** [N, H, W, C] to [N, H * W * C], row by row, channels innermost. */
export interface FlattenNode extends NodeBase {
  readonly op: 'flatten';
}

/** [N, H, W, C] to [N, C]: the mean over all positions. */
export interface GlobalAveragePoolNode extends NodeBase {
  readonly op: 'globalAveragePool';
}

/** Weights: `<name>/kernel` [in, units], `<name>/bias` [units]. */
export interface DenseNode extends NodeBase {
  readonly op: 'dense';
  readonly units: number;
}

/** Only training does anything here; inference passes through. */
export interface DropoutNode extends NodeBase {
  readonly op: 'dropout';
  readonly rate: number;
}

/** Over the last axis. */
export interface SoftmaxNode extends NodeBase {
  readonly op: 'softmax';
}

export type NetworkNode =
  | RescaleNode
  | ConvNode
  | BatchNormalizationNode
  | ReluNode
  | PoolNode
  | ConcatNode
  | FlattenNode
  | GlobalAveragePoolNode
  | DenseNode
  | DropoutNode
  | SoftmaxNode;

export interface NetworkGraph {
  readonly input: string;
  readonly nodes: readonly NetworkNode[];
  readonly output: string;
}

/** A graph with its weights: what the passes rewrite and the lowerings take. */
export interface Network {
  readonly graph: NetworkGraph;
  readonly weights: Weights;
  /** One input without the batch axis: [H, W, C]. */
  readonly inputShape: readonly number[];
}

/** Names of what feeds a node. */
export function inputsOf(node: NetworkNode): readonly string[] {
  return node.op === 'concat' ? node.inputs : [node.input];
}

/**
 * Shape of every tensor of the graph, without the batch axis.
 * @throws LungclsError INVALID_OPTION where the input is too small for the network
 */
export function inferShapes(
  graph: NetworkGraph,
  inputShape: readonly number[],
): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>([[graph.input, inputShape]]);
  for (const node of graph.nodes) {
    const inputs = inputsOf(node).map((name) => {
      const shape = shapes.get(name);
      if (shape === undefined) {
        throw new LungclsError('INTERNAL', `Node ${node.name} reads ${name}, which comes later`);
      }
      return shape;
    });
    const shape = outputShape(node, inputs);
    if (shape.some((size) => size < 1)) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected tiles large enough for the network but received ${inputShape.join(' x ')}: ` +
          `nothing is left of them at layer ${node.name}`,
      );
    }
    shapes.set(node.name, shape);
  }
  return shapes;
}

function outputShape(node: NetworkNode, inputs: readonly (readonly number[])[]): number[] {
  const first = inputs[0] ?? [];
  const [height = 0, width = 0, channels = 0] = first;
  switch (node.op) {
    case 'conv':
      return [
        windowCount(height, node.kernel[0], node.stride, node.padding),
        windowCount(width, node.kernel[1], node.stride, node.padding),
        node.filters,
      ];
    case 'maxPool':
    case 'averagePool':
      return [
        windowCount(height, node.size, node.stride, node.padding),
        windowCount(width, node.size, node.stride, node.padding),
        channels,
      ];
    case 'concat':
      return [height, width, inputs.reduce((sum, shape) => sum + (shape.at(-1) ?? 0), 0)];
    case 'flatten':
      return [first.reduce((a, b) => a * b, 1)];
    case 'globalAveragePool':
      return [channels];
    case 'dense':
      return [node.units];
    default:
      return [...first];
  }
}

/** How many windows fit along one side: TensorFlow's rule for `same` and `valid`. */
function windowCount(size: number, window: number, stride: number, padding: Padding): number {
  return padding === 'same' ? Math.ceil(size / stride) : Math.floor((size - window) / stride) + 1;
}
