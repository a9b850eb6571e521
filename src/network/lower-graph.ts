/**
 * A network as a tfjs graph model: TensorFlow's GraphDef as JSON, and weights beside it. It is what
 * `tf.loadGraphModel` opens and what tf2onnx reads (`--tfjs`, tf2onnx/tfjs_utils.py): nodes in an order
 * in which inputs come first, constants by name in the weights, outputs named as their nodes are. Only
 * plain operators: the arguments of the fused ones changed between versions of TensorFlow.
 * github.com/tensorflow/tensorflow: core/framework/{graph,node_def,attr_value}.proto
 */
import { LungclsError } from '../errors.js';
import type { Network, NetworkNode } from './graph.js';
import { inferShapes, inputsOf } from './graph.js';
import { tensorOf } from './weights.js';

export interface GraphModelWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly data: Float32Array | Int32Array;
}

export interface GraphModelData {
  /** `modelTopology` of a model.json: a GraphDef. */
  readonly topology: JsonObject;
  /** `signature` of a model.json: a SignatureDef. */
  readonly signature: JsonObject;
  readonly weights: readonly GraphModelWeight[];
}

export interface LowerGraphOptions {
  /** Name of the output that `predict` gives. */
  readonly output: string;
  /** Names for further nodes, which `execute` gives by name: new name -> the network's. */
  readonly extraOutputs?: Readonly<Record<string, string>>;
}

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

/** GraphDef version of TensorFlow 2; readers only compare it with ranges. */
const PRODUCER = 1645;

const FLOAT: JsonObject = { type: 'DT_FLOAT' };
const INT32: JsonObject = { type: 'DT_INT32' };
const PIXEL = 'DT_UINT8';

/**
 * The model takes `tiles` [N, S, S, 3], uint8 to TensorFlow, int32 to TensorFlow.js, which has no bytes.
 * @param network without BatchNormalization and Dropout
 * @throws LungclsError INTERNAL for a node that has to be rewritten first
 */
