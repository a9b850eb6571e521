/** Figures of a bench in words, the same in the terminal, in bench.md and in bench.html. */
import { formatBytes } from '../report/format.js';
import type {
  BenchMachine,
  BenchResults,
  Comparison,
  FloorName,
  FloorShare,
  TrialResult,
} from './results.js';
import { median, pairedRatios, type Spread } from './statistics.js';
import { roundRates } from './summary.js';

export const FLOOR_WORDS: Readonly<
  Record<FloorName, { name: string; short: string; unit: string }>
> = {
  memoryReadGBs: { name: 'memory, read', short: 'memory reads', unit: 'GB/s' },
  memoryCopyGBs: { name: 'memory, copied', short: 'memory copies', unit: 'GB/s' },
  fp32Gflops: { name: 'multiply-adds in float32', short: 'fp32 peak', unit: 'GFLOP/s' },
  int8Gops: { name: 'multiply-adds in 8 bits', short: 'int8 peak', unit: 'GOP/s' },
  entropyTilesPerSecond: {
    name: 'entropy decoding alone, libjpeg-turbo',
    short: 'entropy decoding',
    unit: 'tiles/s',
  },
  fileReadGBs: { name: 'files read from the page cache', short: 'file reading', unit: 'GB/s' },
};

/** Trials that ran in turns, as a table. */
export interface GroupTable {
  readonly workload: string;
  readonly group: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly trial: TrialResult; readonly cells: readonly string[] }[];
}

/** The groups of a workload, in the order in which they ran. */
export function groupTables(results: BenchResults, workload: string): GroupTable[] {
  const groups = [
    ...new Set(results.trials.filter((t) => t.workload === workload).map(({ group }) => group)),
  ];
  return groups.map((group) => {
    const trials = results.trials.filter((t) => t.workload === workload && t.group === group);
    const timed = trials.some(({ latencyMs }) => latencyMs !== null);
    const staged = trials.some(({ bottleneck }) => bottleneck !== null);
    return {
      ...{ workload, group },
      columns: [
        ...['', 'tiles/s', 'quartiles', 'against the first'],
        ...(timed ? ['ms: p50', 'p95', 'p99'] : []),
        ...(staged ? ['bottleneck'] : []),
        ...['of the machine', 'peak memory', 'answer'],
      ],
      rows: trials.map((trial) => ({
        trial,
        cells: [
          trial.name,
          ...speedCells(trial, ratioOf(results.comparisons, trial)),
          ...(timed ? latencyCells(trial) : []),
          ...(staged ? [trial.bottleneck ?? ''] : []),
          wholeShare(trial),
          trial.peakRssBytes === null ? '' : formatBytes(trial.peakRssBytes),
          answerWords(trial),
        ],
      })),
    };
  });
}

function ratioOf(comparisons: readonly Comparison[], trial: TrialResult): Comparison | undefined {
  return comparisons.find(
    ({ workload, group, variant }) =>
      workload === trial.workload && group === trial.group && variant === trial.variant,
  );
}

function speedCells(trial: TrialResult, comparison: Comparison | undefined): string[] {
  const { status, tilesPerSecond } = trial;
  // A wrong answer has no speed.
  if (status !== 'ok' || tilesPerSecond === null) return ['', '', ''];
  const ratio = comparison === undefined ? '' : `${comparison.ratio.median.toFixed(2)} x`;
  return [rate(tilesPerSecond.median), quartiles(tilesPerSecond), ratio];
}

function latencyCells({ status, latencyMs }: TrialResult): string[] {
  if (status !== 'ok' || latencyMs === null) return ['', '', ''];
  return [latencyMs.p50, latencyMs.p95, latencyMs.p99].map(rate);
}

function wholeShare({ floors }: TrialResult): string {
  const share = floors.find(({ stage }) => stage === null);
  return share === undefined ? '' : shareWords(share);
}

/** "92 % of fp32 peak". */
export function shareWords({ share, floor }: FloorShare): string {
  return `${(100 * share).toFixed(0)} % of ${FLOOR_WORDS[floor].short}`;
}

