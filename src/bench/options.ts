/** Options of a bench: what is measured, for how long, and the numbers that follow from it. */
import { LungclsError } from '../errors.js';
import type { TaskOptions } from '../runtime/progress.js';
import { availableThreads } from '../runtime/threads.js';
import { SUITES, type Suite } from './workload.js';

export interface BenchOptions extends TaskOptions {
  /** Names of suites, or `all`; decode, session, end-to-end and latency by default. */
  suites?: readonly string[];
  /** A folder or an archive of images; tiles that a program draws by default. */
  images?: string;
  /** A model bundle; by default one that nobody trained, made once. */
  model?: string;
  /** Also run others' software, in Python. */
  peers?: boolean;
  /** Seconds that each trial is measured, over all its rounds; a short run of everything by default. */
  duration?: number;
  /** Sizes of batches for the network; 1, 8 and 32 by default, 1 and 8 in a short run. */
  batchSizes?: readonly number[];
  /** Numbers of threads; one and all by default, all in a short run of the network. */
  threadCounts?: readonly number[];
  /** The folder for bench.json, bench.md and bench.html. */
  output: string;
  /** Replace an earlier bench there. */
  force?: boolean;
  /** Where peers.json stands, for tests. */
  peersFolder?: string;
}

export interface BenchSettings {
  readonly suites: readonly Suite[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly roundSeconds: number;
  readonly batchSizes: readonly number[];
  readonly threads: number;
  readonly threadCounts: readonly number[];
  /** Tiles whose answers are compared. */
  readonly checkTiles: number;
}

export const DEFAULT_SUITES: readonly Suite[] = ['decode', 'session', 'end-to-end', 'latency'];

const QUICK = { rounds: 3, duration: 2.1, batchSizes: [1, 8] } as const;
const FULL = { rounds: 7, duration: 14, batchSizes: [1, 8, 32] } as const;
/** One that names another class is 95 % agreement. */
const CHECK_TILES = 20;

/**
 * Checks the options. Without suites, duration, batches or threads it is a short run, said as such.
 * @throws LungclsError INVALID_OPTION
 */
export function benchSettings(options: BenchOptions): BenchSettings {
  const { duration } = options;
  const suites = suitesOf(options.suites);
  const quick =
    options.suites === undefined && duration === undefined && options.batchSizes === undefined;
  const defaults = quick ? QUICK : FULL;
  if (duration !== undefined && !(duration > 0 && duration <= 3600)) {
    throw invalid('a number of seconds up to 3600', 'duration', duration);
  }
  const seconds = duration ?? defaults.duration;
  // Fewer rounds than three say nothing about noise; shorter ones than a tenth of a second nothing at all.
  const rounds = Math.max(3, Math.min(defaults.rounds, Math.floor(seconds / 0.5)));
  const asked = options.threadCounts ?? [1, availableThreads()];
  const threadCounts = numbers('threadCounts', asked, 1024);
  // Nothing takes more than was asked for.
  const threads = Math.max(...threadCounts);
  return {
    ...{ suites, quick, rounds, threads },
    roundSeconds: seconds / rounds,
    batchSizes: numbers('batchSizes', options.batchSizes ?? defaults.batchSizes, 4096),
    threadCounts,
    checkTiles: CHECK_TILES,
  };
}

function suitesOf(names: readonly string[] | undefined): readonly Suite[] {
  if (names === undefined) return DEFAULT_SUITES;
  if (names.length === 1 && names[0] === 'all') return SUITES;
  for (const name of names) {
    if (!SUITES.some((suite) => suite === name)) {
      throw invalid(`one or more of ${SUITES.join(', ')}, or all`, 'suite', name);
    }
  }
  return SUITES.filter((suite) => names.includes(suite));
}

function numbers(name: string, values: readonly number[], most: number): number[] {
  const wrong = values.find((value) => !Number.isInteger(value) || value < 1 || value > most);
  if (values.length === 0 || wrong !== undefined) {
    throw invalid(`positive integers up to ${most}`, name, wrong);
  }
  return [...new Set(values)].sort((a, b) => a - b);
}

function invalid(expected: string, name: string, value: unknown): LungclsError {
  return new LungclsError(
    'INVALID_OPTION',
    `Expected ${expected} for ${name} but received ${JSON.stringify(value)}`,
  );
}
