/** The two paths of a model, tfjs and ONNX Runtime, in every backend, provider and precision that is found. */
import { createRequire } from 'node:module';
import { TOLERANCE } from '../bundle/agreement.js';
import { LEAST_AGREEMENT } from '../bundle/int8.js';
import { openBundle } from '../bundle/read.js';
import type { Precision } from '../bundle/metadata.js';
import { LungclsError } from '../errors.js';
import {
  loadClassifier,
  type Classifier,
  type ClassifierOptions,
} from '../inference/classifier.js';
import { TF_CHOICES, type TfChoice } from '../config.js';
import type { TrialSpec } from './protocol.js';
import type { FloorName } from './results.js';
import type { Found, VariantPlan } from './workload.js';

const require = createRequire(import.meta.url);

interface Engine {
  readonly variant: string;
  readonly name: string;
  readonly kind: 'tfjs' | 'onnx';
  readonly tensorflow?: TfChoice;
  readonly precision: Precision;
  readonly device: 'cpu' | 'cuda';
}

/** The first that is found is the reference of its group: libtensorflow, in float32, is the other side of an export. */
const ENGINES: readonly Engine[] = [
  ...TF_CHOICES.filter((choice) => choice !== 'wasm').map(tfjs),
  ...(['fp32', 'fp16', 'int8'] as const).map((precision) => onnx(precision, 'cpu')),
  // CUDA has no integer kernels.
  ...(['fp32', 'fp16'] as const).map((precision) => onnx(precision, 'cuda')),
  tfjs('wasm'),
];

function tfjs(choice: TfChoice): Engine {
  const variant = choice === 'wasm' ? 'tfjs-wasm' : choice;
  const name = choice === 'wasm' ? 'tfjs (wasm)' : `tfjs (${choice})`;
  return { variant, name, kind: 'tfjs', tensorflow: choice, precision: 'fp32', device: 'cpu' };
}

function onnx(precision: Precision, device: 'cpu' | 'cuda'): Engine {
  const where = device === 'cuda' ? 'cuda-' : '';
  const name = `ONNX Runtime, ${precision}${device === 'cuda' ? ', CUDA' : ''}`;
  return { variant: `onnx-${where}${precision}`, name, kind: 'onnx', precision, device };
}

/** Of each precision's multiply-adds. Half floats are computed in float32 on CPUs. */
const PEAKS: Readonly<Record<Precision, FloorName>> = {
  fp32: 'fp32Gflops',
  fp16: 'fp32Gflops',
  int8: 'int8Gops',
};

export interface EngineChoice {
  /** Without the slowest: a single thread of WebAssembly. */
  readonly fastOnly?: boolean;
  /** The stage that the network is; of the whole trial if it is not given. */
  readonly stage?: string;
}

/** A variant for every engine that is found. */
export function engineVariants(found: Found, { fastOnly, stage }: EngineChoice): VariantPlan[] {
  const here = ENGINES.filter(
    ({ tensorflow, precision, device, kind }) =>
      (tensorflow === undefined || found.tensorflows.includes(tensorflow)) &&
      (kind === 'tfjs' || found.precisions.includes(precision)) &&
      (device === 'cpu' || found.cuda) &&
      !(fastOnly === true && tensorflow === 'wasm'),
  );
  return here.map(({ variant, name, kind, precision, device, tensorflow }) => ({
    ...{ variant, name, kind },
    check: checkOf(precision),
    ...(tensorflow === undefined ? {} : { env: { LUNGCLS_TF: tensorflow } }),
    floors:
      device === 'cuda' || (kind === 'tfjs' && tensorflow === 'wasm')
        ? []
        : [
            {
              ...(stage === undefined ? {} : { stage }),
              floor: PEAKS[precision],
              perTile: found.gigaflopPerTile,
            },
          ],
  }));
}

/** How 8 bits have to agree. */
export const INT8_CHECK = {
  kind: 'classes',
  sameClass: LEAST_AGREEMENT,
  maxDifference: 0.05,
} as const;

/** What an export of the precision has to hold to. */
function checkOf(precision: Precision): VariantPlan['check'] {
  switch (precision) {
    case 'fp32':
      return { kind: 'within', maxDifference: TOLERANCE.float32 };
    case 'fp16':
      return { kind: 'within', maxDifference: TOLERANCE.float16 };
    case 'int8':
      return INT8_CHECK;
  }
}

/** The options of loadClassifier for a variant's name. @throws LungclsError INVALID_OPTION */
export function engineOptions({ variant, batch, threads }: TrialSpec): ClassifierOptions {
  const engine = ENGINES.find((candidate) => candidate.variant === variant);
  if (engine === undefined) {
    throw new LungclsError('INVALID_OPTION', `Expected an engine but received ${variant}`);
  }
  const { kind, precision, device } = engine;
  const common = { batchSize: batch, threads };
  return kind === 'tfjs'
    ? { ...common, engine: 'tfjs' }
    : { ...common, engine: 'onnx', precision, device };
}

export interface OpenedEngine {
  readonly classifier: Classifier;
  readonly versions: Readonly<Record<string, string>>;
}

/** Loads the model of a trial. @throws LungclsError as loadClassifier */
export async function openEngine(spec: TrialSpec): Promise<OpenedEngine> {
  if (spec.model === null) throw new LungclsError('INVALID_OPTION', 'Expected a model');
  const options = engineOptions(spec);
  const bundle = await openBundle(spec.model, options);
  const classifier = await loadClassifier(bundle, options);
  return {
    classifier,
    versions:
      options.engine === 'tfjs'
        ? { '@tensorflow/tfjs': packageVersion('@tensorflow/tfjs') }
        : { 'onnxruntime-node': packageVersion('onnxruntime-node') },
  };
}

/** The version of an installed npm package; `unknown` where it cannot be read. */
export function packageVersion(name: string): string {
  try {
    const facts: unknown = require(`${name}/package.json`);
    const version =
      typeof facts === 'object' && facts !== null && 'version' in facts ? facts.version : undefined;
    return typeof version === 'string' ? version : 'unknown';
  } catch {
    return 'unknown';
  }
}
