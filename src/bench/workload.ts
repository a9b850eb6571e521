/** What a workload is: data about the trials that compare the same work, and what a trial of ours does. */
import type { Precision } from '../bundle/metadata.js';
import type { TfChoice } from '../config.js';
import type { Check } from './answers.js';
import type { TrialSpec } from './protocol.js';
import type { FloorName, TrialKind } from './results.js';

export const SUITES = [
  'decode',
  'store',
  'session',
  'end-to-end',
  'training',
  'latency',
  'memory',
] as const;
export type Suite = (typeof SUITES)[number];

/** What is here to be measured. */
export interface Found {
  readonly tensorflows: readonly TfChoice[];
  readonly precisions: readonly Precision[];
  /** Whether ONNX Runtime can use CUDA. */
  readonly cuda: boolean;
  /** Work of the network on one tile. */
  readonly gigaflopPerTile: number;
  /** Mean size of an image file. */
  readonly meanBytes: number;
  readonly threads: number;
  /** To be swept over. */
  readonly threadCounts: readonly number[];
  readonly batchSizes: readonly number[];
  /** A short run: only what is quick. */
  readonly quick: boolean;
  readonly files: number;
}

/** The machine's limit that a trial, or a stage of it, runs against. */
export interface FloorUse {
  readonly stage?: string;
  readonly floor: FloorName;
  /** Of that floor's unit, that a tile takes. */
  readonly perTile: number;
}

export interface VariantPlan {
  readonly variant: string;
  readonly name: string;
  readonly kind: TrialKind;
  readonly check: Check;
  readonly env?: Readonly<Record<string, string>>;
  readonly floors?: readonly FloorUse[];
}

/** Variants that run in turns; the first that gives answers is what the others are compared with. */
export interface GroupPlan {
  readonly group: string;
  readonly batch: number;
  readonly threads: number;
  readonly variants: readonly VariantPlan[];
}

/** What a trial did in a round. */
export interface Worked {
  readonly tiles: number;
  readonly seconds: number;
  readonly latenciesMs?: readonly number[];
  readonly stages?: Readonly<Record<string, number>>;
}

/** A trial of ours, ready to work. */
export interface Trial {
  readonly versions: Readonly<Record<string, string>>;
  readonly device: string;
  /** Works for about so many seconds, at least one batch. */
  work(seconds: number): Promise<Worked>;
  /** What comes out for the first `checkTiles` tiles. */
  answers(): Promise<{ shape: readonly number[]; values: Uint8Array | Float32Array }>;
  close(): Promise<void>;
}

export interface Workload {
  readonly name: string;
  readonly suite: Suite;
  /** What is compared, in a sentence. */
  readonly what: string;
  readonly needsModel: boolean;
  /** How a peer's answer has to agree with the reference. */
  readonly peerCheck: Check;
  plan(found: Found): readonly GroupPlan[];
  /** In the trial's process: loads everything and warms up. */
  open(spec: TrialSpec): Promise<Trial>;
}
