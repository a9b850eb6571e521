/** The two splits on which 8-bit features are judged. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { trainTestSplit, type Split } from '#src/dataset/split.js';
import type { TileStore } from '#src/imaging/tile-store.js';
import { parseCsv } from '#src/storage/csv.js';
import { RandomStream } from '#src/training/random.js';

export interface NamedSplit extends Split {
  readonly name: string;
  readonly what: string;
}

const SHARE = 0.2;
const SEED = 2022;

export function randomSplit(store: TileStore): NamedSplit {
  const split = trainTestSplit(store.count, SHARE, SEED);
  return { ...split, name: 'random', what: `train_test_split, random_state ${String(SEED)}` };
}

/**
 * Whole groups on one side, class by class, until a fifth of the tiles is held out.
 * @param groupsFile a CSV of path,group; a tile that is not in it is a group of its own
 */
export async function groupedSplit(store: TileStore, groupsFile: string): Promise<NamedSplit> {
  const records = parseCsv(await readFile(groupsFile, 'utf8')).slice(1);
  const groupOf = new Map(records.map(([path = '', group = '']) => [basename(path), group]));
  const random = new RandomStream([SEED]);
  const train: number[] = [];
  const validation: number[] = [];
  for (const label of store.classes.keys()) {
    const groups = new Map<string, number[]>();
    for (const [row, path] of store.paths.entries()) {
      if (store.labels[row] !== label) continue;
      const group = groupOf.get(basename(path)) ?? path;
      groups.set(group, [...(groups.get(group) ?? []), row]);
    }
    const shuffled = shuffle([...groups.values()], random);
    const tiles = shuffled.flat().length;
    let held = 0;
    for (const group of shuffled) {
      const side = held < SHARE * tiles ? validation : train;
      if (side === validation) held += group.length;
      side.push(...group);
    }
  }
  return {
    train: Int32Array.from(shuffle(train, random)),
    validation: Int32Array.from(shuffle(validation, random)),
    name: 'grouped',
    what: `by original where ${basename(groupsFile)} knows it`,
  };
}

function shuffle<T>(items: T[], random: RandomStream): T[] {
  const rest = [...items];
  const result: T[] = [];
  while (rest.length > 0) {
    const at = random.below(rest.length);
    const item = rest[at];
    const last = rest.pop();
    if (item !== undefined) result.push(item);
    if (last !== undefined && at < rest.length) rest[at] = last;
  }
  return result;
}
