/**
 * An ONNX model as plain data, and its bytes. Only the parts of the schema that we use; field
 * numbers from onnx/onnx.proto3.
 */
import { SEAL_KEY, sealHash } from './metadata.js';
import { MessageWriter } from './protobuf.js';

export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof ELEMENT;

const ATTRIBUTE = { float: 1, integer: 2, integers: 7 } as const;

/**
 * Opset 17 with IR 8: what we write has not changed in later opsets other than by more types, and
 * ONNX Runtime's CUDA provider, like other runtimes, has its kernels for pools registered up to here.
 */
export const OPSET = 17;
export const IR_VERSION = 8;

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Little-endian, C order. */
  readonly bytes: Uint8Array;
}

export type AttributeValue =
  | { readonly integer: number }
  | { readonly float: number }
  | { readonly integers: readonly number[] };

export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly string[];
  /** All our operators have one. */
  readonly output: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** A string is the name of a dimension that is free. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly input: OnnxValue;
  /** What the model is for. */
  readonly output: OnnxValue;
  /** What else can be had from it by name. */
  readonly extraOutputs?: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** All outputs, the one that the model is for first. */
export function outputsOf(model: OnnxModel): readonly OnnxValue[] {
  return [model.output, ...(model.extraOutputs ?? [])];
}

/** The numbers of a float32 tensor, not copied. */
export function floatsOf({ bytes }: OnnxTensor): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
}

/**
 * The file's bytes in pieces, in order; tensors are not copied. A model with metadata is sealed (see
 * metadata.ts).
 */
export function encodeModel(model: OnnxModel): readonly Uint8Array[] {
  const graph = new MessageWriter();
  writeGraph(graph, model);
  const writer = new MessageWriter()
    .integer(1, IR_VERSION)
    .string(2, 'lungcls-fast')
    .message(8, (opset) => opset.string(1, '').integer(2, OPSET));
  // Before the graph, for those who look at the file's beginning.
  for (const [key, value] of Object.entries(sealed(model.metadata, graph))) {
    writer.message(14, (entry) => entry.string(1, key).string(2, value));
  }
  return writer.append(7, graph).chunks;
}

/** The file's bytes in one piece. */
export function modelBytes(model: OnnxModel): Uint8Array {
  return Buffer.concat(encodeModel(model));
}

function sealed(
  strings: Readonly<Record<string, string>>,
  graph: MessageWriter,
): Readonly<Record<string, string>> {
  if (Object.keys(strings).length === 0) return strings;
  const hash = sealHash(strings);
  for (const chunk of graph.chunks) hash.update(chunk);
  return { ...strings, [SEAL_KEY]: hash.digest('hex') };
}

function writeGraph(graph: MessageWriter, model: OnnxModel): void {
  for (const node of model.nodes) {
    graph.message(1, (message) => {
      for (const input of node.inputs) message.string(1, input);
      message.string(2, node.output).string(3, node.name).string(4, node.type);
      for (const [name, value] of Object.entries(node.attributes ?? {})) {
        message.message(5, (attribute) => {
          writeAttribute(attribute.string(1, name), value);
        });
      }
    });
  }
  graph.string(2, model.name);
  for (const tensor of model.initializers) {
    graph.message(5, (message) => {
      message.integers(1, tensor.shape).integer(2, ELEMENT[tensor.type]);
      message.string(8, tensor.name).bytes(9, tensor.bytes);
    });
  }
  graph.message(11, (message) => {
    writeValue(message, model.input);
  });
  for (const output of outputsOf(model)) {
    graph.message(12, (message) => {
      writeValue(message, output);
    });
  }
}

function writeAttribute(message: MessageWriter, value: AttributeValue): void {
  if ('integer' in value) message.integer(3, value.integer).integer(20, ATTRIBUTE.integer);
  else if ('float' in value) message.float(2, value.float).integer(20, ATTRIBUTE.float);
  else message.integers(8, value.integers).integer(20, ATTRIBUTE.integers);
}

function writeValue(message: MessageWriter, value: OnnxValue): void {
  message.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.integer(1, ELEMENT[value.type]).message(2, (shape) => {
        for (const size of value.shape) {
          shape.message(1, (dimension) => {
            if (typeof size === 'number') dimension.integer(1, size);
            else dimension.string(2, size);
          });
        }
      }),
    ),
  );
}
