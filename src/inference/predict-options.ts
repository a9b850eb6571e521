/** Checks what `predict` was called with, and fills in what was left out. */
import { LIMITS } from '../config.js';
import { LungclsError } from '../errors.js';
import { MAX_CLASSES } from '../network/head.js';
import { parseDevice } from '../runtime/device.js';
import { resolveThreads } from '../runtime/threads.js';
import {
  DEFAULT_INFERENCE_BATCH,
  ENGINES,
  PRECISIONS,
  type Device,
  type Engine,
  type Precision,
} from './classifier.js';
import type { PredictOptions } from './predict.js';
import { RESULT_FORMATS, resultFormat, type ResultFormat } from './result-format.js';
import { checkShard, type Shard } from './shard.js';
import { TTA_MODES, type TtaMode } from './tta.js';

/** Beyond this a batch's activations take more memory than any gain is worth. */
const MAX_BATCH = 4096;

export interface PredictSettings {
  engine: Engine;
  device: Device;
  /** Undefined where none was asked for: a folder's fp32, or what a lone file is. */
  precision: Precision | undefined;
  batchSize: number;
  threads: number;
  maxPixels: number;
  format: ResultFormat;
  /** 0: no such columns. */
  top: number;
  threshold: number | undefined;
  tta: TtaMode | undefined;
  /** Undefined: where the model has a temperature. */
  calibrated: boolean | undefined;
  shard: Shard | undefined;
}

/** @throws LungclsError INVALID_OPTION */
export function checkPredictOptions(options: PredictOptions): PredictSettings {
  const { model, inputs, output } = options;
  if (typeof model !== 'string' || model === '') throw invalid('a path', 'model', model);
  if (!Array.isArray(inputs) || (inputs.length === 0 && options.listFile === undefined)) {
    throw invalid('at least one path', 'inputs', inputs);
  }
  if (options.listFile === '') throw invalid('a path', 'listFile', options.listFile);
  for (const input of inputs as readonly unknown[]) {
    if (typeof input !== 'string' || input === '') throw invalid('paths', 'inputs', input);
  }
  const isStream = typeof output === 'object' && typeof output.write === 'function';
  if (!isStream && (typeof output !== 'string' || output === '')) {
    throw invalid('a path or a writable stream', 'output', output);
  }
  if (inputs.includes('-') && options.list === undefined) {
    throw invalid("a readable stream (the inputs name '-')", 'list', options.list);
  }
  if (inputs.filter((input) => input === '-').length > 1) {
    throw invalid("'-' at most once", 'inputs', inputs);
  }
  const engine = oneOf(ENGINES, 'engine', options.engine ?? 'onnx');
  const precision =
    options.precision === undefined ? undefined : oneOf(PRECISIONS, 'precision', options.precision);
  if (engine === 'tfjs' && precision !== undefined && precision !== 'fp32') {
    throw invalid('fp32 (the engine is tfjs)', 'precision', precision);
  }
  return {
    engine,
    precision,
    device: checkedDevice(options.device ?? 'auto'),
    batchSize: positive('batchSize', options.batchSize ?? DEFAULT_INFERENCE_BATCH, MAX_BATCH),
    threads: resolveThreads(options.threads),
    maxPixels: positive('maxPixels', options.maxPixels ?? LIMITS.maxPixels, 2 ** 40),
    format: resultFormat(
      output,
      options.format === undefined ? undefined : oneOf(RESULT_FORMATS, 'format', options.format),
    ),
    top: options.top === undefined ? 0 : positive('top', options.top, MAX_CLASSES),
    threshold: options.threshold === undefined ? undefined : share(options.threshold),
    tta: options.tta === undefined ? undefined : oneOf(TTA_MODES, 'tta', options.tta),
    calibrated: options.calibrated,
    shard: options.shard === undefined ? undefined : checkShard(options.shard),
  };
}

function share(value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw invalid('a probability from 0 to 1', 'threshold', value);
}

function positive(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw invalid(`a positive integer up to ${max}`, name, value);
}

function oneOf<T extends string>(choices: readonly T[], name: string, value: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(`one of ${choices.join(', ')}`, name, value);
  return choice;
}

function invalid(expected: string, name: string, value: unknown): LungclsError {
  const isPlain = typeof value === 'number' || value === undefined;
  const shown = isPlain ? String(value) : JSON.stringify(value);
  return new LungclsError(
    'INVALID_OPTION',
    `Expected ${expected} for ${name} but received ${shown} of type ${typeof value}`,
  );
}

function checkedDevice(device: Device): Device {
  parseDevice(device);
  return device;
}