/** What became of a trial's answer. */
export function answerWords({ status, reason, check, reference }: TrialResult): string {
  switch (status) {
    case 'wrong':
      return `WRONG: ${reason}`;
    case 'missing':
      return `missing: ${reason}`;
    case 'failed':
      return `failed: ${reason}`;
    case 'ok':
      return reference ? 'the reference' : (check?.found ?? 'not compared');
  }
}

/** Three digits, below 1 two: 1701, 85.2, 4.31, 0.0035. */
export function rate(value: number): string {
  if (value >= 100) return value.toFixed(0);
  if (value > 0 && value < 1) return value.toPrecision(2);
  return value.toFixed(value >= 10 ? 1 : 2);
}

export function quartiles({ q1, q3 }: Spread): string {
  return `${rate(q1)} to ${rate(q3)}`;
}

/** "2 cores of AMD EPYC (avx2), 23.5 GiB, Linux 6.1, Node v20". */
export function machineWords({ machine, versions, commit, date }: BenchResults): string {
  const { cores, cpu, extensions, threads, memoryBytes, os, gpu } = machine;
  const used = threads === cores ? '' : `, ${threads} threads allowed`;
  const node = versions['node'] ?? '';
  return (
    `${cores} cores of ${cpu} (${extensions.join(', ')})${used}, ${formatBytes(memoryBytes)}, ` +
    `${gpu === null ? 'no GPU' : gpu.name}, ${os}, Node ${node}; commit ${commit ?? 'unknown'}, ${date.slice(0, 10)}`
  );
}

/** How the figures came about. */
export function methodWords({ settings, images, model, noise }: BenchResults): string {
  const { rounds, roundSeconds } = settings;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return (
    `Every trial in a fresh process, warmed up; trials of a group in turns, ${rounds} rounds of about ${rate(roundSeconds)} s; ` +
    `medians and quartiles of the rounds, ratios round by round. ` +
    `Images: ${images.what}; ${images.files} files of ${(images.meanBytes / 1000).toFixed(1)} KB, tiles of ${images.size} x ${images.size}. ` +
    (model === null
      ? ''
      : `Model: ${model.what}; ${model.gigaflopPerTile.toFixed(2)} GFLOP a tile. `) +
    `Noise: a fixed piece of work varied by ${percent(noise.probe)}, rounds of a trial by ${percent(noise.rounds)}` +
    `${noise.loadBefore === null ? '' : `; load before: ${noise.loadBefore.toFixed(1)}`}.`
  );
}

/** One sentence on the two paths of a workload, where both were measured: what a reader came for. */
export function pathsWords(results: BenchResults, workload: string): string[] {
  return groupTables(results, workload).flatMap(({ group, rows }) => {
    const best = (kind: TrialResult['kind'], precision?: string): TrialResult | undefined =>
      rows
        .map(({ trial }) => trial)
        .filter((t) => t.kind === kind && t.status === 'ok' && t.tilesPerSecond !== null)
        .filter(({ variant }) => precision === undefined || variant.endsWith(precision))
        .sort((a, b) => (b.tilesPerSecond?.median ?? 0) - (a.tilesPerSecond?.median ?? 0))[0];
    const tfjs = best('tfjs');
    if (tfjs === undefined) return [];
    return (['fp32', 'int8'] as const).flatMap((precision) => {
      const onnx = best('onnx', precision);
      if (onnx === undefined) return [];
      const ratio = median(pairedRatios(roundRates(onnx), roundRates(tfjs)));
      return [`${group}: ${onnx.name} is ${ratio.toFixed(2)} times as fast as ${tfjs.name}`];
    });
  });
}

/** The GPU, and how it was used; or why there is none. */
export function gpuWords({ gpu, gpuNote }: BenchMachine): string {
  if (gpu === null) return gpuNote;
  const { name, utilisation, pinnedGBs, pageableGBs } = gpu;
  const copy = (value: number | null): string =>
    value === null ? 'not measured' : `${rate(value)} GB/s`;
  const used = utilisation === null ? 'not sampled' : `${(100 * utilisation).toFixed(0)} %`;
  const text = `${name}; utilisation while it worked: ${used}; host to device: pinned ${copy(pinnedGBs)}, pageable ${copy(pageableGBs)}`;
  return gpuNote === '' ? text : `${text}. ${gpuNote}`;
}
