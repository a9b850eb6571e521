/**
 * A network as an ONNX model: uint8 tiles [N, S, S, 3] in, float32 out. Inside, images are
 * channels-first, as ONNX's operators want them; what leaves the images (the output, Flatten) is
 * channels-last again, so that the numbers come in Keras's order.
 */
import { LungclsError } from '../errors.js';
import type { Network, NetworkNode, Padding } from '../network/graph.js';
import { inferShapes, inputsOf } from '../network/graph.js';
import { tensorOf } from '../network/weights.js';
import type { NamedTensor } from '../storage/safetensors.js';
import type {
  AttributeValue,
  ElementType,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from './model.js';
import { ELEMENT } from './model.js';

export const BATCH_DIMENSION = 'batch';

export interface LowerOptions {
  /** Name of the model's output. */
  output: string;
  /** Further outputs: their names, each with the network's node that gives it. */
  extraOutputs?: Readonly<Record<string, string>>;
  metadata?: Readonly<Record<string, string>>;
}

const TO_CHANNELS_FIRST = { perm: { integers: [0, 3, 1, 2] } };
const TO_CHANNELS_LAST = { perm: { integers: [0, 2, 3, 1] } };

/**
 * @throws LungclsError INTERNAL for a node that has to be rewritten first (BatchNormalization that a
 * pass could not fold)
 */
export function lowerToOnnx(network: Network, options: LowerOptions): OnnxModel {
  const { graph, inputShape } = network;
  const shapes = inferShapes(graph, inputShape);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  /** ONNX value that holds a network tensor. */
  const values = new Map<string, string>();

  const add = (
    type: string,
    name: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string => {
    nodes.push({ name, type, inputs, output: name, ...(attributes ? { attributes } : {}) });
    return name;
  };
  const constant = (name: string, tensor: NamedTensor): string => {
    initializers.push(floatTensor(name, tensor));
    return name;
  };
  const shapeOf = (name: string): readonly number[] => shapes.get(name) ?? [];
  const valueOf = (name: string): string => values.get(name) ?? name;
  const weight = (name: string): NamedTensor => tensorOf(network.weights, name);

  const lower = (node: NetworkNode): string => {
    const { name } = node;
    const inputs = inputsOf(node).map(valueOf);
    const input = inputs[0] ?? '';
    const inputName = inputsOf(node)[0] ?? '';
    switch (node.op) {
      case 'rescale': {
        const scale = constant(`${name}/scale`, scalar(node.scale));
        const offset = constant(`${name}/offset`, scalar(node.offset));
        return add('Add', name, [add('Mul', `${name}/scaled`, [input, scale]), offset]);
      }
      case 'conv': {
        const kernel = constant(`${name}/kernel`, toOihw(weight(`${name}/kernel`)));
        const operands = [input, kernel];
        if (node.bias) operands.push(constant(`${name}/bias`, weight(`${name}/bias`)));
        return add('Conv', name, operands, windowOf(node.kernel, node, shapeOf(inputName)));
      }
      case 'maxPool':
      case 'averagePool': {
        const window = windowOf([node.size, node.size], node, shapeOf(inputName));
        if (node.op === 'maxPool') return add('MaxPool', name, [input], window);
        return add('AveragePool', name, [input], { ...window, count_include_pad: { integer: 0 } });
      }
      case 'relu':
        return add('Relu', name, [input]);
      case 'concat':
        return add('Concat', name, inputs, { axis: { integer: 1 } });
      case 'flatten': {
        const last = add('Transpose', `${name}/channels_last`, [input], TO_CHANNELS_LAST);
        return add('Flatten', name, [last], { axis: { integer: 1 } });
      }
      case 'globalAveragePool': {
        // [N, C, 1, 1]: there is nothing left to bring into another order.
        const mean = add('GlobalAveragePool', `${name}/mean`, [input]);
        return add('Flatten', name, [mean], { axis: { integer: 1 } });
      }
      case 'dense': {
        const kernel = constant(`${name}/kernel`, weight(`${name}/kernel`));
        return add('Gemm', name, [input, kernel, constant(`${name}/bias`, weight(`${name}/bias`))]);
      }
      case 'softmax':
        return add('Softmax', name, [input], { axis: { integer: -1 } });
      case 'batchNormalization':
      case 'dropout':
        throw new LungclsError('INTERNAL', `${node.op} ${name} was not folded before lowering`);
    }
  };

  const first = add('Transpose', `${graph.input}/channels_first`, [graph.input], TO_CHANNELS_FIRST);
  values.set(
    graph.input,
    add('Cast', `${graph.input}/float`, [first], { to: { integer: ELEMENT.float32 } }),
  );
  for (const node of graph.nodes) values.set(node.name, lower(node));

  /** New names of values that are outputs: a node of its own for a name would be a copy. */
  const names = new Map<string, string>();
  const output = (name: string, from: string): OnnxValue => {
    const shape = shapeOf(from);
    if (shape.length === 3) add('Transpose', name, [valueOf(from)], TO_CHANNELS_LAST);
    else names.set(valueOf(from), name);
    return { name, type: 'float32', shape: [BATCH_DIMENSION, ...shape] };
  };
  const main = output(options.output, graph.output);
  const extra = Object.entries(options.extraOutputs ?? {}).map(([name, from]) =>
    output(name, from),
  );
  return {
    name: 'lungcls',
    nodes: renameValues(nodes, names),
    initializers,
    input: { name: graph.input, type: 'uint8', shape: [BATCH_DIMENSION, ...inputShape] },
    output: main,
    ...(extra.length === 0 ? {} : { extraOutputs: extra }),
    metadata: options.metadata ?? {},
  };
}

function renameValues(
  nodes: readonly OnnxNode[],
  names: ReadonlyMap<string, string>,
): readonly OnnxNode[] {
  const renamed = (value: string): string => names.get(value) ?? value;
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(renamed),
    output: renamed(node.output),
  }));
}

function windowOf(
  kernel: readonly [number, number],
  { stride, padding }: { stride: number; padding: Padding },
  inputShape: readonly number[],
): Record<string, AttributeValue> {
  const [height = 0, width = 0] = inputShape;
  const [top, bottom] = paddingOf(height, kernel[0], stride, padding);
  const [left, right] = paddingOf(width, kernel[1], stride, padding);
  return {
    kernel_shape: { integers: kernel },
    strides: { integers: [stride, stride] },
    pads: { integers: [top, left, bottom, right] },
  };
}

/** TensorFlow's `SAME`: as little as makes ceil(size / stride) windows, the odd one at the end. */
function paddingOf(
  size: number,
  window: number,
  stride: number,
  padding: Padding,
): [before: number, after: number] {
  if (padding === 'valid') return [0, 0];
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + window - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** A kernel [kh, kw, in, out] as [out, in, kh, kw]. */
function toOihw({ shape, data }: NamedTensor): NamedTensor {
  const [height = 0, width = 0, inputs = 0, outputs = 0] = shape;
  const area = height * width;
  const result = new Float32Array(data.length);
  let from = 0;
  for (let position = 0; position < area; position++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        result[(output * inputs + input) * area + position] = data[from++] ?? 0;
      }
    }
  }
  return { shape: [outputs, inputs, height, width], data: result };
}

function scalar(value: number): NamedTensor {
  return { shape: [], data: Float32Array.of(value) };
}

function floatTensor(name: string, { shape, data }: NamedTensor): OnnxTensor {
  const type: ElementType = 'float32';
  return {
    name,
    type,
    shape,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}
