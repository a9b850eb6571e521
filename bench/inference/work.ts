/** How much arithmetic a tile takes. */
import { inferShapes } from '#src/network/graph.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';

const SIZE = 256;

/** Of the base's convolutions and the recipe's head, a multiply-add counted as two, in GFLOP. */
export function gigaflopPerTile(): number {
  const graph = inceptionV3ToMixed7();
  const shapes = inferShapes(graph, [SIZE, SIZE, 3]);
  let products = 0;
  for (const node of graph.nodes) {
    if (node.op !== 'conv') continue;
    const inputs = shapes.get(node.input)?.[2] ?? 0;
    const [height = 0, width = 0, outputs = 0] = shapes.get(node.name) ?? [];
    products += height * width * outputs * inputs * node.kernel[0] * node.kernel[1];
  }
  const features = shapes.get(graph.output)?.reduce((a, b) => a * b, 1) ?? 0;
  products += features * 256 + 256 * 128;
  return (2 * products) / 1e9;
}
