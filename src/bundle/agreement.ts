/** The gate of every export: do the files that were written compute what they should? */
import { LungclsError } from '../errors.js';
import type { NamedTensorMap, Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { GraphModelData } from '../network/lower-graph.js';
import { throwIfAborted } from '../runtime/abort.js';
import { createOnnxSession } from '../runtime/onnx-session.js';
import type { Progress } from '../runtime/progress.js';
import type { Tensorflow } from '../runtime/tensorflow.js';
import { PROBABILITIES_OUTPUT } from '../onnx/export.js';
import { layersModelHandler } from './layers-model.js';

/** Largest difference of a probability that an export may have against tfjs. */
export const TOLERANCE = { float32: 1e-4, float16: 5e-3 } as const;

/** Tiles a run: small, as both engines hold a batch's activations. */
const BATCH = 8;

export interface SomeTiles {
  /** uint8, (count, size, size, 3), RGB. */
  readonly tiles: Uint8Array;
  readonly count: number;
  readonly size: number;
}

/** Progress is in tiles. */
export interface CheckTask {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CheckTiles extends SomeTiles {
  readonly classes: number;
}

/** The first tiles, at most so many. */
export function firstTiles(all: CheckTiles, most: number): CheckTiles {
  const count = Math.min(all.count, most);
  return { ...all, count, tiles: all.tiles.subarray(0, count * all.size * all.size * 3) };
}

/**
 * Probabilities of the layers model in a folder, (count, classes).
 * @throws LungclsError MODEL_INVALID | INPUT_UNREADABLE | ABORTED
 */
export async function tfjsProbabilities(
  folder: string,
  tensorflow: Tensorflow,
  check: CheckTiles,
  task: CheckTask,
): Promise<Float32Array> {
  const model = await tensorflow.tf.loadLayersModel(layersModelHandler(folder));
  return runTfjs(model, (tiles) => model.predictOnBatch(tiles), tensorflow, check, task);
}

/**
 * Probabilities of a graph model, (count, classes).
 * @throws LungclsError MODEL_INVALID (TensorFlow.js does not take it) | ABORTED
 */
export async function graphModelProbabilities(
  { topology, signature, weights }: GraphModelData,
  tensorflow: Tensorflow,
  check: CheckTiles,
  task: CheckTask,
): Promise<Float32Array> {
  const model = await tensorflow.tf.loadGraphModel({
    load: () =>
      Promise.resolve({
        modelTopology: topology,
        signature,
        weightSpecs: weights.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })),
        weightData: weights.map(({ data }) => bytesOf(data)),
      }),
  });
  return runTfjs(model, (tiles) => model.predict(tiles), tensorflow, check, task);
}

/** Runs a model batch by batch and frees it. */
async function runTfjs(
  model: { dispose(): unknown },
  predict: (tiles: Tensor4D) => Tensor | Tensor[] | NamedTensorMap,
  { tf }: Tensorflow,
  check: CheckTiles,
  { onProgress, signal }: CheckTask,
): Promise<Float32Array> {
  const result = new Float32Array(check.count * check.classes);
  try {
    for (const { first, tiles, shape } of batches(check)) {
      throwIfAborted(signal);
      onProgress?.({ stage: 'check tfjs', done: first, total: check.count, unit: 'tiles' });
      const output = tf.tidy(() => {
        const predicted = predict(tf.tensor4d(Int32Array.from(tiles), shape, 'int32'));
        return predicted instanceof tf.Tensor ? predicted : Object.values(predicted)[0];
      });
      if (output === undefined) throw new LungclsError('INTERNAL', 'The tfjs model has no output');
      result.set(await output.data<'float32'>(), first * check.classes);
      output.dispose();
    }
  } finally {
    model.dispose();
  }
  return result;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): ArrayBuffer {
  return Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)).buffer;
}

/**
 * Probabilities of an ONNX model on the CPU, (count, classes).
 * @param model its path or its bytes
 * @throws LungclsError MODEL_INVALID | ABORTED
 */
export async function onnxProbabilities(
  model: string | Uint8Array,
  check: CheckTiles,
  { onProgress, signal }: CheckTask,
): Promise<Float32Array> {
  const session = await createOnnxSession({ model, device: 'cpu', signal });
  const result = new Float32Array(check.count * check.classes);
  try {
    for (const { first, tiles, shape } of batches(check)) {
      onProgress?.({ stage: 'check onnx', done: first, total: check.count, unit: 'tiles' });
      const outputs = await session.run(tiles, shape, [PROBABILITIES_OUTPUT]);
      const output = outputs.get(PROBABILITIES_OUTPUT);
      if (output === undefined) throw new LungclsError('INTERNAL', 'The ONNX model has no output');
      result.set(output.data, first * check.classes);
    }
  } finally {
    await session.close();
  }
  return result;
}

/**
 * The largest difference, refused if it is above the tolerance.
 * @throws LungclsError EXPORT_MISMATCH
 */
export function requireAgreement(
  file: string,
  found: Float32Array,
  reference: Float32Array,
  tolerance: number,
): number {
  const largest = largestDifference(found, reference);
  if (largest > tolerance) {
    throw new LungclsError(
      'EXPORT_MISMATCH',
      `Expected ${file} to give the probabilities of the trained model within ${String(tolerance)} ` +
        `but they differ by ${String(largest)}`,
    );
  }
  return largest;
}

/** Infinity where either side has no number: a value that is not finite, or none at all. */
export function largestDifference(found: Float32Array, reference: Float32Array): number {
  if (found.length !== reference.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [i, value] of reference.entries()) {
    const difference = Math.abs(value - (found[i] ?? Number.NaN));
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** The tiles in runs of a few, with the shape of each. */
export function* batches({ tiles, count, size }: SomeTiles): Generator<{
  first: number;
  tiles: Uint8Array;
  shape: [number, number, number, number];
}> {
  const tileBytes = size * size * 3;
  for (let first = 0; first < count; first += BATCH) {
    const n = Math.min(BATCH, count - first);
    yield {
      first,
      tiles: tiles.subarray(first * tileBytes, (first + n) * tileBytes),
      shape: [n, size, size, 3],
    };
  }
}
