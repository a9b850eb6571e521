/** A trained model for other runtimes: from its own network description, and only if it computes the same. */
import { join } from 'node:path';
import {
  graphModelProbabilities,
  onnxProbabilities,
  tfjsProbabilities,
} from '../bundle/agreement.js';
import { describeMethod } from '../bundle/int8.js';
import { graphModelFiles } from '../bundle/layers-model.js';
import {
  describeModel,
  DOMAIN_METADATA_KEY,
  ONNX_METADATA_KEY,
  PRECISION_FILES,
  PRECISIONS,
  type Precision,
} from '../bundle/metadata.js';
import { openBundle, type Bundle } from '../bundle/read.js';
import { TOOL_VERSION } from '../config.js';
import { encodeDomain } from '../domain/file.js';
import { LungclsError } from '../errors.js';
import { encodeModel, modelBytes } from '../onnx/model.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { loadTensorflow, type Tensorflow } from '../runtime/tensorflow.js';
import { refuseExisting } from '../storage/existing.js';
import { compare, GATE, requireFigures, type ExportFigures } from './gate.js';
import { makeGraphModel, makeOnnx, readNetwork, type MadeModel } from './make-model.js';
import type { TriedMethod } from './quantization.js';
import { writeTrees, type OutputTree } from './staged.js';
import { readExportTiles, type ExportTiles } from './tiles.js';
import { tritonFiles, tritonName, tritonNames } from './triton.js';

/** Key of the figures, as JSON, among the strings of an exported ONNX file. */
export const EXPORT_METADATA_KEY = 'lungcls.export';

/**
 * Held-out tiles that judge an export. Probabilities tell with few; that 99.5 % of the classes are the
 * same takes many. tfjs, which they are compared with, takes some 25 ms a tile.
 */
const HELD_OUT_TILES: Readonly<Record<Precision, number>> = { fp32: 128, fp16: 128, int8: 1000 };
const GRAPH_MODEL_FILE = 'model.json';

export interface ExportOptions extends TaskOptions {
  /** A model bundle's folder (`run/model`). */
  model: string;
  /** Of the ONNX model; `fp32` by default. */
  precision?: Precision;
  /** A folder for the .onnx file, named as in a bundle: `model.onnx`, `model.fp16.onnx`, `model.int8.onnx`. */
  output?: string;
  /** A model repository of Triton, to which `lungcls_<precision>/` is added. */
  triton?: string;
  /** A folder for a graph model of TensorFlow.js, always in float32. */
  tfjsGraph?: string;
  /** A tile store; the one that the run was trained on by default. */
  store?: string;
  /** A split file of that store: its validation tiles judge the export. The run's split.csv by default. */
  split?: string;
  /** At most so many held-out tiles: 128 by default, 1,000 for int8. */
  tiles?: number;
  /** Replaces files that are there. */
  force?: boolean;
}

export interface ExportResult {
  readonly precision: Precision;
  /** What was written: the .onnx file, the model's folder in the repository, the graph model's model.json. */
  readonly onnx?: string;
  readonly triton?: string;
  readonly tfjsGraph?: string;
  /** The ONNX model beside the float32 tfjs model; absent where only a graph model was asked for. */
  readonly figures?: ExportFigures;
  readonly tfjsGraphFigures?: ExportFigures;
  /** How 8 bits were made: what was tried on training tiles, and what was taken. */
  readonly quantization?: { readonly chosen: TriedMethod; readonly tried: readonly TriedMethod[] };
}

/**
 * Exports a trained model: BatchNormalization folded, uint8 tiles [N, S, S, 3] in, `probabilities`,
 * `logits` and `pooled_features` out. Everything is compared with the bundle's float32 tfjs model on
 * held-out tiles before anything is written. Largest difference of a probability: 1e-4 in fp32 and of the
 * graph model, 5e-3 in fp16; int8: 99.5 % the same class, accuracy within 0.3 points.
 * @throws LungclsError INVALID_OPTION | INPUT_NOT_FOUND | INPUT_UNREADABLE | MODEL_INVALID | STORE_INVALID |
 *   SPLIT_INVALID | PREPROCESSING_MISMATCH | TOO_FEW_TILES | BACKEND_UNAVAILABLE | EXPORT_MISMATCH |
 *   OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | ABORTED
 */
