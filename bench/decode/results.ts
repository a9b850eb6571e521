/** What the comparison of decoders found, and its table. */
import type { Machine } from '../machine.js';

export interface Trial {
  readonly name: string;
  /** Round by round. */
  readonly tilesPerSecond: number[];
  readonly tilesPerCpuSecond: number[];
}

export interface SetResult {
  readonly what: string;
  readonly files: number;
  readonly bytes: number;
  /** All threads of the process on one core. */
  readonly oneCore: readonly Trial[];
  readonly allCores: readonly Trial[];
}

export interface Results {
  readonly machine: Machine;
  readonly date: string;
  readonly rounds: number;
  readonly versions: string;
  readonly notes: readonly string[];
  readonly sets: readonly SetResult[];
}

const OURS = 'lungcls-fast, `cv2`';
const FLOOR = 'libjpeg-turbo, entropy decoding only';

function rounds(trials: readonly Trial[], name: string): readonly number[] {
  return trials.find((trial) => trial.name === name)?.tilesPerSecond ?? [];
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function rate(speeds: readonly number[]): string {
  return speeds.length === 0 ? '' : median(speeds).toFixed(0);
}

/** The median of what the rounds give: in a round the machine is as fast for the one as for the other. */
function ratio(speeds: readonly number[], others: readonly number[]): string {
  if (speeds.length === 0 || others.length === 0) return '';
  return median(speeds.map((speed, i) => speed / (others[i] ?? Number.NaN))).toFixed(2);
}

function rows({ oneCore, allCores }: SetResult): string[] {
  const ours = rounds(oneCore, OURS);
  const oursOnAll = rounds(allCores, OURS);
  const floor = rounds(oneCore, FLOOR);
  return oneCore.map(({ name, tilesPerSecond }) => {
    const all = rounds(allCores, name);
    const cells = [
      name,
      rate(tilesPerSecond),
      ratio(ours, tilesPerSecond),
      ratio(tilesPerSecond, floor),
      rate(all),
      ratio(oursOnAll, all),
      ratio(all, tilesPerSecond),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

export function table({ machine, date, rounds: count, versions, notes, sets }: Results): string {
  const lines = [
    '# From files to tiles of 256 x 256',
    '',
    `${machine.cores} cores of ${machine.cpu} (${machine.extensions.join(', ')}), ${machine.os}, Node ${machine.node}; ` +
      `${versions}; commit ${machine.commit}, ${date}. Medians of ${count} rounds, all trials in turn in each, ratios of each round’s own speeds; results kept; ` +
      'files in the page cache. One core: the whole process, pinned. Made by `npm run bench:decode`.',
    '',
    ...notes.flatMap((note) => [note, '']),
  ];
  for (const set of sets) {
    const kilobytes = (set.bytes / 1000).toFixed(1);
    lines.push(
      `## ${set.what}, ${kilobytes} KB a tile`,
      '',
      `| decoder | tiles/s, one core | ours against it | against the entropy floor | tiles/s, ${machine.cores} cores | ours against it | ${machine.cores} cores against one |`,
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows(set),
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
