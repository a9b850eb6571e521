/** Groups of tiles of one original, out of registered pairs. */
import { joinTiles, surestFirst, type DisjointSets, type Link } from './components.js';
import type { Relation } from './relations.js';
import { MAX_OFF_CENTRE, MIN_INLIERS, offCentre, verdictOf } from './verdict.js';

/** A link of so many inliers joins two sets of tiles by itself: twice what is asked of any. */
const SURE_INLIERS = 2 * MIN_INLIERS;
/** Fewest inliers of links that are taken because there are more groups than originals. */
export const LEAST_INLIERS = 6;

export interface Grouping {
  /** Number of the group of each row, groups being numbered by their first row. */
  readonly groupOf: Uint32Array;
  readonly groups: number;
  /** The pairs that joined groups, one fewer than tiles in each group together. */
  readonly merges: readonly Link[];
  /** Pairs that looked like copies, but were the only weak link between two groups. */
  readonly refused: readonly Link[];
  /** Pairs of different groups that share tissue: neighbouring fields of one slide. */
  readonly overlaps: readonly (readonly [group: number, other: number])[];
}

export interface GroupingOptions {
  /**
   * How many originals each class has, where that is known. While a class has more groups than that,
   * those whose link is surest are joined, though it be weaker than is asked otherwise.
   */
  readonly originals?: number | undefined;
  /** Fields that overlap count as one original. */
  readonly joinOverlaps?: boolean;
}

/** @param classOf class index of each row */
export function groupTiles(
  classOf: Int32Array,
  relations: readonly Relation[],
  { originals, joinOverlaps = false }: GroupingOptions = {},
): Grouping {
  const joined = joinOverlaps ? ['original', 'overlap'] : ['original'];
  const links = relations
    .filter(({ registration }) => joined.includes(verdictOf(registration)))
    .map(linkOf);
  const { sets, merges, refused } = joinTiles(classOf.length, links, SURE_INLIERS);
  const more = originals === undefined ? [] : joinTo(originals, classOf, relations, sets);
  const { groupOf, groups } = number(sets, classOf.length);
  return {
    groupOf,
    groups,
    merges: [...merges, ...more],
    refused: refused.filter(({ from, onto }) => groupOf[from] !== groupOf[onto]),
    overlaps: overlapsOf(relations, groupOf),
  };
}

function linkOf({ from, onto, registration }: Relation): Link {
  return { from, onto, inliers: registration.inliers };
}

/** Joins sets of each class by weaker links until there are no more than `originals`. */
function joinTo(
  originals: number,
  classOf: Int32Array,
  relations: readonly Relation[],
  sets: DisjointSets,
): Link[] {
  const left = new Map<number, number>();
  classOf.forEach((label, row) => {
    if (sets.find(row) === row) left.set(label, (left.get(label) ?? 0) + 1);
  });
  const merges: Link[] = [];
  const centred = relations.filter(({ registration }) => offCentre(registration) <= MAX_OFF_CENTRE);
  for (const link of centred.map(linkOf).sort(surestFirst)) {
    const label = classOf[link.from] ?? -1;
    const groups = left.get(label) ?? 0;
    if (label !== classOf[link.onto] || groups <= originals) continue;
    if (!sets.unite(link.from, link.onto)) continue;
    left.set(label, groups - 1);
    merges.push(link);
  }
  return merges;
}

function number(sets: DisjointSets, n: number): { groupOf: Uint32Array; groups: number } {
  const groupOf = new Uint32Array(n);
  let groups = 0;
  for (let row = 0; row < n; row++) {
    const root = sets.find(row);
    groupOf[row] = root === row ? groups++ : (groupOf[root] ?? 0);
  }
  return { groupOf, groups };
}

function overlapsOf(relations: readonly Relation[], groupOf: Uint32Array): [number, number][] {
  const found = new Map<string, [number, number]>();
  for (const { from, onto, registration } of relations) {
    if (verdictOf(registration) === 'none') continue;
    const [a, b] = [groupOf[from] ?? 0, groupOf[onto] ?? 0];
    if (a === b) continue;
    const pair: [number, number] = [Math.min(a, b), Math.max(a, b)];
    found.set(pair.join(' '), pair);
  }
  return [...found.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}
