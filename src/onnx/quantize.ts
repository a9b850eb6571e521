/**
 * A model whose convolutions and first dense layer work on 8 bits: uint8 activations with one scale a
 * tensor, int8 weights with one scale an output channel, int32 biases. Written as QuantizeLinear and
 * DequantizeLinear around the operators ("QDQ"), which ONNX Runtime fuses into integer kernels.
 *
 * In float32 stay: the first convolution, which works on the pixels as they come;
 * average pools, which are cheap there (ONNX Runtime's QLinearAveragePool is slow); and
 * what follows the first dense layer, a thousandth of the weights.
 */
import { LungclsError } from '../errors.js';
import type { ImageStatistics } from './calibration.js';
import { equalizeChannels } from './equalize.js';
import {
  floatsOf,
  outputsOf,
  type AttributeValue,
  type ElementType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from './model.js';
import { planQuantization, producerOf, type QuantizationPlan } from './quantize-plan.js';
import { quantizationOf, quantizeLayer, type Quantization } from './quantize-arithmetic.js';

/** Raised when the same model and statistics would give other numbers. */
export const QUANTIZATION_VERSION = 1;

export interface QuantizeOptions {
  /** Whether the channels of an image are made alike in size first: true by default. */
  readonly equalize?: boolean;
}

/**
 * The largest number that calibration saw is the largest that a scale holds.
 * @param measured statistics of every image that planQuantization names
 * @throws LungclsError INTERNAL for a model that is not of lowerToOnnx's making, or an image that was
 * not measured
 */
export function quantizeModel(
  model: OnnxModel,
  measured: ImageStatistics,
  { equalize = true }: QuantizeOptions = {},
): OnnxModel {
  const equalized = equalize ? equalizeChannels(model, measured) : { model, statistics: measured };
  const build = new Builder(equalized.model, equalized.statistics);
  for (const node of model.nodes) build.add(node);
  return build.finish();
}

/** Of every scale by its name. */
function quantizations(
  plan: QuantizationPlan,
  statistics: ImageStatistics,
): Map<string, Quantization> {
  const ranges = new Map<string, { min: number; max: number }>();
  for (const image of plan.images.keys()) {
    const own = statistics.get(image);
    if (own === undefined) throw new LungclsError('INTERNAL', `${image} has not been measured`);
    const name = plan.scaleOf.get(image) ?? image;
    const range = ranges.get(name) ?? { min: 0, max: 0 };
    for (const value of own.min) range.min = Math.min(range.min, value);
    for (const value of own.max) range.max = Math.max(range.max, value);
    ranges.set(name, range);
  }
  return new Map([...ranges].map(([name, range]) => [name, quantizationOf(range)]));
}

/** Puts the new model together, node by node. */
class Builder {
  readonly #model: OnnxModel;
  readonly #statistics: ImageStatistics;
  readonly #plan: QuantizationPlan;
  readonly #quantizations: ReadonlyMap<string, Quantization>;
  readonly #weights: ReadonlyMap<string, OnnxTensor>;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #written = new Set<string>();
  /** Relus that rounding to uint8 does on its own, by their output: what they are fed. */
  readonly #absorbed = new Map<string, string>();

  constructor(model: OnnxModel, statistics: ImageStatistics) {
    this.#model = model;
    this.#statistics = statistics;
    this.#plan = planQuantization(model);
    this.#quantizations = quantizations(this.#plan, statistics);
    this.#weights = new Map(model.initializers.map((tensor) => [tensor.name, tensor]));
  }

  add(node: OnnxNode): void {
    const { scaleOf, images } = this.#plan;
    const isStored = scaleOf.has(node.output);
    const readsBytes = scaleOf.has(node.inputs[0] ?? '');
    const computes = node.type === 'Conv' || node.type === 'AveragePool';
    if (isStored && node.type === 'Relu') this.#addRelu(node);
    else if (node.type === 'Relu' && this.#isRounded(node.inputs[0])) this.#addMax(node);
    else if (readsBytes && (node.type === 'Conv' || node.type === 'Gemm')) this.#addLayer(node);
    else if (readsBytes && isStored && !computes) {
      const inputs = node.inputs.map(bytesOf);
      this.#push({ ...node, name: bytesOf(node.name), inputs, output: bytesOf(node.output) });
      return;
    } else this.#push({ ...node, inputs: node.inputs.map((name) => this.#real(name)) });
    if (images.has(node.output)) this.#store(node.output);
  }

  finish(): OnnxModel {
    for (const { name } of outputsOf(this.#model)) {
      if (this.#plan.scaleOf.has(name)) this.#dequantize(name, name);
    }
    return { ...this.#model, nodes: this.#nodes, initializers: [...this.#initializers.values()] };
  }

  /**
   * Rounding to uint8 with zero point 0 cuts off what is negative: that is a relu. Behind an average
   * pool there has to be something in between, or ONNX Runtime fuses the pool with its neighbours.
   */
  #addRelu(node: OnnxNode): void {
    const input = node.inputs[0] ?? '';
    if (producerOf(this.#model, input)?.type !== 'AveragePool') {
      this.#absorbed.set(node.output, this.#real(input));
      return;
    }
    this.#addMax(node);
  }

  /** A relu that ONNX Runtime does not take for one. */
  #addMax(node: OnnxNode): void {
    const zero = this.#constant('zero', 'float32', [], Float32Array.of(0));
    this.#push({ ...node, type: 'Max', inputs: [this.#real(node.inputs[0] ?? ''), zero] });
  }

  /** Whether a dense layer with rounded operands gives the value: fused with a relu it would be run in float32. */
  #isRounded(value = ''): boolean {
    const producer = producerOf(this.#model, value);
    return producer?.type === 'Gemm' && this.#plan.scaleOf.has(producer.inputs[0] ?? '');
  }

  /** Conv (kernel [outputs, inputs, h, w]) or Gemm (kernel [inputs, outputs]) on rounded operands. */
  #addLayer(node: OnnxNode): void {
    const [input = '', kernelName = '', biasName = ''] = node.inputs;
    const kernel = this.#weight(kernelName);
    const outputsLast = node.type === 'Gemm';
    const layer = quantizeLayer({
      kernel: floatsOf(kernel),
      outputsLast,
      bias: floatsOf(this.#weight(biasName)),
      inputs: kernel.shape[outputsLast ? 0 : 1] ?? 0,
      inputScale: this.#quantization(input).scale,
      inputMeans: this.#meansOf(input),
    });
    const shape = [layer.bias.length];
    const kernelParts = [
      this.#constant(bytesOf(kernelName), 'int8', kernel.shape, layer.kernel),
      this.#constant(`${kernelName}/scale`, 'float32', shape, layer.kernelScales),
      // ONNX Runtime 1.30 fuses a Gemm only where they are given, though they are optional.
      this.#constant(`${kernelName}/zero_point`, 'int8', shape, new Int8Array(layer.bias.length)),
    ];
    const biasParts = [
      this.#constant(bytesOf(biasName), 'int32', shape, layer.bias),
      this.#constant(`${biasName}/scale`, 'float32', shape, layer.biasScales),
      this.#constant(`${biasName}/zero_point`, 'int32', shape, new Int32Array(layer.bias.length)),
    ];
    const axis = { axis: { integer: outputsLast ? 1 : 0 } };
    const inputs = [
      this.#real(input),
      this.#node('DequantizeLinear', kernelName, kernelParts, axis),
      this.#node('DequantizeLinear', biasName, biasParts, { axis: { integer: 0 } }),
    ];
    this.#push({ ...node, inputs });
  }

  /** Of an image's channels; of what an image was flattened to, channels innermost, likewise. */
  #meansOf(value: string): Float32Array {
    let name = value;
    for (;;) {
      const own = this.#statistics.get(name);
      if (own !== undefined) return own.mean;
      const producer = producerOf(this.#model, name);
      if (producer === undefined) throw new LungclsError('INTERNAL', `${value} has no statistics`);
      name = producer.inputs[0] ?? '';
    }
  }

  /** The float value that a name of the old model stands for. */
  #real(name: string): string {
    const weight = this.#weights.get(name);
    if (weight !== undefined) this.#initializers.set(name, weight);
    if (!this.#plan.scaleOf.has(name)) return name;
    const result = `${name}/real`;
    if (!this.#written.has(result)) this.#dequantize(name, result);
    return result;
  }

  #dequantize(name: string, result: string): void {
    this.#node('DequantizeLinear', result, [bytesOf(name), ...this.#scaleConstants(name)]);
  }

  #store(name: string): void {
    const source = this.#absorbed.get(name) ?? name;
    this.#node('QuantizeLinear', bytesOf(name), [source, ...this.#scaleConstants(name)]);
  }

  #scaleConstants(name: string): [scale: string, zeroPoint: string] {
    const scaleName = this.#plan.scaleOf.get(name) ?? name;
    const { scale, zeroPoint } = this.#quantization(name);
    return [
      this.#constant(`${scaleName}/scale`, 'float32', [], Float32Array.of(scale)),
      this.#constant(`${scaleName}/zero_point`, 'uint8', [], Uint8Array.of(zeroPoint)),
    ];
  }

  #quantization(name: string): Quantization {
    const quantization = this.#quantizations.get(this.#plan.scaleOf.get(name) ?? '');
    if (quantization === undefined) throw new LungclsError('INTERNAL', `${name} has no scale`);
    return quantization;
  }

  #weight(name: string): OnnxTensor {
    const tensor = this.#weights.get(name);
    if (tensor === undefined) throw new LungclsError('INTERNAL', `${name} is not a constant`);
    return tensor;
  }

  #constant(
    name: string,
    type: ElementType,
    shape: readonly number[],
    { buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>,
  ): string {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#initializers.set(name, { name, type, shape, bytes });
    return name;
  }

  #node(
    type: string,
    output: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string {
    this.#push({ name: output, type, inputs, output, ...(attributes ? { attributes } : {}) });
    return output;
  }

  #push(node: OnnxNode): void {
    this.#written.add(node.output);
    this.#nodes.push(node);
  }
}

/** The name under which a value is stored as integers. */
function bytesOf(name: string): string {
  return `${name}/quantized`;
}
