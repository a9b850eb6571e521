/**
 * The InceptionV3 inside the npm package nsfwjs: a tfjs layers model whose model.json and shards are
 * wrapped in JavaScript modules (an object literal; base64 strings), weights quantised to uint8 with
 * a scale and a minimum a tensor. The modules are parsed, never run.
 */
import { LungclsError, messageOf } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { parseLiteral, type Literal, type LiteralRecord } from './js-literal.js';
import { byNumber, mapToBase, type SourceLayer } from './layer-mapping.js';

interface QuantizedWeight {
  name: string;
  shape: number[];
  min: number;
  scale: number;
}

/**
 * @param files the package's files by name below its model folder: `model.min.js`, `group1-...min.js`
 * @throws LungclsError BASE_INVALID naming the first part that does not fit
 */
export function readNsfwjsModel(
  files: ReadonlyMap<string, Uint8Array>,
  what: string,
): Map<string, NamedTensor> {
  const manifest = list(record(exported(files, 'model', what))['weightsManifest']);
  if (manifest.length === 0) throw invalid(what, 'model.min.js has no weightsManifest');
  const tensors = new Map<string, NamedTensor>();
  for (const group of manifest.map(record)) {
    const paths = list(group['paths']).filter((item) => typeof item === 'string');
    const shards = paths.map((path) => {
      const text = exported(files, path, what);
      if (typeof text !== 'string') throw invalid(what, `${path}.min.js does not export a string`);
      return Buffer.from(text, 'base64');
    });
    const bytes = Buffer.concat(shards);
    let offset = 0;
    for (const entry of list(group['weights'])) {
      const weight = quantizedWeight(entry, what);
      const count = weight.shape.reduce((a, b) => a * b, 1);
      if (offset + count > bytes.length) {
        throw invalid(what, `the shards end inside weight ${weight.name}`);
      }
      tensors.set(weight.name, dequantize(weight, bytes.subarray(offset, offset + count)));
      offset += count;
    }
    if (offset !== bytes.length) {
      throw invalid(
        what,
        `expected ${offset} bytes of weights but the shards have ${bytes.length}`,
      );
    }
  }
  return mapToBase(
    {
      convolutions: layersOf(tensors, 'conv2d'),
      normalizations: layersOf(tensors, 'batch_normalization'),
    },
    what,
  );
}

/** What the module wraps: the literal after its one `.exports=`. */
function exported(files: ReadonlyMap<string, Uint8Array>, name: string, what: string): Literal {
  const file = files.get(`${name}.min.js`);
  if (file === undefined) throw invalid(what, `there is no ${name}.min.js`);
  const source = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  const marks = [...source.matchAll(/\.exports=(?=["'{])/g)];
  const mark = marks[0];
  if (mark === undefined || marks.length > 1) {
    throw invalid(
      what,
      `expected one exported literal in ${name}.min.js but found ${marks.length}`,
    );
  }
  try {
    return parseLiteral(source, mark.index + mark[0].length);
  } catch (error) {
    throw invalid(what, `${name}.min.js: ${messageOf(error)}`);
  }
}

/** As tfjs does it: in double precision, then rounded to float32. */
function dequantize(weight: QuantizedWeight, bytes: Uint8Array): NamedTensor {
  const data = new Float32Array(bytes.length);
  for (const [index, byte] of bytes.entries()) data[index] = byte * weight.scale + weight.min;
  return { shape: weight.shape, data };
}

function layersOf(tensors: ReadonlyMap<string, NamedTensor>, kind: string): SourceLayer[] {
  const layers = new Map<string, Map<string, NamedTensor>>();
  for (const [name, tensor] of tensors) {
    const [layer = '', weight = ''] = name.split('/');
    if (!new RegExp(`^${kind}(_\\d+)?$`).test(layer)) continue;
    const weights = layers.get(layer) ?? new Map<string, NamedTensor>();
    layers.set(layer, weights.set(weight, tensor));
  }
  return byNumber([...layers].map(([name, weights]) => ({ name, weights })));
}

function quantizedWeight(entry: Literal, what: string): QuantizedWeight {
  const { name, shape, dtype, quantization } = record(entry);
  const { min, scale, dtype: stored } = record(quantization ?? null);
  if (
    typeof name !== 'string' ||
    !Array.isArray(shape) ||
    !shape.every((size) => typeof size === 'number') ||
    dtype !== 'float32' ||
    stored !== 'uint8' ||
    typeof min !== 'number' ||
    typeof scale !== 'number'
  ) {
    throw invalid(what, `weight ${JSON.stringify(name)} is not float32 quantised to uint8`);
  }
  return { name, shape, min, scale };
}

function record(value: Literal): LiteralRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as LiteralRecord)
    : {};
}

function list(value: Literal | undefined): readonly Literal[] {
  return Array.isArray(value) ? (value as readonly Literal[]) : [];
}

function invalid(what: string, message: string): LungclsError {
  return new LungclsError('BASE_INVALID', `${what}: ${message}`);
}
