/** A head's layers with their sizes, so that the same code trains any head at any size. */
import type { HeadGraph, HiddenNode } from '../../network/head.js';
import { inferShapes } from '../../network/graph.js';
import { weightShapes } from '../../network/weights.js';
import { LungclsError } from '../../errors.js';
import type { NamedTensor } from '../../storage/safetensors.js';

export interface HeadShape {
  /** Whether a feature map is averaged over its positions before the first layer, or flattened. */
  readonly pooled: boolean;
  /** Inputs of the first layer. */
  readonly features: number;
  /** From the first Dense to the last, whose outputs are the logits; each feeds the next. */
  readonly layers: readonly HiddenNode[];
  readonly classes: number;
  /** The Dropout layers, in order: how many numbers a row reach them, and which share they zero. */
  readonly dropouts: readonly { readonly units: number; readonly rate: number }[];
}

/** All weights of a head by name. */
export type HeadWeights = Map<string, NamedTensor>;

/** @param map [height, width, channels] of a tile's features */
export function headShape(graph: HeadGraph, map: readonly number[]): HeadShape {
  const [first, ...rest] = graph.nodes;
  const last = rest.pop();
  const layers = rest.filter((node) => isHidden(node));
  const logits = layers.at(-1);
  const sizes = inferShapes(graph, map);
  const sizeOf = (name: string): number => sizes.get(name)?.[0] ?? 0;
  if (
    (first?.op !== 'flatten' && first?.op !== 'globalAveragePool') ||
    layers[0]?.op !== 'dense' ||
    layers.length !== rest.length ||
    logits?.op !== 'dense' ||
    last?.op !== 'softmax'
  ) {
    throw new LungclsError('INTERNAL', 'A head begins with a Dense and ends with Dense, softmax');
  }
  return {
    pooled: first.op === 'globalAveragePool',
    features: sizeOf(first.name),
    layers,
    classes: logits.units,
    dropouts: layers.flatMap((layer) =>
      layer.op === 'dropout' ? [{ units: sizeOf(layer.input), rate: layer.rate }] : [],
    ),
  };
}

function isHidden(node: HeadGraph['nodes'][number]): node is HiddenNode {
  return node.op !== 'flatten' && node.op !== 'globalAveragePool' && node.op !== 'softmax';
}

/** The weights that Adam changes, under Keras's names and shapes, in Keras's order. */
export function trainableShapes(shape: HeadShape): Map<string, readonly number[]> {
  return new Map([...allShapes(shape)].filter(([name]) => !isMoving(name)));
}

/** The moving statistics of the BatchNormalization layers: of each its mean, then its variance. */
export function movingShapes(shape: HeadShape): Map<string, readonly number[]> {
  return new Map([...allShapes(shape)].filter(([name]) => isMoving(name)));
}

function allShapes({ layers, features }: HeadShape): Map<string, readonly number[]> {
  const input = layers[0]?.input ?? '';
  const output = layers.at(-1)?.name ?? '';
  return weightShapes({ input, nodes: layers, output }, [features]);
}

function isMoving(name: string): boolean {
  return name.endsWith('/moving_mean') || name.endsWith('/moving_variance');
}

/** The kernel that a FirstDense holds. */
export function firstKernel({ layers }: HeadShape): string {
  return `${layers[0]?.name ?? ''}/kernel`;
}
