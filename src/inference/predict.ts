/** Classifies any number of images into a result file: list -> decode -> run -> write, overlapping. */
import type { Readable } from 'node:stream';
import { openBundle, type Bundle } from '../bundle/read.js';
import { listImages } from '../dataset/list.js';
import type { BufferMemory } from '../native/addon.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { checkPreprocessing, type Device, type Engine, type Precision } from './classifier.js';
import { describeInputs, openStore } from './predict-inputs.js';
import { PredictJob } from './predict-job.js';
import { checkPredictOptions, type PredictSettings } from './predict-options.js';
import type { ResultFormat } from './result-format.js';
import type { OutOfDomain } from './results.js';
import type { Shard } from './shard.js';
import { imageInput, storeInput } from './tile-input.js';
import type { TtaMode } from './tta.js';

export interface PredictOptions extends TaskOptions {
  /** A model bundle: the folder that `train` wrote, or the .onnx in it. */
  model: string;
  /**
   * What to classify, in this order: folders (searched through, natural order), .zip, .tar and .tar.gz
   * archives, single images, patterns such as `tiles/**\/*.jpeg`, `-` for a list on `list`. Or one tile
   * store alone, whose tiles are taken as they are. May be empty where there is a `listFile`.
   */
  inputs: readonly string[];
  /** The file to write, or a stream to write to. A stream cannot be resumed. */
  output: string | NodeJS.WritableStream;
  /** By the extension of `output` if it is not given: .csv, .jsonl or .parquet; of a stream csv. */
  format?: ResultFormat;
  /** How many of the best labels to list, each with its probability; none by default. */
  top?: number;
  /** Images whose largest probability is below it get the label `uncertain`; 0 to 1, none by default. */
  threshold?: number;
  /** `d4`: the mean of the probabilities over the eight flips and rotations, at eight times the cost. */
  tta?: TtaMode;
  /**
   * Probabilities after temperature scaling: `true` fails where the model has no temperature, `false` gives the
   * network's own; by default calibrated where it has one. Labels are the same either way.
   */
  calibrated?: boolean;
  /** Classifies only the images of this shard; see shardOfPath for which those are. */
  shard?: Shard;
  /** Where the names for `-` come from: one a line, or separated by NUL where there is one. */
  list?: Readable;
  /** A file of names like `list`; its images come last. */
  listFile?: string;
  /** The names are separated by NUL, whatever the list looks like. */
  nulSeparated?: boolean;
  /** `onnx` by default. */
  engine?: Engine;
  /** `auto` by default. */
  device?: Device;
  /** Which ONNX file of a bundle's folder: `fp32` (default), `fp16`, or `int8`, for CPUs. */
  precision?: Precision;
  /** Tiles a run, 1 to 4096; 32 by default. */
  batchSize?: number;
  /** Threads for decoding and for the network; all that the process may use by default. */
  threads?: number;
  /** Most pixels an image may have; 100 million by default. */
  maxPixels?: number;
  /** Replace the output if it exists. */
  force?: boolean;
}

export interface PredictResult {
  /** The file, or undefined where a stream was written to. */
  output: string | undefined;
  /** Rows in all. */
  rows: number;
  /** Of them, rows that an earlier, stopped process had written. */
  resumedRows: number;
  /** The output was there already, made by the same job of the same images: nothing has been done. */
  alreadyFinished: boolean;
  shard: Shard | undefined;
  /** Images given to each class, and to `uncertain` where there is a threshold. */
  perClass: Record<string, number>;
  /** Images of each status: `ok`, `damaged`, or the code of what was wrong. */
  perStatus: Record<string, number>;
  /** Images unlike the tiles of training, by what is unlike (`blank`, `colour`, `content`); null: the model cannot tell. */
  outOfDomain: OutOfDomain;
  /** Of this process, from the first tile to the last row. */
  seconds: number;
  tilesPerSecond: number;
  runsOn: string;
  /** By which the logits were divided; null: the probabilities are the network's own. */
  temperature: number | null;
  /** What the images were decoded into; undefined where the tiles came from a store. */
  buffers: BufferMemory | undefined;
}

/**
 * Classifies images and writes one row an image, in the order of the inputs: `path`, `label`, one
 * probability a class under its name, `max_probability`, `entropy_nats` (Shannon's, natural logarithm),
 * `in_domain` (whether the tile is like those of training; all three are empty where the model cannot tell),
 * `domain_score` (0 and above, above 1 outside), `domain_reason` (`blank`, `colour` or `content`; empty inside),
 * with `top` also `top1`, `top1_probability` ..., then `status` (`ok`, `damaged`, `failed`) and
 * `error_code`; a shard also has `row`, its place among all inputs from 0. Probabilities are float32, as
 * text with the fewest digits that give the same float32 back. An image that cannot be read has a status
 * and no label. Memory does not grow with the number of images.
 *
 * A run that was stopped, at whatever moment, is continued by the same call and gives the file that it
 * would have given, byte for byte; from the first row on whose image is no longer the input's at that
 * place (by path, size and time of last change) rows are made again. A job that is finished is left alone.
 *
 * @throws LungclsError INVALID_OPTION | INPUT_NOT_FOUND | INPUT_EMPTY | MODEL_INVALID |
 *   PREPROCESSING_MISMATCH | OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | BUSY |
 *   DEVICE_UNAVAILABLE | BACKEND_UNAVAILABLE | ABORTED, and the codes of archives
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const settings = checkPredictOptions(options);
  throwIfAborted(options.signal);
  const bundle = await openBundle(options.model, settings);
  const store = await openStore(options.inputs, options.listFile);
  if (store === undefined) return await predictImages(bundle, options, settings);
  try {
    const { preprocessing, preprocessingFingerprint } = bundle.metadata;
    checkPreprocessing(
      { preprocessing, preprocessingFingerprint },
      {
        spec: store.spec,
        fingerprint: store.preprocessingFingerprint,
        name: store.directory,
      },
    );
    const job = new PredictJob(bundle, options, settings, { store: store.fingerprint });
    return await job.run(storeInput(store, settings.batchSize));
  } finally {
    store.close();
  }
}

async function predictImages(
  bundle: Bundle,
  options: PredictOptions,
  settings: PredictSettings,
): Promise<PredictResult> {
  const { inputs, list, listFile, nulSeparated, signal } = options;
  const { batchSize, threads, maxPixels } = settings;
  const separator = nulSeparated === true ? '\0' : undefined;
  const job = new PredictJob(bundle, options, settings, {
    inputs: await describeInputs(inputs),
    listFile: await describeInputs(listFile === undefined ? [] : [listFile]),
    maxPixels,
  });
  return await job.run(
    imageInput({
      list: () => listImages(inputs, { list, listFile, separator, signal }),
      countable: !inputs.includes('-'),
      preprocessing: bundle.metadata.preprocessing,
      batchSize,
      threads,
      maxPixels,
      signal,
      onBuffers: (memory) => {
        job.buffers = memory;
      },
    }),
  );
}
