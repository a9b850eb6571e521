/**
 * The model of a bench that is given none: the whole network of the recipe, with the default base's weights where
 * they have been fetched, and a head that nobody trained. How fast it is does not depend on what it has learned.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeBundle } from '../bundle/write.js';
import { DEFAULT_BASE, homeDirectory, LC25000_CLASSES, TOOL_VERSION } from '../config.js';
import { preprocessingSpec } from '../imaging/preprocessing.js';
import { readBase, readBaseRecord, type Base } from '../network/base-store.js';
import { inferShapes, type NetworkGraph } from '../network/graph.js';
import { headGraph } from '../network/head.js';
import { inceptionV3ToMixed7 } from '../network/inception-v3.js';
import { weightsFingerprint, weightShapes } from '../network/weights.js';
import type { TaskOptions } from '../runtime/progress.js';
import { loadTensorflow } from '../runtime/tensorflow.js';
import { exists } from '../storage/existing.js';
import { fingerprint } from '../storage/hash.js';
import { NPY_HEADER_BYTES } from '../storage/npy.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { MersenneTwister } from '../dataset/random-state.js';

/** Changes whenever what is made here does. */
const VERSION = 1;
/** Tiles that 8 bits are calibrated on, and others that judge them. */
const CALIBRATION_TILES = 24;
const CHECK_TILES = 24;

/**
 * Makes it once and keeps it beside the bases.
 * @param tiles the path of an .npy of uint8 tiles, 48 or more, in any order but by class
 * @returns the folder of the bundle
 * @throws LungclsError as writeBundle and loadTensorflow
 */
export async function defaultModel(
  tiles: { path: string; size: number },
  task: TaskOptions,
): Promise<string> {
  const record = await readBaseRecord(DEFAULT_BASE);
  const base = record?.fingerprint ?? 'random';
  const key = fingerprint({ version: VERSION, tool: TOOL_VERSION, base, size: tiles.size });
  const directory = join(homeDirectory(), 'bench', `model-${key.slice(0, 12)}`);
  if (await exists(directory)) return directory;
  await mkdir(dirname(directory), { recursive: true });
  task.onMessage?.('Making a model to measure, once', 'info');
  const size = tiles.size;
  const file = await readFile(tiles.path);
  const tileBytes = size * size * 3;
  const some = (first: number, count: number): Uint8Array =>
    file.subarray(
      NPY_HEADER_BYTES + first * tileBytes,
      NPY_HEADER_BYTES + (first + count) * tileBytes,
    );
  const network = inceptionV3ToMixed7();
  const features = inferShapes(network, [size, size, 3]).get(network.output) ?? [];
  await writeBundle({
    ...task,
    directory,
    base: (await readBase(DEFAULT_BASE)) ?? randomBase(network, size),
    headWeights: randomWeights(headGraph({ classes: LC25000_CLASSES.length }), features, 2),
    classes: LC25000_CLASSES,
    spec: preprocessingSpec(size),
    pixels: 'inception',
    training: { note: 'not trained: made by bench to be measured' },
    metrics: {},
    tensorflow: await loadTensorflow(),
    checkTiles: some(CALIBRATION_TILES, CHECK_TILES),
    quantization: { calibrationTiles: some(0, CALIBRATION_TILES) },
  });
  return directory;
}

function randomBase(network: NetworkGraph, size: number): Base {
  const weights = randomWeights(network, [size, size, 3], 1);
  return {
    id: 'random',
    name: 'InceptionV3 with random weights',
    description: 'To be measured.',
    licence: 'none',
    source: 'bench',
    fingerprint: weightsFingerprint(weights),
    weights,
  };
}

/** He's scaling of kernels, so that signals neither die nor explode over 70 layers (arXiv:1502.01852). */
function randomWeights(
  graph: NetworkGraph,
  inputShape: readonly number[],
  seed: number,
): Map<string, NamedTensor> {
  const twister = new MersenneTwister(seed);
  const random = (): number => twister.uint32() / 2 ** 32;
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of weightShapes(graph, inputShape)) {
    const length = shape.reduce((a, b) => a * b, 1);
    const kind = name.slice(name.lastIndexOf('/') + 1);
    const scale = Math.sqrt(6 / (length / (shape.at(-1) ?? 1)));
    const value = (): number => {
      if (kind === 'kernel') return scale * (2 * random() - 1);
      return kind === 'gamma' || kind === 'moving_variance' ? 0.5 + random() : 0.2 * random() - 0.1;
    };
    weights.set(name, { shape, data: Float32Array.from({ length }, value) });
  }
  return weights;
}
