/** Groups of tiles out of pairs: connected components, with weak bridges held to more. */

/** Two tiles that registration takes for copies of one original. */
export interface Link {
  readonly from: number;
  readonly onto: number;
  /** Places they share. */
  readonly inliers: number;
}

/** Disjoint sets of the numbers 0 to n - 1; the smallest number of a set stands for it. */
export class DisjointSets {
  readonly #parent: Uint32Array;

  constructor(n: number) {
    this.#parent = Uint32Array.from({ length: n }, (_, i) => i);
  }

  find(i: number): number {
    let root = i;
    for (let up = this.#up(root); up !== root; up = this.#up(root)) root = up;
    while (this.#up(i) !== root) {
      const next = this.#up(i);
      this.#parent[i] = root;
      i = next;
    }
    return root;
  }

  /** @returns false where they were in one set before */
  unite(a: number, b: number): boolean {
    const [x, y] = [this.find(a), this.find(b)];
    this.#parent[Math.max(x, y)] = Math.min(x, y);
    return x !== y;
  }

  #up(i: number): number {
    return this.#parent[i] ?? i;
  }
}

export interface Components {
  readonly sets: DisjointSets;
  /** The links that joined two sets, in the order in which they did: a spanning forest. */
  readonly merges: readonly Link[];
  /** Links left out: the only bridge between two sets, and a weak one. */
  readonly refused: readonly Link[];
}

/**
 * Joins tiles by their links, the surest first. A link of fewer than `sure` inliers may extend a set by
 * a single tile, but joins two sets of several tiles only where a second link does so too: one chance
 * agreement must not chain two originals.
 * @param n number of tiles
 */
export function joinTiles(n: number, links: readonly Link[], sure: number): Components {
  const sets = new DisjointSets(n);
  const sizes = new Uint32Array(n).fill(1);
  const merges: Link[] = [];
  const join = (link: Link): void => {
    const [a, b] = [sets.find(link.from), sets.find(link.onto)];
    if (!sets.unite(a, b)) return;
    sizes[sets.find(a)] = (sizes[a] ?? 0) + (sizes[b] ?? 0);
    merges.push(link);
  };
  const sorted = [...links].sort(surestFirst);
  const weak = sorted.filter(({ inliers }) => inliers < sure);
  for (const link of sorted) if (link.inliers >= sure) join(link);
  const several = (i: number): boolean => (sizes[sets.find(i)] ?? 1) > 1;
  const held: Link[] = [];
  for (const link of weak) {
    if (several(link.from) && several(link.onto)) held.push(link);
    else join(link);
  }
  // Which sets a link bridges changes as sets are joined: once more after every change.
  let refused = held;
  for (;;) {
    const bridges = new Map<string, Link[]>();
    for (const link of refused) {
      const ends = [sets.find(link.from), sets.find(link.onto)].sort((a, b) => a - b);
      if (ends[0] === ends[1]) continue;
      const key = ends.join(' ');
      bridges.set(key, [...(bridges.get(key) ?? []), link]);
    }
    const double = [...bridges.values()].filter(({ length }) => length > 1);
    refused = [...bridges.values()].flat();
    if (double.length === 0) return { sets, merges, refused };
    for (const [link] of double) if (link !== undefined) join(link);
  }
}

/** Of equals the lower rows first, so that the order is the same everywhere. */
export function surestFirst(a: Link, b: Link): number {
  return b.inliers - a.inliers || a.from - b.from || a.onto - b.onto;
}
