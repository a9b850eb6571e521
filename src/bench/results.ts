/** What a bench found, as bench.json holds it; docs/bench.md says the same in words. */
import type { CheckResult } from './answers.js';
import type { Spread } from './statistics.js';

export const BENCH_FORMAT = 'lungcls-bench';
export const BENCH_VERSION = 1;

/** `tfjs` and `onnx` are the two paths of a model; `native`: our C++; `npm`, `peer`: others' software. */
export type TrialKind = 'tfjs' | 'onnx' | 'native' | 'npm' | 'peer';

/**
 * `ok`: measured, and its answer is right. `wrong`: measured, and its answer is not the reference's. `missing`:
 * something that it needs is not here. `failed`: it crashed, hung or broke the protocol.
 */
export type TrialStatus = 'ok' | 'wrong' | 'missing' | 'failed';

export interface RoundSample {
  readonly round: number;
  readonly tiles: number;
  readonly seconds: number;
  readonly latenciesMs?: readonly number[];
  readonly stages?: Readonly<Record<string, number>>;
}

/** A figure beside what the machine could do. */
export interface FloorShare {
  /** Of which stage; the trial as a whole where it is null. */
  readonly stage: string | null;
  /** Name of an entry of `floors`. */
  readonly floor: FloorName;
  /** Of that floor's unit, that a tile takes. */
  readonly perTile: number;
  /** What was reached of what the machine does: 1 is all of it. */
  readonly share: number;
}

export interface TrialResult {
  readonly suite: string;
  readonly workload: string;
  /** Trials of one group ran in turns, with the same batch and threads. */
  readonly group: string;
  readonly variant: string;
  /** For people. */
  readonly name: string;
  readonly kind: TrialKind;
  readonly batch: number;
  readonly threads: number;
  readonly status: TrialStatus;
  /** Why it is not `ok`; empty where it is. */
  readonly reason: string;
  /** What it ran on, in its own words. */
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Settings of threads in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly rounds: readonly RoundSample[];
  readonly peakRssBytes: number | null;
  /** Null for the group's reference, and where there were no answers. */
  readonly check: CheckResult | null;
  readonly reference: boolean;
  readonly tilesPerSecond: Spread | null;
  readonly latencyMs: { p50: number; p95: number; p99: number; count: number } | null;
  /** Milliseconds a tile that each stage takes alone: medians of the rounds. */
  readonly stagesMs: Readonly<Record<string, number>> | null;
  /** The slowest of the stages. */
  readonly bottleneck: string | null;
  readonly floors: readonly FloorShare[];
}

/** The speed of one trial divided by another's, round by round. */
export interface Comparison {
  readonly workload: string;
  readonly group: string;
  readonly variant: string;
  readonly against: string;
  readonly ratios: readonly number[];
  readonly ratio: Spread;
}

export const FLOOR_NAMES = [
  'memoryReadGBs',
  'memoryCopyGBs',
  'fp32Gflops',
  'int8Gops',
  'entropyTilesPerSecond',
  'fileReadGBs',
] as const;
export type FloorName = (typeof FLOOR_NAMES)[number];

/** What the machine can do with all its threads, measured in the run; null: not measured. */
export type Floors = Readonly<Record<FloorName, number | null>>;

export interface GpuFacts {
  readonly name: string;
  /** Of the GPU while its trials ran, 0 to 1; null where it was not sampled. */
  readonly utilisation: number | null;
  /** Host to device, GB/s. */
  readonly pinnedGBs: number | null;
  readonly pageableGBs: number | null;
}

export interface BenchMachine {
  readonly cpu: string;
  readonly cores: number;
  /** Threads that the bench was allowed to use. */
  readonly threads: number;
  /** Vector extensions that decide speed. */
  readonly extensions: readonly string[];
  readonly memoryBytes: number;
  readonly os: string;
  readonly gpu: GpuFacts | null;
  /** Why there is none, or what of it was not measured; empty where nothing is missing. */
  readonly gpuNote: string;
}

/** How steady the machine was: a fixed piece of work, timed between the rounds. */
export interface NoiseEstimate {
  readonly probeMs: readonly number[];
  /** Robust standard deviation of the probe as a share of its median. */
  readonly probe: number;
  /** Median over the trials of the same, of their rounds. */
  readonly rounds: number;
  /** Load of the system over the last minute, when it began; null where it has none. */
  readonly loadBefore: number | null;
}

export interface BenchResults {
  readonly format: typeof BENCH_FORMAT;
  readonly version: typeof BENCH_VERSION;
  readonly toolVersion: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Of the tool's source; null outside a checkout. */
  readonly commit: string | null;
  readonly machine: BenchMachine;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: {
    readonly suites: readonly string[];
    /** Rounds of a trial, and seconds that a round was to take. */
    readonly rounds: number;
    readonly roundSeconds: number;
    readonly batchSizes: readonly number[];
    readonly threadCounts: readonly number[];
    readonly peers: boolean;
  };
  readonly images: {
    /** In words: where they come from. */
    readonly what: string;
    readonly files: number;
    readonly meanBytes: number;
    readonly size: number;
  };
  readonly model: { readonly what: string; readonly gigaflopPerTile: number } | null;
  /** What was compared, in the order of the trials. */
  readonly workloads: readonly { readonly name: string; readonly what: string }[];
  readonly noise: NoiseEstimate;
  readonly floors: Floors;
  readonly trials: readonly TrialResult[];
  readonly comparisons: readonly Comparison[];
  /** What was not measured, by name, and why. */
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
  readonly seconds: number;
}
