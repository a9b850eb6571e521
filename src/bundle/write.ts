/** Writes a model bundle, and lets it exist only if its files agree with each other. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RESEARCH_NOTICE, TOOL_VERSION } from '../config.js';
import type { DomainModel } from '../domain/domain.js';
import { encodeDomain } from '../domain/file.js';
import { LungclsError, writeError } from '../errors.js';
import { preprocessingFingerprint, type PreprocessingSpec } from '../imaging/preprocessing.js';
import type { Base } from '../network/bases.js';
import { classifierNetwork, type ClassifierOptions, type Pixels } from '../network/compose.js';
import { describeHead, headGraph, type HeadKind } from '../network/head.js';
import { lowerToLayersModel } from '../network/lower-tfjs.js';
import { weightShapes, type Weights } from '../network/weights.js';
import type { ImageStatistics } from '../onnx/calibration.js';
import { wholeModel } from '../onnx/export.js';
import { toFloat16 } from '../onnx/float16.js';
import { encodeModel, type OnnxModel } from '../onnx/model.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import type { Tensorflow } from '../runtime/tensorflow.js';
import { fsyncDirectory, writeFileAtomic } from '../storage/atomic.js';
import { joinSmall } from '../storage/chunks.js';
import {
  firstTiles,
  largestDifference,
  onnxProbabilities,
  requireAgreement,
  tfjsProbabilities,
  TOLERANCE,
  type CheckTiles,
} from './agreement.js';
import { factsOf, writeLayersModel } from './layers-model.js';
import {
  BUNDLE_FORMAT,
  BUNDLE_VERSION,
  CARD_FILE,
  describeModel,
  DOMAIN_FILE,
  DOMAIN_METADATA_KEY,
  FP16_FILE,
  INT8_FILE,
  METADATA_FILE,
  ONNX_FILE,
  ONNX_METADATA_KEY,
  parseDescription,
  QUANTIZATION_METADATA_KEY,
  TFJS_FOLDER,
  type FileFacts,
  type JsonRecord,
  type ModelDescription,
  type ModelMetadata,
  type QuantizationFacts,
} from './metadata.js';
import { calibrateModel, judgeInt8 } from './int8.js';
import type { Calibration } from './calibration.js';
import { modelCard } from './model-card.js';
import type { StudyFacts } from './study.js';

export interface WriteBundleOptions extends TaskOptions {
  /** Where the bundle will stand; replaced if it exists. Its parent exists. */
  directory: string;
  base: Base;
  /** `recipe` by default. */
  head?: HeadKind;
  /** Rate of the head's Dropout; its own by default. */
  dropout?: number;
  /** Of the head, by headGraph's names. */
  headWeights: Weights;
  classes: readonly string[];
  spec: PreprocessingSpec;
  pixels: Pixels;
  /** Settings of the training, for lungcls.json and the model card. */
  training: JsonRecord;
  /** Figures of the model, for the same. */
  metrics: JsonRecord;
  /** The temperature of its probabilities, where one was fitted. */
  calibration?: Calibration | undefined;
  /** What the training tiles are like, where there were enough. */
  domain?: DomainModel | undefined;
  /** What the model card says of the study beside that. */
  study?: StudyFacts | undefined;
  /** Where the tfjs model is run for the comparison. */
  tensorflow: Tensorflow;
  /**
   * Held-out tiles to compare the files on: uint8 (n, S, S, 3) RGB, n at least 1. The 8-bit file is judged
   * on all of them; the others, which differ by roundings alone, on the first few.
   */
  checkTiles: Uint8Array;
  /** For the 8-bit file; without it there is none. */
  quantization?: {
    /** Training tiles, to measure its scales on; never held-out ones, which have to judge it. */
    calibrationTiles: Uint8Array;
    /** What the base gave for these very tiles, where that is known: it need not be measured again. */
    statistics?: ImageStatistics | undefined;
  };
}

export interface WriteBundleResult {
  /** Largest differences of a probability against the tfjs model, and on how many tiles. */
  agreement: { maxDifference: number; maxDifferenceFp16: number; tiles: number };
  metadata: ModelMetadata;
}

/** Held-out tiles on which files that differ by roundings are compared. */
const ROUNDING_TILES = 16;

