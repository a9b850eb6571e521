/** lungcls.json: everything about a model that is not weights. Also inside every .onnx we write. */
import { LungclsError } from '../errors.js';
import {
  parsePreprocessingSpec,
  preprocessingFingerprint,
  type PreprocessingSpec,
} from '../imaging/preprocessing.js';
import { PIXELS, type Pixels } from '../network/compose.js';
import { MAX_CLASSES, MIN_CLASSES } from '../network/head.js';
import { canonicalJson, type Json } from '../storage/hash.js';
import { parseJson } from '../storage/json.js';
import { isCalibration, type Calibration } from './calibration.js';

export const BUNDLE_FORMAT = 'lungcls-bundle';
/** Version 2 may have a calibration. */
export const BUNDLE_VERSION = 2;
/** Versions that are read. */
const BUNDLE_VERSIONS = [1, BUNDLE_VERSION] as const;

/** Files of a bundle, by their place in its folder. */
export const METADATA_FILE = 'lungcls.json';
export const ONNX_FILE = 'model.onnx';
export const FP16_FILE = 'model.fp16.onnx';
export const INT8_FILE = 'model.int8.onnx';
export const TFJS_FOLDER = 'tfjs';
export const CARD_FILE = 'MODEL_CARD.md';
/** What the training tiles are like, where that was looked at. */
export const DOMAIN_FILE = 'domain.safetensors';

/** The ONNX files, by the numbers they calculate with. */
export const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];
export const PRECISION_FILES: Readonly<Record<Precision, string>> = {
  fp32: ONNX_FILE,
  fp16: FP16_FILE,
  int8: INT8_FILE,
};

/** Key of the JSON among an ONNX file's strings. */
export const ONNX_METADATA_KEY = METADATA_FILE;
/** Key of the QuantizationFacts, as JSON, among the strings of the 8-bit file. */
export const QUANTIZATION_METADATA_KEY = 'lungcls.quantization';

/** Key of the same file in base64 among an ONNX file's strings. */
export const DOMAIN_METADATA_KEY = DOMAIN_FILE;

export interface FileFacts {
  /** Hex. */
  readonly sha256: string;
  readonly bytes: number;
}

export interface BundleBase {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly licence: string;
  readonly fingerprint: string;
}

export type JsonRecord = Readonly<Record<string, Json>>;

/** What stands in every copy of the metadata. */
export interface ModelDescription {
  readonly format: typeof BUNDLE_FORMAT;
  readonly version: (typeof BUNDLE_VERSIONS)[number];
  readonly toolVersion: string;
  /** Names of the outputs, in order. */
  readonly classes: readonly string[];
  readonly preprocessing: PreprocessingSpec;
  readonly preprocessingFingerprint: string;
  readonly pixels: Pixels;
  /** The trained head in words; empty where it is not said. */
  readonly head: string;
  readonly base: BundleBase;
  /** The settings it was trained with, as the run recorded them. */
  readonly training: JsonRecord;
  /** Its figures, as the run recorded them. */
  readonly metrics: JsonRecord;
  /** The temperature of its probabilities; absent where none was fitted, and in version 1. */
  readonly calibration?: Calibration;
  readonly notice: string;
}

/** How the 8-bit file was made, and how it did on held-out tiles. */
export interface QuantizationFacts {
  readonly method: string;
  /** Training tiles that its scales were measured on. */
  readonly calibrationTiles: number;
  /** Held-out tiles that it was compared on with the float32 file. */
  readonly checkTiles: number;
  /** Share of them that both give the same class, 0 to 1. */
  readonly agreement: number;
  /** Largest difference of a probability. */
  readonly maxDifference: number;
  /** False where it agreed too seldom: then the file is not there. */
  readonly kept: boolean;
  /** Why not; empty where it was kept. */
  readonly reason: string;
}

export interface ModelMetadata extends ModelDescription {
  /** Absent where no 8-bit file was asked for. */
  readonly quantization?: QuantizationFacts;
  /** Facts of the files, by name relative to the folder, `/`-separated. */
  readonly files: Readonly<Record<string, FileFacts>>;
}

/** The description as one text, the same for the same content. */
export function describeModel(description: ModelDescription): string {
  const { format, version, toolVersion, classes, preprocessing, pixels, base } = description;
  const { head, training, metrics, notice, calibration } = description;
  return canonicalJson({
    ...{ format, version, toolVersion, classes, pixels, head, training, metrics, notice },
    // Absent, not null: descriptions of version 1 stay what they were.
    ...(calibration === undefined ? {} : { calibration: { ...calibration } }),
    preprocessing: { ...preprocessing },
    preprocessingFingerprint: description.preprocessingFingerprint,
    base: { ...base },
  });
}

/**
 * Reads a description from JSON text.
 * @param where for messages
 * @throws LungclsError MODEL_INVALID naming the field, what was expected and what was found
 */
