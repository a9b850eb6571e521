/**
 * Which values of a model become uint8, and which of them share a scale. Values that a convolution,
 * an average pool or a relu computes are stored as uint8; operators that only move or choose values
 * (Concat, MaxPool, Transpose, Flatten) then work on these bytes as they are, so that what goes in
 * and what comes out has one scale.
 */
import type { OnnxModel, OnnxNode } from './model.js';

/** Operators that compute new numbers of an image. */
const COMPUTING = new Set(['Conv', 'AveragePool', 'Relu']);
const MOVING = new Set(['Concat', 'MaxPool', 'Transpose', 'Flatten']);

export interface QuantizationPlan {
  /**
   * Images [N, channels, height, width] that are stored as uint8, with their number of channels, in
   * the order of the nodes: their statistics are needed.
   */
  readonly images: ReadonlyMap<string, number>;
  /** Every value that is stored as uint8, with the name of the scale it has. */
  readonly scaleOf: ReadonlyMap<string, string>;
}

/** @param model as lowerToOnnx makes it */
export function planQuantization(model: OnnxModel): QuantizationPlan {
  const shapes = new Map(model.initializers.map(({ name, shape }) => [name, shape]));
  const channels = new Map<string, number>();
  const images = new Map<string, number>();
  const groups = new Groups();
  for (const node of model.nodes) {
    const { output, inputs } = node;
    const known = inputs.flatMap((input) => channels.get(input) ?? []);
    const count =
      node.type === 'Conv'
        ? shapes.get(inputs[1] ?? '')?.[0]
        : known.length > 0 && (COMPUTING.has(node.type) || MOVING.has(node.type))
          ? known.reduce((a, b) => a + b)
          : undefined;
    if (count === undefined) continue;
    const isMove = MOVING.has(node.type);
    if (!isMove && onlyFeedsRelu(model, output)) {
      // Then the relu's output is what is stored.
      channels.set(output, count);
      continue;
    }
    groups.add(output);
    if (isMove) for (const input of inputs) groups.join(input, output);
    if (node.type === 'Transpose' || node.type === 'Flatten') {
      // Channels lie elsewhere from here on; the scale stays.
      channels.set(output, count);
      continue;
    }
    channels.set(output, count);
    images.set(output, count);
  }
  return { images, scaleOf: groups.roots() };
}

function onlyFeedsRelu(model: OnnxModel, value: string): boolean {
  const readers = readersOf(model, value);
  return readers.length > 0 && readers.every(({ type }) => type === 'Relu');
}

export function readersOf(model: OnnxModel, value: string): OnnxNode[] {
  return model.nodes.filter((node) => node.inputs.includes(value));
}

export function producerOf(model: OnnxModel, value: string): OnnxNode | undefined {
  return model.nodes.find(({ output }) => output === value);
}

/** Sets of names that can be joined; each has one of its names for a root. */
class Groups {
  readonly #parents = new Map<string, string>();

  add(name: string): void {
    this.#parents.set(name, name);
  }

  join(a: string, b: string): void {
    this.#parents.set(this.#root(a), this.#root(b));
  }

  roots(): Map<string, string> {
    return new Map([...this.#parents.keys()].map((name) => [name, this.#root(name)]));
  }

  #root(name: string): string {
    let root = name;
    for (;;) {
      const parent = this.#parents.get(root);
      if (parent === undefined || parent === root) return root;
      root = parent;
    }
  }
}