export async function exportModel(options: ExportOptions): Promise<ExportResult> {
  const { model, precision = 'fp32', output, triton, tfjsGraph, force = false } = options;
  checkOptions(options, precision);
  const wantsOnnx = output !== undefined || triton !== undefined;
  const bundle = await openBundle(model, { engine: 'tfjs' });
  const onnxName = PRECISION_FILES[precision];
  if (!force) {
    const places = [
      ...(output === undefined ? [] : [join(output, onnxName)]),
      ...(triton === undefined ? [] : tritonNames(precision).map((name) => join(triton, name))),
      ...(tfjsGraph === undefined ? [] : [join(tfjsGraph, GRAPH_MODEL_FILE)]),
    ];
    for (const place of places) await refuseExisting(place);
  }
  const { network, tfjs } = await readNetwork(bundle);
  const tiles = await readExportTiles({
    ...{ bundle, model, store: options.store, split: options.split },
    heldOut: options.tiles ?? HELD_OUT_TILES[wantsOnnx ? precision : 'fp32'],
    training: wantsOnnx && precision === 'int8',
  });
  const tensorflow = await loadTensorflow();
  options.onMessage?.(
    `Comparing with tfjs on ${String(tiles.heldOut.count)} held-out tiles, on ${tensorflow.description}`,
    'info',
  );
  const reference = await tfjsProbabilities(tfjs, tensorflow, tiles.heldOut, options);
  const judge = (what: string, kind: Precision, found: Float32Array): ExportFigures => {
    const figures = compare(found, reference, tiles.truth, tiles.heldOut.classes);
    requireFigures(what, kind, figures);
    return figures;
  };

  const { classes } = bundle.metadata;
  const trees: OutputTree[] = [];
  const result: { -readonly [K in keyof ExportResult]: ExportResult[K] } = { precision };
  if (wantsOnnx) {
    const made = await makeOnnx(network, precision, tiles, options);
    const found = await onnxProbabilities(modelBytes(made.model), tiles.heldOut, options);
    const figures = judge(onnxName, precision, found);
    const strings = metadataOf(bundle, { precision, tiles, tensorflow, figures, made });
    const chunks = encodeModel({ ...made.model, metadata: strings });
    if (output !== undefined) {
      trees.push({ folder: output, files: new Map([[onnxName, chunks]]) });
      result.onnx = join(output, onnxName);
    }
    if (triton !== undefined) {
      trees.push({
        folder: triton,
        files: tritonFiles(made.model, chunks, { precision, classes }),
      });
      result.triton = join(triton, tritonName(precision));
    }
    result.figures = figures;
    if (made.quantization !== undefined) result.quantization = made.quantization;
  }
  if (tfjsGraph !== undefined) {
    const data = makeGraphModel(network);
    const found = await graphModelProbabilities(data, tensorflow, tiles.heldOut, options);
    result.tfjsGraphFigures = judge('the graph model', 'fp32', found);
    trees.push({ folder: tfjsGraph, files: graphModelFiles(data, `lungcls-fast ${TOOL_VERSION}`) });
    result.tfjsGraph = join(tfjsGraph, GRAPH_MODEL_FILE);
  }
  throwIfAborted(options.signal);
  await writeTrees(trees);
  return result;
}

function checkOptions(options: ExportOptions, precision: Precision): void {
  const { output, triton, tfjsGraph, tiles } = options;
  if (!PRECISIONS.includes(precision)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one of ${PRECISIONS.join(', ')} for precision but received ${JSON.stringify(precision)}`,
    );
  }
  if (output === undefined && triton === undefined && tfjsGraph === undefined) {
    throw new LungclsError('INVALID_OPTION', 'Expected at least one of output, triton, tfjsGraph');
  }
  if (tiles !== undefined && !(Number.isInteger(tiles) && tiles > 0)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a positive integer for tiles but received ${String(tiles)}`,
    );
  }
}

interface ExportFacts {
  readonly precision: Precision;
  readonly tiles: ExportTiles;
  readonly tensorflow: Tensorflow;
  readonly figures: ExportFigures;
  readonly made: MadeModel;
}

/** What travels inside the file: the model's own description, and how the export was judged. */
function metadataOf(
  { metadata, domain }: Bundle,
  { precision, tiles, tensorflow, figures, made }: ExportFacts,
): Record<string, string> {
  const { quantization } = made;
  const facts = {
    toolVersion: TOOL_VERSION,
    precision,
    reference: `tfjs layers model, float32, ${tensorflow.description}`,
    store: tiles.storeFingerprint,
    ...figures,
    allowed: GATE[precision],
    ...(quantization === undefined
      ? {}
      : {
          quantization: {
            method: describeMethod(quantization.chosen),
            calibrationTiles: tiles.training?.calibration.count,
            choiceTiles: tiles.training?.choice.count,
            tried: quantization.tried,
          },
        }),
  };
  return {
    [ONNX_METADATA_KEY]: describeModel(metadata),
    [EXPORT_METADATA_KEY]: JSON.stringify(facts),
    ...(domain && {
      [DOMAIN_METADATA_KEY]: Buffer.from(encodeDomain(domain)).toString('base64'),
    }),
  };
}