export function parseDescription(text: string, where: string): ModelDescription {
  const value = parseObject(text, where);
  const fail = (field: string, expected: string): never => {
    const found = JSON.stringify(value[field]) as string | undefined;
    throw invalid(where, `expected ${expected} for ${field} but found ${shorten(found)}`);
  };
  if (value['format'] !== BUNDLE_FORMAT) fail('format', JSON.stringify(BUNDLE_FORMAT));
  const version = BUNDLE_VERSIONS.find((known) => known === value['version']);
  if (version === undefined) {
    return fail('version', `${BUNDLE_VERSIONS.join(' or ')}, which this version reads,`);
  }
  const { classes, pixels, base, training, metrics } = value;
  const calibration = version === 1 ? undefined : value['calibration'];
  if (!isClassList(classes)) {
    return fail('classes', `${String(MIN_CLASSES)} to ${String(MAX_CLASSES)} different names`);
  }
  const preprocessing = parsePreprocessingSpec(value['preprocessing']);
  if (preprocessing === undefined) return fail('preprocessing', 'a description that we know');
  const ownFingerprint = preprocessingFingerprint(preprocessing);
  if (value['preprocessingFingerprint'] !== ownFingerprint) {
    return fail('preprocessingFingerprint', ownFingerprint);
  }
  const knownPixels = PIXELS.find((name) => name === pixels);
  if (knownPixels === undefined) return fail('pixels', PIXELS.join(' or '));
  if (!isStringRecord(base)) return fail('base', 'an object of strings');
  const { id, name, source, licence, fingerprint } = base;
  if (id === undefined || fingerprint === undefined) return fail('base', 'an id and a fingerprint');
  if (calibration !== undefined && !isCalibration(calibration)) {
    return fail('calibration', 'a temperature above 0 and how it was fitted');
  }
  return {
    format: BUNDLE_FORMAT,
    version,
    toolVersion: stringOf(value['toolVersion']),
    classes,
    preprocessing,
    preprocessingFingerprint: ownFingerprint,
    pixels: knownPixels,
    head: stringOf(value['head']),
    base: { id, name: name ?? id, source: source ?? '', licence: licence ?? '', fingerprint },
    training: isRecord(training) ? (training as JsonRecord) : fail('training', 'an object'),
    metrics: isRecord(metrics) ? (metrics as JsonRecord) : fail('metrics', 'an object'),
    ...(calibration === undefined ? {} : { calibration }),
    notice: stringOf(value['notice']),
  };
}

/**
 * Reads lungcls.json.
 * @throws LungclsError MODEL_INVALID
 */
export function parseMetadata(text: string, where: string): ModelMetadata {
  const description = parseDescription(text, where);
  const { files, quantization } = parseObject(text, where);
  if (!isRecord(files)) throw invalid(where, 'expected an object for files');
  for (const [name, facts] of Object.entries(files)) {
    if (!isSafeName(name) || !isFileFacts(facts)) {
      throw invalid(
        where,
        `expected a name inside the folder with sha256 and bytes but found ${name}`,
      );
    }
  }
  if (quantization !== undefined && !isQuantizationFacts(quantization)) {
    throw invalid(where, 'expected agreement, kept and reason for quantization');
  }
  return {
    ...description,
    files: files as Record<string, FileFacts>,
    ...(quantization === undefined ? {} : { quantization }),
  };
}

export function invalid(where: string, why: string, cause?: unknown): LungclsError {
  return new LungclsError('MODEL_INVALID', `${where}: ${why}`, { path: where, cause });
}

function parseObject(text: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw invalid(where, 'expected JSON but it is none', error);
  }
  if (!isRecord(value)) throw invalid(where, 'expected a JSON object');
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
}

function isClassList(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length >= MIN_CLASSES &&
    value.length <= MAX_CLASSES &&
    value.every((name) => typeof name === 'string' && name !== '') &&
    new Set(value).size === value.length
  );
}

function isFileFacts(value: unknown): value is FileFacts {
  return (
    isRecord(value) &&
    typeof value['sha256'] === 'string' &&
    /^[0-9a-f]{64}$/.test(value['sha256']) &&
    Number.isSafeInteger(value['bytes'])
  );
}

function isQuantizationFacts(value: unknown): value is QuantizationFacts {
  if (!isRecord(value)) return false;
  const { calibrationTiles, checkTiles, agreement, maxDifference } = value;
  return (
    [calibrationTiles, checkTiles, agreement, maxDifference].every(Number.isFinite) &&
    typeof value['kept'] === 'boolean' &&
    typeof value['method'] === 'string' &&
    typeof value['reason'] === 'string'
  );
}

/** The names come from the file: none may lead out of the folder. */
function isSafeName(name: string): boolean {
  return name.split('/').every((part) => /^[\w][\w.-]*$/.test(part));
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function shorten(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
