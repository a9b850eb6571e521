/**
 * A random split that keeps groups whole and the classes in proportion.
 *
 * Which groups to take is a subset-sum problem in as many dimensions as there are classes. Groups are
 * taken in random order while they fit; where that misses the sizes asked for, single groups are
 * exchanged at random as long as it brings the sizes no further away, and all of it is tried again from
 * other orders. Many small groups fit at once; few large ones take the exchanges.
 */
import { LungclsError } from '../errors.js';
import type { Groups } from './groups.js';
import { MersenneTwister } from './random-state.js';
import type { Split } from './split.js';

export interface GroupedSplitOptions {
  /** Class of each tile, 0 upwards. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  readonly groups: Groups;
  /** Share asked for the validation part, above 0 and below 1. */
  readonly validationShare: number;
  /** How far the share may be off, of each class and of all tiles: 0.01 is a point. */
  readonly tolerance: number;
  /** An integer from 0 to 2^32 - 1. */
  readonly seed: number;
}

const ATTEMPTS = 40;
/** Exchanges that an attempt tries: enough for hundreds of groups, bounded for hundreds of thousands. */
const FEWEST_EXCHANGES = 4000;
const MOST_EXCHANGES = 50_000;

/** A class, or (the last) all tiles: how many there are, and how many may validate. */
interface Quota {
  readonly name: string;
  readonly tiles: number;
  readonly target: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Splits the tiles so that no group stands on two sides, and of each class and of all tiles the share
 * asked for validates, within the tolerance (or one tile, where a class is so small). Each class has a
 * tile at least on both sides. The same seed gives the same split; tiles stand in random order.
 *
 * @throws LungclsError SPLIT_IMPOSSIBLE, naming the class, what came nearest and the group in the way
 */
export function groupedSplit(options: GroupedSplitOptions): Split {
  const { labels, groups, seed } = options;
  const quotas = quotasOf(options);
  const counts = countGroups(labels, groups, quotas.length);
  const random = new MersenneTwister(seed);
  let nearest: Choice | undefined;
  for (let attempt = 0; attempt < ATTEMPTS && nearest?.penalty !== 0; attempt++) {
    const choice = new Choice(counts, quotas);
    choice.fill(random);
    choice.exchange(random);
    if (nearest === undefined || choice.penalty < nearest.penalty) nearest = choice;
  }
  if (nearest?.penalty !== 0) throw impossible(options, quotas, counts, nearest);
  const order = random.permutation(labels.length);
  const validates = (tile: number): boolean => nearest.taken[groups.ids[tile] ?? 0] === 1;
  return {
    train: order.filter((tile) => !validates(tile)),
    validation: order.filter(validates),
  };
}

function quotasOf({ labels, classes, validationShare, tolerance }: GroupedSplitOptions): Quota[] {
  const quota = (name: string, tiles: number): Quota => {
    const target = validationShare * tiles;
    const off = Math.max(tolerance * tiles, 1);
    return {
      name,
      tiles,
      target,
      // A class that the store has none of asks for nothing.
      least: tiles === 0 ? 0 : Math.max(1, Math.ceil(target - off)),
      most: tiles === 0 ? 0 : Math.min(tiles - 1, Math.floor(target + off)),
    };
  };
  const perClass = classes.map(() => 0);
  for (const label of labels) perClass[label] = (perClass[label] ?? 0) + 1;
  return [
    ...classes.map((name, c) => quota(name, perClass[c] ?? 0)),
    quota('all classes together', labels.length),
  ];
}

/** Tiles of each group by quota, one row a group. */
class GroupCounts {
  readonly groups: number;
  readonly width: number;
  readonly #counts: Int32Array;

  constructor(groups: number, width: number) {
    this.groups = groups;
    this.width = width;
    this.#counts = new Int32Array(groups * width);
  }

  at(group: number, quota: number): number {
    return this.#counts[group * this.width + quota] ?? 0;
  }

  add(group: number, quota: number): void {
    this.#counts[group * this.width + quota] = this.at(group, quota) + 1;
  }
}

function countGroups(
  labels: Int32Array,
  { ids, names, unknown }: Groups,
  width: number,
): GroupCounts {
  const counts = new GroupCounts(names.length + unknown, width);
  for (const [tile, label] of labels.entries()) {
    counts.add(ids[tile] ?? 0, label);
    counts.add(ids[tile] ?? 0, width - 1);
  }
  return counts;
}

/** The groups that validate, and how many tiles of each quota that makes. */
class Choice {
  /** 1 for each group that validates. */
  readonly taken: Uint8Array;
  readonly sums: number[];
  readonly #counts: GroupCounts;
  readonly #quotas: readonly Quota[];

