/**
 * The way back from lower-tfjs.ts: a tfjs layers model that we wrote, as a network again. A bundle keeps
 * its network in this form, with every weight in float32.
 */
import { LungclsError } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';
import type { Network, NetworkNode, Padding } from './graph.js';
import { weightShapes, type Weights } from './weights.js';

/**
 * @param topology `modelTopology` of a model.json
 * @param weights by `<layer>/<weight>`
 * @param where it comes from, for messages
 * @throws LungclsError MODEL_INVALID for a layer that lowerToLayersModel does not write, or a weight that
 * is missing or has another shape
 */
export function raiseLayersModel(topology: unknown, weights: Weights, where: string): Network {
  const read = new Reader(where);
  const config = read.record(read.field(topology, 'config'), 'config');
  const [input, ...layers] = read.list(config['layers'], 'layers');
  const inputShape = read.numbers(read.layerConfig(input)['batch_input_shape'], 'input').slice(1);
  const graph = {
    input: read.text(read.field(input, 'name'), 'name'),
    nodes: layers.map((layer) => read.node(layer)),
    output: read.text(
      read.list(read.list(config['output_layers'], 'output')[0], 'output')[0],
      'output',
    ),
  };
  const selected = new Map<string, NamedTensor>();
  for (const [name, shape] of weightShapes(graph, inputShape)) {
    const tensor = weights.get(name);
    if (tensor?.shape.join() !== shape.join()) {
      const found = tensor === undefined ? 'none' : `[${tensor.shape.join(', ')}]`;
      throw read.invalid(
        `expected a weight ${name} of shape [${shape.join(', ')}] but found ${found}`,
      );
    }
    selected.set(name, tensor);
  }
  return { graph, weights: selected, inputShape };
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads JSON of unknown content, and says what was expected of it. */
class Reader {
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  invalid(why: string): LungclsError {
    return new LungclsError('MODEL_INVALID', `${this.#where}: ${why}`, { path: this.#where });
  }

  node(layer: unknown): NetworkNode {
    const name = this.text(this.field(layer, 'name'), 'name');
    const kind = this.text(this.field(layer, 'class_name'), `the class of ${name}`);
    const config = this.layerConfig(layer);
    const inputs = this.#inputs(layer);
    const [input = ''] = inputs;
    const number = (field: string): number => this.number(config[field], `${name}.${field}`);
    const first = (field: string): number =>
      this.numbers(config[field], `${name}.${field}`)[0] ?? 0;
    switch (kind) {
      case 'Rescaling':
        return { op: 'rescale', name, input, scale: number('scale'), offset: number('offset') };
      case 'Conv2D': {
        const [height = 0, width = 0] = this.numbers(config['kernel_size'], `${name}.kernel_size`);
        return {
          ...{ op: 'conv', name, input },
          filters: number('filters'),
          kernel: [height, width],
          stride: first('strides'),
          padding: this.#padding(config, name),
          bias: config['use_bias'] === true,
        };
      }
      case 'BatchNormalization': {
        const scale = config['scale'] === true;
        return { op: 'batchNormalization', name, input, epsilon: number('epsilon'), scale };
      }
      case 'MaxPooling2D':
      case 'AveragePooling2D':
        return {
          op: kind === 'MaxPooling2D' ? 'maxPool' : 'averagePool',
          ...{ name, input, size: first('pool_size'), stride: first('strides') },
          padding: this.#padding(config, name),
        };
      case 'Concatenate':
        return { op: 'concat', name, inputs };
      case 'Flatten':
        return { op: 'flatten', name, input };
      case 'GlobalAveragePooling2D':
        return { op: 'globalAveragePool', name, input };
      case 'Dense':
        return { op: 'dense', name, input, units: number('units') };
      case 'Dropout':
        return { op: 'dropout', name, input, rate: number('rate') };
      case 'Activation': {
        const activation = config['activation'];
        if (activation === 'relu' || activation === 'softmax')
          return { op: activation, name, input };
        throw this.invalid(`expected relu or softmax for layer ${name}`);
      }
      default:
        throw this.invalid(`expected a layer that lungcls-fast writes but ${name} is a ${kind}`);
    }
  }

  layerConfig(layer: unknown): JsonObject {
    return this.record(this.field(layer, 'config'), "a layer's config");
  }

  #inputs(layer: unknown): string[] {
    const [calls] = this.list(this.field(layer, 'inbound_nodes'), 'inbound_nodes');
    return this.list(calls, 'inbound_nodes').map((call) =>
      this.text(this.list(call, 'inbound_nodes')[0], 'inbound_nodes'),
    );
  }

  #padding(config: JsonObject, name: string): Padding {
    const { padding } = config;
    if (padding === 'same' || padding === 'valid') return padding;
    throw this.invalid(`expected same or valid for the padding of layer ${name}`);
  }

  record(value: unknown, what: string): JsonObject {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
    throw this.invalid(`expected an object for ${what}`);
  }

  field(value: unknown, name: string): unknown {
    return this.record(value, `what has the field ${name}`)[name];
  }

  list(value: unknown, what: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    throw this.invalid(`expected a list for ${what}`);
  }

  text(value: unknown, what: string): string {
    if (typeof value === 'string') return value;
    throw this.invalid(`expected text for ${what}`);
  }

  number(value: unknown, what: string): number {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.invalid(`expected a number for ${what}`);
  }

  /** A list of numbers; null, which stands for a free dimension, becomes 0. */
  numbers(value: unknown, what: string): number[] {
    return this.list(value, what).map((item) => (item === null ? 0 : this.number(item, what)));
  }
}
