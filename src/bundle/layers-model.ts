/** tfjs models on disk: model.json and shards, as tensorflowjs_converter writes them. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs';
import { readError, writeError } from '../errors.js';
import type { GraphModelData } from '../network/lower-graph.js';
import type { LayersModelData } from '../network/lower-tfjs.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { parseJson } from '../storage/json.js';
import type { FileChunks } from '../storage/chunks.js';
import { invalid, type FileFacts } from './metadata.js';

export const LAYERS_MODEL_FILE = 'model.json';
/** Large enough for few files, small enough for browsers that load them over a network. */
const SHARD_BYTES = 16 * 1024 * 1024;

interface ModelJson {
  readonly format: 'layers-model' | 'graph-model';
  readonly generatedBy: string;
  readonly convertedBy: null;
  readonly modelTopology: object;
  readonly signature?: object;
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: io.WeightsManifestEntry[];
  }[];
}

/**
 * Writes model.json and its shards into a folder.
 * @returns facts of every file, by name in the folder
 * @throws LungclsError DISK_FULL | OUTPUT_UNWRITABLE
 */
export async function writeLayersModel(
  folder: string,
  model: LayersModelData,
  generatedBy: string,
): Promise<Record<string, FileFacts>> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw writeError(error, folder);
  });
  const facts: Record<string, FileFacts> = {};
  for (const [name, chunks] of layersModelFiles(model, generatedBy)) {
    await writeFileAtomic(join(folder, name), chunks);
    facts[name] = factsOf(chunks);
  }
  return facts;
}

function layersModelFiles(model: LayersModelData, generatedBy: string): Map<string, FileChunks> {
  const weights = model.weights.map((weight) => ({ ...weight, dtype: 'float32' as const }));
  const head = { format: 'layers-model', generatedBy, convertedBy: null } as const;
  return modelFiles({ ...head, modelTopology: model.topology }, weights);
}

/** The files of a graph model by name, model.json last. */
export function graphModelFiles(
  { topology, signature, weights }: GraphModelData,
  generatedBy: string,
): Map<string, FileChunks> {
  const head = { format: 'graph-model', generatedBy, convertedBy: null } as const;
  return modelFiles({ ...head, modelTopology: topology, signature }, weights);
}

function modelFiles(
  head: Omit<ModelJson, 'weightsManifest'>,
  weights: GraphModelData['weights'],
): Map<string, FileChunks> {
  const shards = cut(
    weights.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  const paths = shards.map((_, i) => `group1-shard${String(i + 1)}of${String(shards.length)}.bin`);
  const manifest = weights.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype }));
  const json: ModelJson = { ...head, weightsManifest: [{ paths, weights: manifest }] };
  const files = new Map<string, FileChunks>(paths.map((path, i) => [path, shards[i] ?? []]));
  return files.set(LAYERS_MODEL_FILE, [Buffer.from(JSON.stringify(json))]);
}

/**
 * The layers model in a folder, as data.
 * @throws LungclsError MODEL_INVALID | INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function readLayersModel(
  folder: string,
): Promise<{ topology: unknown; weights: ReadonlyMap<string, NamedTensor> }> {
  const artifacts = await loadArtifacts(folder);
  const bytes = Buffer.concat(artifacts.weightData.map((part) => new Uint8Array(part)));
  if (bytes.length % 4 !== 0) {
    throw invalid(folder, `expected weights of 4 bytes but found ${String(bytes.length)} bytes`);
  }
  // From its beginning on: what Buffer.concat gives may lie anywhere in a pool.
  const values = new Float32Array(Uint8Array.from(bytes).buffer);
  const weights = new Map<string, NamedTensor>();
  let offset = 0;
  for (const { name, shape, dtype } of artifacts.weightSpecs) {
    if (dtype !== 'float32')
      throw invalid(folder, `expected float32 for ${name} but found ${dtype}`);
    const length = shape.reduce((a, b) => a * b, 1);
    weights.set(name, { shape, data: values.subarray(offset, offset + length) });
    offset += length;
  }
  if (offset !== values.length) {
    throw invalid(folder, `expected ${String(offset)} weights but found ${String(values.length)}`);
  }
  return { topology: artifacts.modelTopology, weights };
}

/**
 * For tf.loadLayersModel on any backend: reads the model from a folder.
 * @throws LungclsError (when loading) MODEL_INVALID | INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export function layersModelHandler(folder: string): io.IOHandler {
  return { load: () => loadArtifacts(folder) };
}

async function loadArtifacts(folder: string): Promise<{
  format: string;
  modelTopology: object;
  weightSpecs: io.WeightsManifestEntry[];
  weightData: ArrayBuffer[];
}> {
  const path = join(folder, LAYERS_MODEL_FILE);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw readError(error, path);
  });
  const json = parseModelJson(text, path);
  const weightData: ArrayBuffer[] = [];
  for (const name of json.weightsManifest.flatMap(({ paths }) => paths)) {
    const bytes = await readFile(join(folder, name)).catch((error: unknown) => {
      throw readError(error, join(folder, name));
    });
    weightData.push(Uint8Array.from(bytes).buffer);
  }
  return {
    format: json.format,
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
    weightData,
  };
}

/** @throws LungclsError MODEL_INVALID, saying which field is wrong */
function parseModelJson(text: string, path: string): ModelJson {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw invalid(path, 'expected JSON but it is none', error);
  }
  if (!isObject(json) || !isObject(json['modelTopology'])) {
    throw invalid(path, 'expected an object with a modelTopology');
  }
  const groups = json['weightsManifest'];
  if (!Array.isArray(groups)) throw invalid(path, 'expected a list for weightsManifest');
  for (const [i, group] of (groups as unknown[]).entries()) {
    const { paths, weights } = isObject(group) ? group : {};
    const where = `weightsManifest[${String(i)}]`;
    if (!Array.isArray(paths) || !paths.every(isFileName)) {
      throw invalid(path, `expected names of files beside it for ${where}.paths`);
    }
    if (!Array.isArray(weights) || !weights.every(isWeight)) {
      throw invalid(path, `expected a name, a shape and a dtype for each of ${where}.weights`);
    }
  }
  return json as unknown as ModelJson;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Nothing that leads out of the folder. */
function isFileName(value: unknown): boolean {
  return typeof value === 'string' && /^[^/\\\0]+$/.test(value) && value !== '.' && value !== '..';
}

function isWeight(value: unknown): boolean {
  if (!isObject(value) || typeof value['name'] !== 'string') return false;
  const { shape, dtype } = value;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every((side) => Number.isSafeInteger(side) && Number(side) >= 0)
  );
}

/** SHA-256 and length of chunks in order. */
export function factsOf(chunks: Iterable<Uint8Array>): FileFacts {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Byte strings cut into groups of SHARD_BYTES, the last one shorter. Nothing is copied. */
function cut(pieces: readonly Uint8Array[]): Uint8Array[][] {
  const shards: Uint8Array[][] = [[]];
  let room = SHARD_BYTES;
  for (let piece of pieces) {
    while (piece.byteLength > 0) {
      if (room === 0) {
        shards.push([]);
        room = SHARD_BYTES;
      }
      const part = piece.subarray(0, room);
      shards.at(-1)?.push(part);
      room -= part.byteLength;
      piece = piece.subarray(part.byteLength);
    }
  }
  return shards;
}