/** Steps of the progress that is reported. */
const STEPS = [
  ...(['tfjs', 'onnx', 'fp16', 'int8'] as const),
  ...(['check tfjs', 'check onnx', 'check fp16', 'check int8', 'done'] as const),
];

/**
 * Writes `model.onnx`, `model.fp16.onnx`, `model.int8.onnx` (with `quantization`), `tfjs/`,
 * `lungcls.json`, `MODEL_CARD.md` and, with `domain`, `domain.safetensors`, loads the models and compares them. The folder appears only if
 * they agree; half precision and 8 bits that round too much are left out, with a warning.
 * @throws LungclsError EXPORT_MISMATCH | INVALID_OPTION | DISK_FULL | OUTPUT_UNWRITABLE | ABORTED
 */
export async function writeBundle(options: WriteBundleOptions): Promise<WriteBundleResult> {
  const check = checkTilesOf(options, 'checkTiles', options.checkTiles);
  const { quantization } = options;
  const calibration =
    quantization && checkTilesOf(options, 'calibrationTiles', quantization.calibrationTiles);
  checkHead(options);
  const { directory } = options;
  const building = `${directory}.building`;
  try {
    // What a killed export left is worth nothing: rebuilding takes seconds.
    await rm(building, { recursive: true, force: true });
    await mkdir(building);
  } catch (error) {
    throw writeError(error, building);
  }
  try {
    const result = await build(building, options, check, calibration);
    throwIfAborted(options.signal);
    await fsyncDirectory(building);
    await rm(directory, { recursive: true, force: true });
    await rename(building, directory);
    await fsyncDirectory(dirname(directory));
    return result;
  } catch (error) {
    throw writeError(error, directory);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

async function build(
  folder: string,
  options: WriteBundleOptions,
  check: CheckTiles,
  calibration: CheckTiles | undefined,
): Promise<WriteBundleResult> {
  const { base, headWeights, signal, tensorflow } = options;
  const network = networkOptions(options);
  const description = descriptionOf(options);
  const step = (name: (typeof STEPS)[number]): void => {
    throwIfAborted(signal);
    const done = STEPS.indexOf(name);
    const total = STEPS.length - 1;
    options.onProgress?.({ stage: 'export', done, total, unit: 'steps', note: name });
  };

  step('tfjs');
  const tfjsFolder = join(folder, TFJS_FOLDER);
  const whole = classifierNetwork(base.weights, headWeights, network);
  const layersModel = lowerToLayersModel(whole, 'lungcls');
  const generator = `lungcls-fast ${TOOL_VERSION}`;
  const tfjsFacts = await writeLayersModel(tfjsFolder, layersModel, generator);

  step('onnx');
  const domain = options.domain && encodeDomain(options.domain);
  const metadata = {
    [ONNX_METADATA_KEY]: describeModel(description),
    ...(domain && { [DOMAIN_METADATA_KEY]: Buffer.from(domain).toString('base64') }),
  };
  let model: OnnxModel | undefined = wholeModel(base, headWeights, { ...network, metadata });
  const onnxFacts = await writeModel(join(folder, ONNX_FILE), model);
  step('fp16');
  const fp16Facts = await writeModel(join(folder, FP16_FILE), toFloat16(model));
  let int8Model: OnnxModel | undefined;
  if (calibration !== undefined) {
    step('int8');
    const known = options.quantization?.statistics;
    int8Model = await calibrateModel(model, calibration, { ...options, known });
  }
  model = undefined; // some 190 MB that the sessions below have a better use for

  step('check tfjs');
  const few = firstTiles(check, ROUNDING_TILES);
  const reference = await tfjsProbabilities(tfjsFolder, tensorflow, few, { signal });
  step('check onnx');
  const wanted = int8Model === undefined ? few : check;
  const float32 = await onnxProbabilities(join(folder, ONNX_FILE), wanted, { signal });
  const same = float32.subarray(0, reference.length);
  const maxDifference = requireAgreement(ONNX_FILE, same, reference, TOLERANCE.float32);
  step('check fp16');
  const float16 = await onnxProbabilities(join(folder, FP16_FILE), few, { signal });
  const maxDifferenceFp16 = largestDifference(float16, reference);
  const agreement = { maxDifference, maxDifferenceFp16, tiles: few.count };

  const files: Record<string, FileFacts> = { [ONNX_FILE]: onnxFacts };
  if (maxDifferenceFp16 <= TOLERANCE.float16) files[FP16_FILE] = fp16Facts;
  else {
    // Rounding that a head cannot bear is no reason to lose a training: the float32 model is right.
    await rm(join(folder, FP16_FILE));
    options.onMessage?.(
      `${FP16_FILE} was left out: in half precision the probabilities differ by ` +
        `${String(maxDifferenceFp16)}, more than ${String(TOLERANCE.float16)}`,
      'warning',
    );
  }
  let facts: QuantizationFacts | undefined;
  if (int8Model !== undefined && calibration !== undefined) {
    step('check int8');
    facts = await judgeInt8(int8Model, float32, { calibration, check }, signal);
    if (facts.kept) {
      const strings = { ...metadata, [QUANTIZATION_METADATA_KEY]: JSON.stringify(facts) };
      files[INT8_FILE] = await writeModel(join(folder, INT8_FILE), {
        ...int8Model,
        metadata: strings,
      });
    } else options.onMessage?.(facts.reason, 'warning');
  }
  for (const [name, own] of Object.entries(tfjsFacts)) files[`${TFJS_FOLDER}/${name}`] = own;
  if (domain !== undefined) {
    await writeFileAtomic(join(folder, DOMAIN_FILE), domain);
    files[DOMAIN_FILE] = factsOf([domain]);
  }
  const complete: ModelMetadata = {
    ...description,
    ...(facts === undefined ? {} : { quantization: facts }),
    files,
  };
  await writeFileAtomic(
    join(folder, CARD_FILE),
    modelCard(description, {
      ...agreement,
      hasFp16: FP16_FILE in files,
      study: options.study,
      domain: options.domain,
      ...(facts === undefined ? {} : { quantization: facts }),
    }),
  );
  await writeFileAtomic(join(folder, METADATA_FILE), `${JSON.stringify(complete, null, 2)}\n`);
  step('done');
  return { agreement, metadata: complete };
}

function networkOptions(options: WriteBundleOptions): ClassifierOptions {
  const { pixels, spec, classes, head, dropout } = options;
  return {
    pixels,
    size: spec.size,
    classes: classes.length,
    ...(head === undefined ? {} : { head }),
    ...(dropout === undefined ? {} : { dropout }),
  };
}

async function writeModel(path: string, model: OnnxModel): Promise<FileFacts> {
  const chunks = encodeModel(model);
  await writeFileAtomic(path, joinSmall(chunks));
  return factsOf(chunks);
}

/** Through the reader's eyes: what we write is what it accepts. */
function descriptionOf(options: WriteBundleOptions): ModelDescription {
  const { id, name, source, licence, fingerprint } = options.base;
  const { classes, spec, pixels, training, metrics, calibration } = options;
  const description: ModelDescription = {
    format: BUNDLE_FORMAT,
    version: BUNDLE_VERSION,
    toolVersion: TOOL_VERSION,
    classes,
    preprocessing: spec,
    preprocessingFingerprint: preprocessingFingerprint(spec),
    pixels,
    head: describeHead(headGraph(networkOptions(options))),
    base: { id, name, source, licence, fingerprint },
    training,
    metrics,
    ...(calibration === undefined ? {} : { calibration }),
    notice: RESEARCH_NOTICE,
  };
  return parseDescription(JSON.stringify(description), 'the model to export');
}

function checkTilesOf(
  { spec, classes }: WriteBundleOptions,
  name: string,
  tiles: Uint8Array,
): CheckTiles {
  const { size } = spec;
  const count = tiles.byteLength / (size * size * 3);
  if (count < 1 || !Number.isInteger(count)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one or more whole tiles of ${String(size)} x ${String(size)} x 3 bytes for ${name} ` +
        `but received ${String(tiles.byteLength)} bytes`,
    );
  }
  return { tiles, count, size, classes: classes.length };
}

/** A head of another shape would only be found out by the runtimes, in their own words. */
function checkHead(options: WriteBundleOptions): void {
  const { base, headWeights } = options;
  const network = classifierNetwork(base.weights, headWeights, networkOptions(options));
  for (const [name, shape] of weightShapes(network.graph, network.inputShape)) {
    const found = network.weights.get(name)?.shape;
    if (found?.join() !== shape.join()) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected weight ${name} of shape [${shape.join(', ')}] but received ${found === undefined ? 'none' : `[${found.join(', ')}]`}`,
      );
    }
  }
}
