/**
 * InceptionV3 up to `mixed7`, in the order in which keras.applications.InceptionV3 builds it, which
 * is what numbers its layers (conv2d, conv2d_1, ... conv2d_69). C. Szegedy et al., "Rethinking the
 * Inception Architecture for Computer Vision", 2015; layer sizes from Keras's implementation,
 * which test/unit/network-inception-v3.test.ts compares node by node.
 */
import type { NetworkGraph, NetworkNode, Padding } from './graph.js';

export const BASE_INPUT = 'input_layer';
export const BASE_OUTPUT = 'mixed7';
/** BatchNormalization's default in Keras. */
const EPSILON = 1e-3;

type Size = number | readonly [height: number, width: number];

/** Adds layers and names them as Keras does: the first of a kind has no number. */
class Builder {
  readonly nodes: NetworkNode[] = [];
  readonly #counts = new Map<string, number>();

  #name(kind: string): string {
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    return count === 0 ? kind : `${kind}_${count}`;
  }

  /** Convolution without bias, BatchNormalization without scale, relu. */
  conv(
    input: string,
    filters: number,
    size: Size,
    stride = 1,
    padding: Padding = stride === 1 ? 'same' : 'valid',
  ): string {
    const conv = this.#name('conv2d');
    const norm = this.#name('batch_normalization');
    const relu = this.#name('activation');
    const kernel = typeof size === 'number' ? ([size, size] as const) : size;
    this.nodes.push(
      { op: 'conv', name: conv, input, filters, kernel, stride, padding, bias: false },
      { op: 'batchNormalization', name: norm, input: conv, epsilon: EPSILON, scale: false },
      { op: 'relu', name: relu, input: norm },
    );
    return relu;
  }

  maxPool(input: string): string {
    const name = this.#name('max_pooling2d');
    this.nodes.push({ op: 'maxPool', name, input, size: 3, stride: 2, padding: 'valid' });
    return name;
  }

  averagePool(input: string): string {
    const name = this.#name('average_pooling2d');
    this.nodes.push({ op: 'averagePool', name, input, size: 3, stride: 1, padding: 'same' });
    return name;
  }

  concat(name: string, inputs: readonly string[]): string {
    this.nodes.push({ op: 'concat', name, inputs });
    return name;
  }
}

/** mixed0 to mixed2: 35 x 35 cells for a 299 x 299 input. */
function largeCell(b: Builder, name: string, input: string, pooled: number): string {
  const one = b.conv(input, 64, 1);
  const five = b.conv(b.conv(input, 48, 1), 64, 5);
  const three = b.conv(b.conv(b.conv(input, 64, 1), 96, 3), 96, 3);
  const pool = b.conv(b.averagePool(input), pooled, 1);
  return b.concat(name, [one, five, three, pool]);
}

/** mixed4 to mixed7: 7 x 7 convolutions split into rows and columns. */
function middleCell(b: Builder, name: string, input: string, width: number): string {
  const row = [1, 7] as const;
  const column = [7, 1] as const;
  const one = b.conv(input, 192, 1);
  const seven = b.conv(b.conv(b.conv(input, width, 1), width, row), 192, column);
  let double = b.conv(b.conv(input, width, 1), width, column);
  double = b.conv(b.conv(double, width, row), width, column);
  double = b.conv(double, 192, row);
  const pool = b.conv(b.averagePool(input), 192, 1);
  return b.concat(name, [one, seven, double, pool]);
}

/** [H, W, 3], normalised, to `mixed7`: [14, 14, 768] for 256 x 256. 70 convolutions. */
export function inceptionV3ToMixed7(): NetworkGraph {
  const b = new Builder();
  let x = b.conv(BASE_INPUT, 32, 3, 2);
  x = b.conv(x, 32, 3, 1, 'valid');
  x = b.maxPool(b.conv(x, 64, 3));
  x = b.conv(x, 80, 1, 1, 'valid');
  x = b.maxPool(b.conv(x, 192, 3, 1, 'valid'));

  x = largeCell(b, 'mixed0', x, 32);
  x = largeCell(b, 'mixed1', x, 64);
  x = largeCell(b, 'mixed2', x, 64);

  const three = b.conv(x, 384, 3, 2);
  const double = b.conv(b.conv(b.conv(x, 64, 1), 96, 3), 96, 3, 2);
  x = b.concat('mixed3', [three, double, b.maxPool(x)]);

  x = middleCell(b, 'mixed4', x, 128);
  x = middleCell(b, 'mixed5', x, 160);
  x = middleCell(b, 'mixed6', x, 160);
  x = middleCell(b, BASE_OUTPUT, x, 192);
  return { input: BASE_INPUT, nodes: b.nodes, output: x };
}
