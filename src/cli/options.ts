/** Flags that several commands share, each written once. */
import { availableParallelism } from 'node:os';
import { LIMITS } from '../config.js';
import { LungclsError } from '../errors.js';
import { DEVICE_WORDS, type Device } from '../runtime/device.js';

export const FORCE = {
  type: 'boolean',
  default: false,
  describe: 'Replace the output if it exists',
} as const;

export const THREADS = {
  type: 'number',
  requiresArg: true,
  defaultDescription: `all that this process may use: ${availableParallelism()}`,
  describe: 'Threads for decoding and for the network',
} as const;

export const MAX_PIXELS = {
  type: 'number',
  requiresArg: true,
  default: LIMITS.maxPixels,
  describe: 'Most pixels an image may have; larger ones are reported and left out',
} as const;

export const DEVICE = {
  type: 'string',
  requiresArg: true,
  default: 'auto',
  describe: `What ONNX Runtime runs on: ${DEVICE_WORDS}`,
  // What is none of them the library refuses.
  coerce: (word: string): Device => word as Device,
} as const;

export const ENGINE = {
  choices: ['onnx', 'tfjs'] as const,
  requiresArg: true,
  default: 'onnx' as const,
  describe: 'ONNX Runtime, or TensorFlow.js',
};

/** Of the ONNX files in a bundle. */
export const PRECISION = {
  choices: ['fp32', 'fp16', 'int8'] as const,
  requiresArg: true,
  defaultDescription: 'fp32',
  describe: 'Which ONNX file of the bundle; int8 is for CPUs: faster, nearly the same classes',
};

export const BATCH_SIZE = {
  type: 'number',
  requiresArg: true,
  default: 32,
  describe: 'Tiles the network takes at once',
} as const;

export const FORMAT = {
  choices: ['csv', 'jsonl', 'parquet'] as const,
  requiresArg: true,
  defaultDescription: 'by the extension of -o; csv on stdout',
  describe: 'The format of the output',
};

/** An output flag, `-o`, that has to be given. */
export function outputOption(describe: string) {
  return {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    demandOption: true,
    describe,
  } as const;
}

/** `lung_n,lung_aca` -> two names; nothing given stays undefined. */
export function parseClasses(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const classes = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (classes.length === 0) {
    throw new LungclsError('USAGE', 'Expected names separated by commas for --classes');
  }
  return classes;
}

/**
 * `none`, `balanced`, or `lung_n=1,lung_aca=2.5` as numbers by class. A number ends an entry, so that
 * names may hold commas and equals signs.
 */
export function parseClassWeights(
  text: string,
): 'none' | 'balanced' | Readonly<Record<string, number>> {
  if (text === 'none' || text === 'balanced') return text;
  const entries = [...text.matchAll(/(.+?)=([\d.eE+-]+)(?:,|$)/gy)];
  const weights = entries.map(([, name = '', number]) => [name, Number(number)] as const);
  const whole = entries.map(([entry]) => entry).join('') === text;
  if (text === '' || !whole || weights.some(([, weight]) => Number.isNaN(weight))) {
    throw new LungclsError(
      'USAGE',
      `Expected none, balanced or CLASS=NUMBER,... for --class-weights but received ${JSON.stringify(text)}`,
    );
  }
  const twice = weights.find(([name], i) => weights.findIndex(([other]) => other === name) !== i);
  if (twice !== undefined) {
    throw new LungclsError(
      'USAGE',
      `Expected each class once for --class-weights but received ${JSON.stringify(twice[0])} twice`,
    );
  }
  return Object.fromEntries(weights);
}

/** The entries of an object that are set: `exactOptionalPropertyTypes` tells absent from undefined. */
export function defined<T extends object>(
  options: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/**
 * A lone `-`, for stdin or stdout, under another name: yargs drops it from a list of arguments. No
 * file can have a name with NUL in it.
 */
const DASH = '\0-';

export function hideDashes(args: readonly string[]): string[] {
  return args.map((word) => (word === '-' ? DASH : word));
}

export function showDash(word: string): string {
  return word === DASH ? '-' : word;
}