export function lowerToGraphModel(network: Network, options: LowerGraphOptions): GraphModelData {
  const { graph, inputShape } = network;
  const shapes = inferShapes(graph, inputShape);
  const build = new GraphBuilder();
  const names = new Map([[graph.output, options.output]]);
  for (const [name, node] of Object.entries(options.extraOutputs ?? {})) names.set(node, name);
  const nameOf = (name: string): string => names.get(name) ?? name;

  const lower = (node: NetworkNode): void => {
    const name = nameOf(node.name);
    const inputs = inputsOf(node).map((input) =>
      input === graph.input ? PIXELS_NODE : nameOf(input),
    );
    const [input = ''] = inputs;
    const weight = (kind: string): string => {
      const { shape, data } = tensorOf(network.weights, `${node.name}/${kind}`);
      return build.constant({ name: `${name}/${kind}`, shape, dtype: 'float32', data });
    };
    switch (node.op) {
      case 'rescale': {
        const scale = build.scalar(`${name}/scale`, node.scale);
        const scaled = build.add('Mul', `${name}/scaled`, [input, scale], { T: FLOAT });
        const offset = build.scalar(`${name}/offset`, node.offset);
        build.add('AddV2', name, [scaled, offset], { T: FLOAT });
        return;
      }
      case 'conv': {
        const attributes = {
          ...windowOf(node),
          dilations: integers([1, 1, 1, 1]),
          explicit_paddings: { list: {} },
          use_cudnn_on_gpu: { b: true },
        };
        const product = node.bias ? `${name}/product` : name;
        build.add('Conv2D', product, [input, weight('kernel')], attributes);
        if (node.bias) build.add('BiasAdd', name, [product, weight('bias')], BIAS);
        return;
      }
      case 'maxPool':
      case 'averagePool': {
        const ksize = integers([1, node.size, node.size, 1]);
        const type = node.op === 'maxPool' ? 'MaxPool' : 'AvgPool';
        build.add(type, name, [input], { ...windowOf(node), ksize });
        return;
      }
      case 'relu':
        build.add('Relu', name, [input], { T: FLOAT });
        return;
      case 'concat': {
        const axis = build.integers(`${name}/axis`, [], [-1]);
        const attributes = { N: { i: String(inputs.length) }, T: FLOAT, Tidx: INT32 };
        build.add('ConcatV2', name, [...inputs, axis], attributes);
        return;
      }
      case 'flatten': {
        const [length = 0] = shapes.get(node.name) ?? [];
        const shape = build.integers(`${name}/shape`, [2], [-1, length]);
        build.add('Reshape', name, [input, shape], { T: FLOAT, Tshape: INT32 });
        return;
      }
      case 'globalAveragePool': {
        const axes = build.integers(`${name}/axes`, [2], [1, 2]);
        const attributes = { T: FLOAT, Tidx: INT32, keep_dims: { b: false } };
        build.add('Mean', name, [input, axes], attributes);
        return;
      }
      case 'dense': {
        const transpose = { transpose_a: { b: false }, transpose_b: { b: false } };
        const product = `${name}/product`;
        build.add('MatMul', product, [input, weight('kernel')], { T: FLOAT, ...transpose });
        build.add('BiasAdd', name, [product, weight('bias')], BIAS);
        return;
      }
      case 'softmax':
        build.add('Softmax', name, [input], { T: FLOAT });
        return;
      case 'batchNormalization':
      case 'dropout':
        throw new LungclsError(
          'INTERNAL',
          `${node.op} ${node.name} was not folded before lowering`,
        );
    }
  };

  const tilesShape = shapeOf([-1, ...inputShape]);
  const placeholder = { dtype: { type: PIXEL }, shape: { shape: tilesShape } };
  build.add('Placeholder', graph.input, [], placeholder);
  const cast = { SrcT: { type: PIXEL }, DstT: FLOAT, Truncate: { b: false } };
  build.add('Cast', PIXELS_NODE, [graph.input], cast);
  for (const node of graph.nodes) lower(node);

  const outputShape = shapeOf([-1, ...(shapes.get(graph.output) ?? [])]);
  return {
    topology: { node: build.nodes, library: {}, versions: { producer: PRODUCER } },
    signature: {
      inputs: {
        [graph.input]: { name: `${graph.input}:0`, dtype: PIXEL, tensorShape: tilesShape },
      },
      outputs: {
        [options.output]: {
          name: `${options.output}:0`,
          dtype: 'DT_FLOAT',
          tensorShape: outputShape,
        },
      },
    },
    weights: build.weights,
  };
}

/** The tiles as floats. */
const PIXELS_NODE = 'pixels';
const NHWC = text('NHWC');
const BIAS = { T: FLOAT, data_format: NHWC };

class GraphBuilder {
  readonly nodes: JsonObject[] = [];
  readonly weights: GraphModelWeight[] = [];

  add(op: string, name: string, inputs: readonly string[], attr: JsonObject): string {
    this.nodes.push({ name, op, ...(inputs.length === 0 ? {} : { input: inputs }), attr });
    return name;
  }

  constant(weight: GraphModelWeight): string {
    this.weights.push(weight);
    const type = weight.dtype === 'float32' ? FLOAT : INT32;
    const tensor = { dtype: type['type'] ?? '', tensorShape: shapeOf(weight.shape) };
    return this.add('Const', weight.name, [], { dtype: type, value: { tensor } });
  }

  scalar(name: string, value: number): string {
    return this.constant({ name, shape: [], dtype: 'float32', data: Float32Array.of(value) });
  }

  integers(name: string, shape: readonly number[], values: readonly number[]): string {
    return this.constant({ name, shape, dtype: 'int32', data: Int32Array.from(values) });
  }
}

function windowOf(node: { stride: number; padding: 'same' | 'valid' }): Record<string, JsonObject> {
  return {
    T: FLOAT,
    data_format: NHWC,
    padding: text(node.padding.toUpperCase()),
    strides: integers([1, node.stride, node.stride, 1]),
  };
}

/** Bytes are base64 in protobuf's JSON, 64-bit integers text. */
function text(value: string): JsonObject {
  return { s: Buffer.from(value).toString('base64') };
}

function integers(values: readonly number[]): JsonObject {
  return { list: { i: values.map(String) } };
}

function shapeOf(sizes: readonly number[]): JsonObject {
  return sizes.length === 0 ? {} : { dim: sizes.map((size) => ({ size: String(size) })) };
}
