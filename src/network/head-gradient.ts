/**
 * The derivative of one class's logit by the features, through a head: what heat maps are made of.
 * Exact (reverse-mode differentiation in double precision), and without TensorFlow.
 */
import { LungclsError } from '../errors.js';
import type { BatchNormalizationNode, DenseNode, NetworkGraph, NetworkNode } from './graph.js';
import { tensorOf, type Weights } from './weights.js';

type Values = Float64Array<ArrayBuffer>;

/** One layer on the way there: its output, and the way back from the derivative by that output. */
interface Step {
  readonly output: Values;
  readonly back: (gradient: Values) => Values;
}

/**
 * @param graph a head: from features to softmax, one layer after the other
 * @param weights float32, under the graph's names
 * @param features one tile's [H, W, C], row by row, channels innermost
 * @param shape [H, W, C]
 * @param classIndex whose logit, the softmax's input, is followed
 * @returns as many numbers as there are features, in the same order
 * @throws LungclsError INTERNAL where the graph holds another layer than heads do
 */
export function logitGradient(
  graph: NetworkGraph,
  weights: Weights,
  features: Float32Array,
  shape: readonly number[],
  classIndex: number,
): Values {
  const steps: Step[] = [];
  let x = Float64Array.from(features);
  for (const node of graph.nodes) {
    if (node.op === 'softmax') break;
    const step = forward(node, weights, x, shape);
    steps.push(step);
    x = step.output;
  }
  let gradient = new Float64Array(x.length);
  gradient[classIndex] = 1;
  for (const { back } of steps.reverse()) gradient = back(gradient);
  return gradient;
}

/**
 * The logits, the softmax's inputs, of one tile: float64, in the order of the classes.
 * @param features one tile's [H, W, C], row by row, channels innermost
 * @throws LungclsError INTERNAL where the graph holds another layer than heads do
 */
export function headLogits(
  graph: NetworkGraph,
  weights: Weights,
  features: Float32Array,
  shape: readonly number[],
): Float64Array {
  let x = Float64Array.from(features);
  for (const node of graph.nodes) {
    if (node.op === 'softmax') break;
    x = forward(node, weights, x, shape).output;
  }
  return x;
}

function forward(node: NetworkNode, weights: Weights, x: Values, shape: readonly number[]): Step {
  switch (node.op) {
    case 'flatten':
    case 'dropout':
      return { output: x, back: (gradient) => gradient };
    case 'globalAveragePool':
      return globalAverage(x, shape.at(-1) ?? 1);
    case 'relu':
      return {
        output: x.map((value) => Math.max(value, 0)),
        back: (gradient) => gradient.map((g, i) => ((x[i] ?? 0) > 0 ? g : 0)),
      };
    case 'dense':
      return dense(node, weights, x);
    case 'batchNormalization':
      return normalization(node, weights, x);
    default:
      throw new LungclsError('INTERNAL', `No head has a layer ${node.op}, as ${node.name} is`);
  }
}

function globalAverage(x: Values, channels: number): Step {
  const positions = x.length / channels;
  const output = new Float64Array(channels);
  for (const [i, value] of x.entries()) {
    const c = i % channels;
    output[c] = (output[c] ?? 0) + value / positions;
  }
  return { output, back: (gradient) => x.map((_, i) => (gradient[i % channels] ?? 0) / positions) };
}

function dense({ name, units }: DenseNode, weights: Weights, x: Values): Step {
  const kernel = tensorOf(weights, `${name}/kernel`).data;
  const output = Float64Array.from(tensorOf(weights, `${name}/bias`).data);
  for (const [i, value] of x.entries()) {
    // Most features of a relu are zero.
    if (value === 0) continue;
    const row = i * units;
    for (let j = 0; j < units; j++) output[j] = output[j]! + value * kernel[row + j]!;
  }
  const back = (gradient: Values): Values =>
    x.map((_, i) => {
      const row = i * units;
      let sum = 0;
      for (let j = 0; j < units; j++) sum += gradient[j]! * kernel[row + j]!;
      return sum;
    });
  return { output, back };
}

function normalization(node: BatchNormalizationNode, weights: Weights, x: Values): Step {
  const at = (weight: string, i: number): number =>
    tensorOf(weights, `${node.name}/${weight}`).data[i] ?? 0;
  const factors = x.map(
    (_, i) =>
      (node.scale ? at('gamma', i) : 1) / Math.sqrt(at('moving_variance', i) + node.epsilon),
  );
  return {
    output: x.map((value, i) => (value - at('moving_mean', i)) * (factors[i] ?? 0) + at('beta', i)),
    back: (gradient) => gradient.map((g, i) => g * (factors[i] ?? 0)),
  };
}
