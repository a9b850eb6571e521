/**
 * Which TensorFlow trains: tfjs-node-gpu, tfjs-node, or the wasm backend, in this order.
 * The choice is made once a process, because tfjs keeps its engine in a global.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { TF_CHOICES, type TfChoice } from '../config.js';
import { LungclsError, messageOf } from '../errors.js';

const require = createRequire(import.meta.url);

/** The tfjs API; on the Node backends with their file handlers in `io`. */
export type Tf = typeof import('@tensorflow/tfjs');

export interface Tensorflow {
  readonly tf: Tf;
  readonly choice: TfChoice;
  /** For people: `tfjs-node-gpu on libtensorflow 2.21.0 (CPU)`. */
  readonly description: string;
  /** Whether tensors live on a GPU. */
  readonly onGpu: boolean;
  /** The choices that come before this one, and why they were not taken. */
  readonly skipped: readonly SkippedTensorflow[];
}

export interface SkippedTensorflow {
  readonly choice: TfChoice;
  readonly reason: string;
}

/** What set-up mends. */
export const SETUP_COMMAND = 'npm run setup (in an installed package: npx lungcls-fast setup)';

const PACKAGES: Record<TfChoice, string> = {
  'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu',
  'tfjs-node': '@tensorflow/tfjs-node',
  wasm: '@tensorflow/tfjs-backend-wasm',
};

