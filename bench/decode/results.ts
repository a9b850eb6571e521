/** What the comparison of decoders found, and its table. */
import type { Machine } from '../machine.js';

export interface Trial {
  readonly name: string;
  /** Medians over the rounds. */
  readonly tilesPerSecond: number;
  readonly tilesPerCpuSecond: number;
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

function speed(trials: readonly Trial[], name: string): number {
  return trials.find((trial) => trial.name === name)?.tilesPerSecond ?? Number.NaN;
}

const rate = (tiles: number): string => (Number.isNaN(tiles) ? '' : tiles.toFixed(0));
const ratio = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(2));

function rows({ oneCore, allCores }: SetResult): string[] {
  const ours = speed(oneCore, OURS);
  const oursOnAll = speed(allCores, OURS);
  const floor = speed(oneCore, FLOOR);
  return oneCore.map(({ name, tilesPerSecond }) => {
    const all = speed(allCores, name);
    const cells = [
      name,
      rate(tilesPerSecond),
      ratio(ours / tilesPerSecond),
      ratio(tilesPerSecond / floor),
      rate(all),
      ratio(oursOnAll / all),
      ratio(all / tilesPerSecond),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

export function table({ machine, date, rounds, versions, notes, sets }: Results): string {
  const lines = [
    '# From files to tiles of 256 x 256',
    '',
    `${machine.cores} cores of ${machine.cpu} (${machine.extensions.join(', ')}), ${machine.os}, Node ${machine.node}; ` +
      `${versions}; commit ${machine.commit}, ${date}. Medians of ${rounds} rounds, all trials in turn in each; results kept; ` +
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
