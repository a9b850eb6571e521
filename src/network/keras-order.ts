/**
 * The order of `model.layers` in Keras: by depth from the output, deepest first, then by when a walk
 * back from the output first meets a layer (keras/src/ops/function.py, map_graph). Keras 3 numbers the
 * groups of a weights file in this order, which is not the order in which the layers were built.
 */
import { inputsOf, type NetworkGraph, type NetworkNode } from './graph.js';

/** The graph's nodes in the order of `model.layers`; the input is left out. */
export function kerasLayerOrder(graph: NetworkGraph): NetworkNode[] {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const met = new Map<string, number>();
  const finished: NetworkNode[] = [];
  const walk = (name: string): void => {
    const node = nodes.get(name);
    if (node === undefined || met.has(name)) return;
    met.set(name, met.size);
    inputsOf(node).forEach(walk);
    finished.push(node);
  };
  walk(graph.output);

  const depth = new Map<string, number>();
  for (const node of finished.toReversed()) {
    const own = depth.get(node.name) ?? 0;
    depth.set(node.name, own);
    for (const input of inputsOf(node)) {
      depth.set(input, Math.max(own + 1, depth.get(input) ?? 0));
    }
  }
  const of = (map: ReadonlyMap<string, number>, node: NetworkNode): number =>
    map.get(node.name) ?? 0;
  return finished.toSorted((a, b) => of(depth, b) - of(depth, a) || of(met, a) - of(met, b));
}