/** The folder of an installed package, or undefined. */
function packageDirectory(name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Why a choice cannot be taken on this machine, or undefined if everything it needs is in place.
 * Looks at files alone: nothing is loaded.
 */
export function tensorflowProblem(choice: TfChoice): string | undefined {
  const name = PACKAGES[choice];
  const directory = packageDirectory(name);
  if (directory === undefined) return `the npm package ${name} is not installed`;
  if (choice === 'wasm') return undefined;
  // node-pre-gyp takes the highest version that the package lists and Node has: 8 since Node 16.
  if (!existsSync(join(directory, 'lib', 'napi-v8', 'tfjs_binding.node'))) {
    return `the binding of ${name} has not been built`;
  }
  if (!existsSync(join(directory, 'deps', 'lib'))) {
    return `libtensorflow for ${name} has not been fetched`;
  }
  return undefined;
}

/** The choice that `LUNGCLS_TF` forces, or undefined. @throws LungclsError INVALID_OPTION */
export function forcedTensorflow(env: NodeJS.ProcessEnv = process.env): TfChoice | undefined {
  const value = env['LUNGCLS_TF'];
  if (value === undefined || value === '') return undefined;
  const choice = TF_CHOICES.find((candidate) => candidate === value);
  if (choice === undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one of ${TF_CHOICES.join(', ')} for the environment variable LUNGCLS_TF but received ${JSON.stringify(value)}`,
    );
  }
  return choice;
}

/** The parts of tfjs-node's backend that tell what it runs on. */
interface NodeBackend {
  readonly binding?: { readonly TF_Version?: string };
  readonly isUsingGpuDevice?: boolean;
}

type Loaded = Pick<Tensorflow, 'tf' | 'description' | 'onGpu'>;

function requireNodePackage(choice: 'tfjs-node' | 'tfjs-node-gpu'): Loaded {
  // The package calls two functions that Node 23 removed, or that later ones warn about.
  const legacy: {
    isNullOrUndefined?: (value: unknown) => boolean;
    isArray?: (value: unknown) => boolean;
  } = util;
  legacy.isNullOrUndefined = (value) => value === null || value === undefined;
  legacy.isArray = (value) => Array.isArray(value);
  // libtensorflow's notes on CPU features are of no use here; warnings and errors stay.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  // oneDNN's kernels announce themselves on stderr past every log level, also under --quiet. The head
  // trains as fast without them, and sums in one order.
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0';
  // Its node-pre-gyp parses the command line of whoever loads it.
  const argv = process.argv;
  process.argv = argv.slice(0, 2);
  try {
    const tf = require(PACKAGES[choice]) as Tf;
    const backend = tf.backend() as unknown as NodeBackend;
    const version = backend.binding?.TF_Version ?? 'of unknown version';
    const onGpu = backend.isUsingGpuDevice === true;
    const device = onGpu ? 'GPU' : 'CPU';
    if (tf.getBackend() !== 'tensorflow') {
      throw new Error(`the backend is ${tf.getBackend()} instead of tensorflow`);
    }
    return { tf, onGpu, description: `${choice} on libtensorflow ${version} (${device})` };
  } finally {
    process.argv = argv;
  }
}

async function requireWasm(): Promise<Loaded> {
  const tf = require('@tensorflow/tfjs') as Tf;
  const wasm = require(PACKAGES.wasm) as typeof import('@tensorflow/tfjs-backend-wasm');
  const directory = packageDirectory(PACKAGES.wasm);
  if (directory === undefined) throw new Error('the package has disappeared');
  wasm.setWasmPaths(join(directory, 'dist') + '/');
  const started = await tf.setBackend('wasm');
  await tf.ready();
  // A start that failed leaves the pure JavaScript backend behind, four times slower still.
  if (!started || tf.getBackend() !== 'wasm') {
    throw new Error(`the wasm backend did not start; tfjs fell back to ${tf.getBackend()}`);
  }
  const threads = wasm.getThreadsCount();
  return {
    tf,
    onGpu: false,
    description: `tfjs wasm backend ${tf.version_core} (CPU, ${threads === 1 ? 'one thread' : `${String(threads)} threads`}; slow)`,
  };
}

async function load(choice: TfChoice): Promise<Loaded> {
  const problem = tensorflowProblem(choice);
  if (problem !== undefined) throw new Error(problem);
  return choice === 'wasm' ? requireWasm() : requireNodePackage(choice);
}

async function choose(forced: TfChoice | undefined): Promise<Tensorflow> {
  const skipped: SkippedTensorflow[] = [];
  for (const choice of forced === undefined ? TF_CHOICES : [forced]) {
    try {
      return { choice, skipped, ...(await load(choice)) };
    } catch (error) {
      // The message of a failed dlopen or of node-pre-gyp runs over many lines.
      const reason = messageOf(error).split('\n')[0] ?? '';
      if (forced !== undefined) {
        throw new LungclsError(
          'BACKEND_UNAVAILABLE',
          `TensorFlow ${forced} was asked for but ${reason}. To mend it: ${SETUP_COMMAND}`,
          { cause: error },
        );
      }
      skipped.push({ choice, reason });
    }
  }
  const reasons = skipped.map(({ choice, reason }) => `${choice}: ${reason}`).join('; ');
  throw new LungclsError(
    'BACKEND_UNAVAILABLE',
    `No TensorFlow backend can be loaded (${reasons}). To mend it: ${SETUP_COMMAND}`,
  );
}

let loaded: Promise<Tensorflow> | undefined;

/**
 * Loads TensorFlow.js on the best backend there is: tfjs-node-gpu, tfjs-node, wasm, in this order.
 * Every call of a process gets the same one.
 * @param choice Forces one; else the environment variable `LUNGCLS_TF` may.
 * @throws LungclsError BACKEND_UNAVAILABLE if the one asked for cannot be loaded, or another one
 * already is; INVALID_OPTION if `LUNGCLS_TF` has another value.
 */
export async function loadTensorflow(choice?: TfChoice): Promise<Tensorflow> {
  const forced = choice ?? forcedTensorflow();
  if (loaded === undefined) {
    const attempt = choose(forced);
    loaded = attempt;
    attempt.catch(() => {
      if (loaded === attempt) loaded = undefined;
    });
  }
  const tensorflow = await loaded;
  if (forced !== undefined && tensorflow.choice !== forced) {
    throw new LungclsError(
      'BACKEND_UNAVAILABLE',
      `TensorFlow ${forced} was asked for but this process already runs ${tensorflow.description}`,
    );
  }
  return tensorflow;
}
