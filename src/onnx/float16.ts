/**
 * A model in half precision inside: the same input (uint8) and outputs (float32). Softmax stays in
 * float32, and so does normalisation where no convolution took it up: halves would cost accuracy there
 * and save nothing.
 */
import { LungclsError } from '../errors.js';
import { toHalf } from './half.js';
import type { ElementType, OnnxModel, OnnxNode, OnnxTensor } from './model.js';
import { ELEMENT, floatsOf, outputsOf } from './model.js';
import { readersOf } from './quantize-plan.js';

/** Operators that stay in float32. */
const FLOAT32 = new Set(['Mul', 'Add', 'Softmax']);
/** Operators that take halves as they come. */
const HALF = new Set(['Conv', 'Gemm', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'Relu']);
/** Operators that only move values: their type is their input's. */
const ANY = new Set(['Transpose', 'Flatten', 'Identity']);

/** @throws LungclsError INTERNAL for a model that is not of lowerToOnnx's making */
export function toFloat16(model: OnnxModel): OnnxModel {
  const nodes: OnnxNode[] = [];
  const types = new Map<string, ElementType>([[model.input.name, model.input.type]]);
  const outputs = new Set(outputsOf(model).map(({ name }) => name));
  const initializers = new Map<string, OnnxTensor>(model.initializers.map((t) => [t.name, t]));

  /** The value in the wanted type, cast where it is not. */
  const as = (name: string, type: ElementType): string => {
    const tensor = initializers.get(name);
    if (tensor !== undefined) {
      if (type === 'float16' && tensor.type === 'float32') initializers.set(name, halved(tensor));
      return name;
    }
    if (types.get(name) === type) return name;
    // What is an output has been cast to float32 for that; the halves are there too.
    const inner = `${name}/float16`;
    if (type === 'float16' && outputs.has(name) && types.has(inner)) return inner;
    const cast = `${name}/${type}`;
    if (!types.has(cast)) addCast(name, cast, type);
    return cast;
  };
  const addCast = (input: string, output: string, type: ElementType): void => {
    const attributes = { to: { integer: ELEMENT[type] } };
    nodes.push({ name: output, type: 'Cast', inputs: [input], output, attributes });
    types.set(output, type);
  };

  const push = (node: OnnxNode, type: ElementType): void => {
    const { output } = node;
    if (type === 'float16' && outputs.has(output)) {
      const inner = `${output}/float16`;
      nodes.push({ ...node, name: inner, output: inner });
      types.set(inner, type);
      addCast(inner, output, 'float32');
    } else {
      nodes.push(node);
      types.set(output, type);
    }
  };

  for (const node of model.nodes) {
    if (node.type === 'Cast') {
      // Of the pixels; halves hold 0 to 255 as they are.
      const wanted = readersOf(model, node.output).every(({ type }) => HALF.has(type));
      const type = wanted ? 'float16' : 'float32';
      push({ ...node, attributes: { to: { integer: ELEMENT[type] } } }, type);
    } else if (ANY.has(node.type)) push(node, typeOf(types, node));
    else {
      const type = FLOAT32.has(node.type) ? 'float32' : 'float16';
      push({ ...node, inputs: node.inputs.map((name) => as(name, type)) }, type);
    }
  }
  return { ...model, nodes, initializers: [...initializers.values()] };
}

function typeOf(types: ReadonlyMap<string, ElementType>, node: OnnxNode): ElementType {
  const type = types.get(node.inputs[0] ?? '');
  if (type === undefined) {
    throw new LungclsError('INTERNAL', `ONNX node ${node.name} reads a value of unknown type`);
  }
  return type;
}

function halved(tensor: OnnxTensor): OnnxTensor {
  const half = toHalf(floatsOf(tensor));
  return { ...tensor, type: 'float16', bytes: new Uint8Array(half.buffer) };
}