  constructor(counts: GroupCounts, quotas: readonly Quota[]) {
    this.taken = new Uint8Array(counts.groups);
    this.sums = quotas.map(() => 0);
    this.#counts = counts;
    this.#quotas = quotas;
  }

  /** How far the sums are outside of the quotas, as shares of their tiles; 0 where none is. */
  get penalty(): number {
    let penalty = 0;
    for (const [k, { tiles, least, most }] of this.#quotas.entries()) {
      const sum = this.sums[k] ?? 0;
      const off = Math.max(least - sum, sum - most, 0);
      if (off > 0) penalty += off / tiles;
    }
    return penalty;
  }

  /** Takes groups in random order: first while no quota exceeds its target, then while none its most. */
  fill(random: MersenneTwister): void {
    const order = random.permutation(this.#counts.groups);
    for (const group of order) {
      if (this.#fits(group, (quota) => quota.target)) this.flip(group);
    }
    const all = this.#quotas.length - 1;
    const limit = (quota: Quota, k: number): number => (k === all ? quota.target : quota.most);
    for (const group of order) {
      if (this.taken[group] === 0 && this.#fits(group, limit)) this.flip(group);
    }
  }

  /** Moves one group to the other side, or two past each other, where it brings nothing further off. */
  exchange(random: MersenneTwister): void {
    const { groups } = this.#counts;
    const tries = Math.min(Math.max(FEWEST_EXCHANGES, 20 * groups), MOST_EXCHANGES);
    let penalty = this.penalty;
    for (let i = 0; i < tries && penalty > 0; i++) {
      const first = random.interval(groups - 1);
      const second = random.interval(groups - 1);
      const two = this.taken[first] !== this.taken[second] && random.interval(1) === 1;
      this.flip(first);
      if (two) this.flip(second);
      const changed = this.penalty;
      if (changed > penalty) {
        this.flip(first);
        if (two) this.flip(second);
      } else {
        penalty = changed;
      }
    }
  }

  flip(group: number): void {
    const sign = this.taken[group] === 1 ? -1 : 1;
    this.taken[group] = sign === 1 ? 1 : 0;
    for (const k of this.sums.keys()) {
      this.sums[k] = (this.sums[k] ?? 0) + sign * this.#counts.at(group, k);
    }
  }

  #fits(group: number, limit: (quota: Quota, k: number) => number): boolean {
    return this.#quotas.every((quota, k) => {
      const count = this.#counts.at(group, k);
      return count === 0 || (this.sums[k] ?? 0) + count <= limit(quota, k);
    });
  }
}

function impossible(
  { groups, validationShare, tolerance }: GroupedSplitOptions,
  quotas: readonly Quota[],
  counts: GroupCounts,
  nearest: Choice | undefined,
): LungclsError {
  const percent = (share: number): string => `${String(Number((100 * share).toFixed(1)))}%`;
  const asked = `${percent(validationShare)} of each class for validation, within ${percent(tolerance)}`;
  const advice = 'Ask for another share or a larger tolerance';
  const begin = `Found no split with ${asked}, that keeps every group on one side`;
  for (const [k, { name, tiles, least, most }] of quotas.entries()) {
    const largest = largestGroup(counts, k);
    const size = counts.at(largest, k);
    if (tiles === 0 || size <= most || tiles - size >= least) continue;
    const group = groups.names[largest] ?? 'of one tile';
    return new LungclsError(
      'SPLIT_IMPOSSIBLE',
      `${begin}: the group ${group} alone holds ${String(size)} of the ${String(tiles)} tiles of ${name}, too many for validation, and without it too few are left. ${advice}`,
    );
  }
  const sums = nearest?.sums ?? [];
  const off = quotas.map(
    ({ tiles, target }, k) => Math.abs((sums[k] ?? 0) - target) / (tiles || 1),
  );
  const worst = off.indexOf(Math.max(...off));
  const { name, tiles } = quotas[worst] ?? { name: '', tiles: 0 };
  const sum = sums[worst] ?? 0;
  return new LungclsError(
    'SPLIT_IMPOSSIBLE',
    `${begin}: the nearest one has ${String(sum)} of the ${String(tiles)} tiles of ${name} (${percent(sum / tiles)}). ${advice}`,
  );
}

function largestGroup(counts: GroupCounts, k: number): number {
  let largest = 0;
  for (let group = 1; group < counts.groups; group++) {
    if (counts.at(group, k) > counts.at(largest, k)) largest = group;
  }
  return largest;
}
