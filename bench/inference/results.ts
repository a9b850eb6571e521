/** What is recorded about inference, and its table. */
import type { Machine } from '../machine.js';

export const MODES = ['session', 'decode', 'files'] as const;
export type Mode = (typeof MODES)[number];

export interface Contender {
  name: string;
  /** As it described itself. */
  runsOn: string;
  /** Tiles a second, one number a round. */
  rounds: Record<Mode, number[]>;
  /** Of one tile alone, in every round. */
  milliseconds: number[];
  peakMiB: number;
}

export interface InferenceResults {
  machine: Machine;
  date: string;
  threads: number;
  files: number;
  what: string;
  gigaflopPerTile: number;
  /** Of all cores, GFLOP/s in float32, before and after the rounds. */
  fmaPeak: number[];
  note: string;
  contenders: Contender[];
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

const median = (values: readonly number[]): number => quantile(values, 0.5);

export function inferenceTable(results: InferenceResults): string {
  const { machine, contenders, fmaPeak, gigaflopPerTile } = results;
  const rate = (name: string, mode: Mode): number =>
    median(contenders.find((c) => c.name === name)?.rounds[mode] ?? []);
  const peak = Math.max(...fmaPeak);
  const ratio = (a: number, b: number): string => (a / b).toFixed(2);
  const slower = (name: string): number => Math.min(rate(name, 'session'), rate(name, 'decode'));
  return [
    '# Inference, from JPEG files to a result file',
    '',
    'Made by `npm run bench:inference`; every round is in `inference.json`.',
    '',
    `${results.what}, ${String(results.files)} files, batches of 32, ${String(results.threads)} threads, warm page cache; contenders in ` +
      `turns, medians of ${String(contenders[0]?.rounds.session.length ?? 0)} rounds. ${results.date}, commit ${machine.commit}, ${machine.cpu} ` +
      `(${machine.extensions.join(', ')}), ${String(machine.cores)} cores, Node ${machine.node}.`,
    '',
    '| | network alone, tiles/s | decoding alone | from files | one tile alone, ms: p50 | p99 | peak memory, MiB |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...contenders.map(
      ({ name, rounds, milliseconds, peakMiB }) =>
        `| ${name} | ${median(rounds.session).toFixed(1)} | ${median(rounds.decode).toFixed(0)} | ` +
        `${median(rounds.files).toFixed(1)} | ${quantile(milliseconds, 0.5).toFixed(1)} | ` +
        `${quantile(milliseconds, 0.99).toFixed(1)} | ${String(peakMiB)} |`,
    ),
    '',
    `Multiply-adds in float32, measured in the run: ${peak.toFixed(0)} GFLOP/s. A tile takes ${gigaflopPerTile.toFixed(2)} GFLOP: fp32 runs at ` +
      `${((100 * rate('fp32', 'session') * gigaflopPerTile) / peak).toFixed(0)} % of it.`,
    '',
    `From files: fp32 ${ratio(rate('fp32', 'files'), rate('Keras', 'files'))} times Keras, int8 ` +
      `${ratio(rate('int8', 'files'), rate('Keras', 'files'))} times Keras and ${ratio(rate('int8', 'files'), rate('fp32', 'files'))} times fp32; ` +
      `fp32 ${ratio(rate('fp32', 'files'), rate('onnxruntime, fp32', 'files'))} times Python's onnxruntime with the same file. ` +
      `Against the slower of decoding and the network alone: fp32 ${ratio(rate('fp32', 'files'), slower('fp32'))}, int8 ${ratio(rate('int8', 'files'), slower('int8'))}.`,
    '',
    ...contenders.map(({ name, runsOn }) => `- ${name}: ${runsOn}`),
    '',
    ...(results.note === '' ? [] : [results.note, '']),
  ].join('\n');
}
