/** How much arithmetic a tile takes. */
import { inferShapes, type NetworkGraph } from '../network/graph.js';
import { headGraph, type HeadKind } from '../network/head.js';
import { inceptionV3ToMixed7 } from '../network/inception-v3.js';

/**
 * Of the base's convolutions and a head's Dense layers, a multiply-add counted as two, in GFLOP.
 * @param size side of a tile in pixels
 */
export function gigaflopPerTile(size = 256, head: HeadKind = 'recipe', classes = 3): number {
  const base = inceptionV3ToMixed7();
  const input = [size, size, 3];
  const features = inferShapes(base, input).get(base.output) ?? [];
  return (2 * (products(base, input) + products(headGraph({ head, classes }), features))) / 1e9;
}

function products(graph: NetworkGraph, inputShape: readonly number[]): number {
  const shapes = inferShapes(graph, inputShape);
  const shapeOf = (name: string): readonly number[] => shapes.get(name) ?? inputShape;
  let count = 0;
  for (const node of graph.nodes) {
    if (node.op === 'conv') {
      const inputs = shapeOf(node.input)[2] ?? 0;
      const outputs = shapeOf(node.name).reduce((a, b) => a * b, 1);
      count += outputs * inputs * node.kernel[0] * node.kernel[1];
    } else if (node.op === 'dense') {
      count += (shapeOf(node.input)[0] ?? 0) * node.units;
    }
  }
  return count;
}
