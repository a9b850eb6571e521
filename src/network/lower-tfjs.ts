/**
 * A network as a tfjs layers model: standard Keras layers, so that `tf.loadLayersModel` of any
 * TensorFlow.js opens it. The topology is written as data; no TensorFlow is needed to make it.
 * Format: github.com/tensorflow/tfjs/tree/master/tfjs-converter (model.json, weights manifest).
 */
import type { Tf } from '../runtime/tensorflow.js';
import type { Network, NetworkNode } from './graph.js';
import { inputsOf } from './graph.js';
import { tensorOf, weightShapes } from './weights.js';

export interface LayersModelWeight {
  /** `<layer>/<weight>`, by which the loader finds its place. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface LayersModelData {
  /** `modelTopology` of a model.json. */
  readonly topology: JsonObject;
  /** In the order of the layers. */
  readonly weights: readonly LayersModelWeight[];
}

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * The model takes [N, S, S, 3] pixels of 0 to 255 (float32 or int32) where the network takes
 * tiles. BatchNormalization and Dropout stay layers of their own.
 */
export function lowerToLayersModel(network: Network, name: string): LayersModelData {
  const { graph, inputShape, weights } = network;
  const input: JsonObject = {
    name: graph.input,
    class_name: 'InputLayer',
    config: {
      name: graph.input,
      batch_input_shape: [null, ...inputShape],
      dtype: 'float32',
      sparse: false,
    },
    inbound_nodes: [],
  };
  const layers = graph.nodes.map((node): JsonObject => {
    const { className, config } = layerOf(node);
    return {
      name: node.name,
      class_name: className,
      config: { name: node.name, trainable: true, dtype: 'float32', ...config },
      inbound_nodes: [inputsOf(node).map((source) => [source, 0, 0, {}])],
    };
  });
  const topology: JsonObject = {
    class_name: 'Functional',
    config: {
      name,
      layers: [input, ...layers],
      input_layers: [[graph.input, 0, 0]],
      output_layers: [[graph.output, 0, 0]],
    },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  };
  const names = [...weightShapes(graph, inputShape).keys()];
  return {
    topology,
    weights: names.map((weight) => ({ name: weight, ...tensorOf(weights, weight) })),
  };
}

/** Class and configuration by Keras's names; what is not named has Keras's default. */
function layerOf(node: NetworkNode): { className: string; config: JsonObject } {
  switch (node.op) {
    case 'rescale':
      return { className: 'Rescaling', config: { scale: node.scale, offset: node.offset } };
    case 'conv':
      return {
        className: 'Conv2D',
        config: {
          filters: node.filters,
          kernel_size: node.kernel,
          strides: [node.stride, node.stride],
          padding: node.padding,
          data_format: 'channels_last',
          dilation_rate: [1, 1],
          activation: 'linear',
          use_bias: node.bias,
        },
      };
    case 'batchNormalization':
      return {
        className: 'BatchNormalization',
        config: {
          axis: -1,
          momentum: 0.99,
          epsilon: node.epsilon,
          center: true,
          scale: node.scale,
        },
      };
    case 'maxPool':
    case 'averagePool':
      return {
        className: node.op === 'maxPool' ? 'MaxPooling2D' : 'AveragePooling2D',
        config: {
          pool_size: [node.size, node.size],
          strides: [node.stride, node.stride],
          padding: node.padding,
          data_format: 'channels_last',
        },
      };
    case 'concat':
      return { className: 'Concatenate', config: { axis: -1 } };
    case 'flatten':
      return { className: 'Flatten', config: { data_format: 'channels_last' } };
    case 'globalAveragePool':
      return {
        className: 'GlobalAveragePooling2D',
        config: { data_format: 'channels_last' },
      };
    case 'dense':
      return {
        className: 'Dense',
        config: { units: node.units, activation: 'linear', use_bias: true },
      };
    case 'dropout':
      return { className: 'Dropout', config: { rate: node.rate } };
    case 'relu':
    case 'softmax':
      return { className: 'Activation', config: { activation: node.op } };
  }
}

/**
 * A layers model in memory. The caller disposes of it.
 * @param tf of runtime/tensorflow.ts
 */
export async function loadLayersModel(
  tf: Tf,
  { topology, weights }: LayersModelData,
): Promise<import('@tensorflow/tfjs').LayersModel> {
  return tf.loadLayersModel({
    load: () =>
      Promise.resolve({
        modelTopology: topology,
        weightSpecs: weights.map(({ name, shape }) => ({
          name,
          shape: [...shape],
          dtype: 'float32' as const,
        })),
        weightData: weights.map(({ data }) => ownBuffer(data)),
      }),
  });
}

/** An ArrayBuffer with just these values. */
function ownBuffer(data: Float32Array): ArrayBuffer {
  return data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength
    ? data.buffer
    : Float32Array.from(data).buffer;
}
