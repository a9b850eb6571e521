/** Defaults and environment variables, in one place. */
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The recipe's constants; every command's defaults come from here. */
export const RECIPE = {
  /** Side of a square tile fed to the network, in pixels. */
  imgSize: 256,
  /** Share of the tiles held out for validation. */
  split: 0.2,
  /** `random_state` of scikit-learn's train_test_split. */
  splitSeed: 2022,
  batchSize: 64,
  epochs: 10,
  learningRate: 0.001,
  dropout: 0.3,
  denseUnits: [256, 128],
  earlyStoppingPatience: 3,
  reduceLrPatience: 2,
  reduceLrFactor: 0.5,
  /** Training stops once validation accuracy is above this. */
  targetAccuracy: 0.9,
} as const;

/** Class order of LC25000's lung half: the recipe's. */
export const LC25000_CLASSES = ['lung_n', 'lung_aca', 'lung_scc'] as const;

/**
 * Limits on one image, against decompression bombs; the first can be set by `--max-pixels`. The others
 * leave room for whatever the first lets through: a progressive CMYK file takes 14 bytes a pixel.
 */
export const LIMITS = {
  /** Most pixels an image may have: a whole 20x field of 10,000 x 10,000. */
  maxPixels: 100_000_000,
  /** Most bytes an encoded image may have. */
  maxFileBytes: 256 * 1024 * 1024,
  /** Most bytes that decoding an image may take, beside the file's own. */
  maxMemory: 1536 * 1024 * 1024,
  /** Longest time that decoding an image may take, in seconds. */
  maxSeconds: 60,
} as const;

/**
 * The CUDA driver that page-locks the decoder's buffers, a file name for dlopen:
 * `LUNGCLS_CUDA_DRIVER`, else NVIDIA's own. `off` gives an empty name, which means none.
 */
export function cudaDriver(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['LUNGCLS_CUDA_DRIVER'];
  if (own === 'off') return '';
  return own !== undefined && own !== '' ? own : 'libcuda.so.1';
}

/** The vector code that decodes JPEGs, where not the best one shall: `LUNGCLS_VECTOR`. */
export function vectorCode(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const own = env['LUNGCLS_VECTOR'];
  return own === '' ? undefined : own;
}

export const RESEARCH_NOTICE =
  'For research use only. Not a medical device; not for diagnosis or treatment decisions.';

export const DEFAULT_BASE = 'nsfwjs-inception-v3';

/** Where fetched and built things live: `LUNGCLS_HOME`, else the user's cache folder. */
export function homeDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['LUNGCLS_HOME'];
  if (own !== undefined && own !== '') return resolve(own);
  const cache = env['XDG_CACHE_HOME'];
  return join(
    cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'),
    'lungcls-fast',
  );
}

export const TF_CHOICES = ['tfjs-node-gpu', 'tfjs-node', 'wasm'] as const;
export type TfChoice = (typeof TF_CHOICES)[number];

const packageFacts: unknown = createRequire(import.meta.url)('../package.json');

/** The version of this package, as it goes into every file that the tool writes. */
export const TOOL_VERSION =
  typeof packageFacts === 'object' &&
  packageFacts !== null &&
  'version' in packageFacts &&
  typeof packageFacts.version === 'string'
    ? packageFacts.version
    : 'unknown';
