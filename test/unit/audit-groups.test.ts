/** Groups out of pairs, without tiles. */
import test from 'ava';
import { joinTiles, type Link } from '#src/audit/components.js';
import { findChain, findTile, summary } from '#src/audit/explain.js';
import { groupTiles } from '#src/audit/group-tiles.js';
import { nameGroups } from '#src/audit/groups-file.js';
import type { Relation } from '#src/audit/relations.js';
import { offCentre, verdictOf } from '#src/audit/verdict.js';
import { checkerboard, correlation, difference, warp } from '#src/audit/warp.js';
import type { Registration } from '#src/native/addon.js';

function registration(inliers: number, shift = 0, scale = 1): Registration {
  return { inliers, matches: 80, mirrored: false, factor: [scale, 0], shift: [shift, 0] };
}

function relation(from: number, onto: number, inliers: number, shift = 0): Relation {
  return { from, onto, registration: registration(inliers, shift) };
}

function link(from: number, onto: number, inliers: number): Link {
  return { from, onto, inliers };
}

function partition(n: number, links: readonly Link[]): number[] {
  const { sets } = joinTiles(n, links, 20);
  return Array.from({ length: n }, (_, i) => sets.find(i));
}

test('few places are chance, many are one original, or another field off-centre', (t) => {
  t.is(verdictOf(registration(9)), 'none');
  t.is(verdictOf(registration(10)), 'original');
  t.is(verdictOf(registration(10, 0.2)), 'original');
  t.is(verdictOf(registration(90, 0.21)), 'overlap');
  // 0.3 sides of a tile that is enlarged twice are 0.15 of what the other one shows.
  t.is(offCentre(registration(90, 0.3, 2)), 0.15);
  t.is(offCentre(registration(90, 0.3, 0.5)), 0.3);
});

test('sure links join; a weak one adds a tile, but is no bridge unless there are two', (t) => {
  const sets = [link(0, 1, 50), link(1, 2, 30), link(3, 4, 20), link(4, 5, 25)];
  t.deepEqual(partition(6, sets), [0, 0, 0, 3, 3, 3]);
  t.deepEqual(partition(7, [...sets, link(2, 6, 10)]), [0, 0, 0, 3, 3, 3, 0]);
  t.deepEqual(partition(6, [...sets, link(2, 3, 19)]), [0, 0, 0, 3, 3, 3]);
  t.deepEqual(partition(6, [...sets, link(2, 3, 20)]), [0, 0, 0, 0, 0, 0]);
  t.deepEqual(partition(6, [...sets, link(2, 3, 10), link(0, 5, 11)]), [0, 0, 0, 0, 0, 0]);
  // The tile in between was added to one of them by its only weak link to it.
  t.deepEqual(partition(7, [...sets, link(2, 6, 12), link(5, 6, 11)]), [0, 0, 0, 3, 3, 3, 0]);
});

test('what was refused and what joined is told', (t) => {
  const links = [link(0, 1, 50), link(2, 3, 40), link(1, 2, 12), link(0, 1, 15)];
  const { merges, refused } = joinTiles(4, links, 20);
  t.deepEqual(merges, [links[0], links[1]]);
  t.deepEqual(refused, [links[2]]);
});

test('two weak links of three sets join all of them in the end', (t) => {
  const pairs = [link(0, 1, 50), link(2, 3, 50), link(4, 5, 50)];
  const weak = [link(0, 2, 11), link(1, 3, 11), link(0, 4, 11), link(3, 5, 11)];
  t.deepEqual(partition(6, [...pairs, ...weak]), [0, 0, 0, 0, 0, 0]);
});

test('groups are numbered by their first row; overlapping ones are named and kept apart', (t) => {
  const relations = [relation(1, 3, 40), relation(0, 4, 12), relation(0, 1, 60, 0.5)];
  const grouping = groupTiles(Int32Array.of(0, 0, 0, 0, 1), relations);
  t.deepEqual([...grouping.groupOf], [0, 1, 2, 1, 0]);
  t.is(grouping.groups, 3);
  t.deepEqual(grouping.overlaps, [[0, 1]]);
  const joined = groupTiles(Int32Array.of(0, 0, 0, 0, 1), relations, { joinOverlaps: true });
  t.deepEqual([...joined.groupOf], [0, 0, 1, 0, 0]);
  t.deepEqual(joined.overlaps, []);
  const store = { classes: ['n', 'aca'], labels: Int32Array.of(0, 1, 0, 0, 1) };
  t.deepEqual(nameGroups(grouping, store), ['n-000', 'aca-000', 'n-001']);
});

test('the hint joins what is likeliest until there are as many groups, and no more', (t) => {
  const relations = [relation(0, 1, 9), relation(1, 2, 7), relation(2, 3, 8, 0.5)];
  const classOf = Int32Array.of(0, 0, 0, 0);
  t.is(groupTiles(classOf, relations).groups, 4);
  t.deepEqual([...groupTiles(classOf, relations, { originals: 3 }).groupOf], [0, 0, 1, 2]);
  // Nothing centred is left that would join the fourth.
  t.deepEqual([...groupTiles(classOf, relations, { originals: 1 }).groupOf], [0, 0, 0, 1]);
});

test('a chain is the shortest way, or none', (t) => {
  const pairs = [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 0],
    [5, 6],
  ] as const;
  t.deepEqual(findChain(7, pairs, 0, 2).length, 2);
  t.deepEqual(findChain(7, pairs, 3, 1), [
    [3, 2],
    [2, 1],
  ]);
  t.deepEqual(findChain(7, pairs, 0, 6), []);
});

test('a tile is found by row, path or the end of its path', (t) => {
  const store = { count: 3, paths: ['a/x.jpeg', 'b/x.jpeg', 'b/y.jpeg'] };
  t.is(findTile(store, '2'), 2);
  t.is(findTile(store, 'b/x.jpeg'), 1);
  t.is(findTile(store, 'y.jpeg'), 2);
  t.throws(() => findTile(store, 'x.jpeg'), { code: 'INVALID_OPTION' });
  t.throws(() => findTile(store, '3'), { code: 'INPUT_NOT_FOUND' });
});

test('a tile is drawn where its registration says', (t) => {
  const size = 4;
  const ramp = Uint8Array.from({ length: size * size * 3 }, (_, i) => i);
  const same = warp(ramp, size, registration(10));
  t.deepEqual(same.pixels, ramp);
  t.is(same.covered, 16);
  t.true(Math.abs(correlation(ramp, same) - 1) < 1e-9);
  t.true(difference(ramp, same).every((value) => value === 0));
  t.deepEqual(checkerboard(ramp, same, size), ramp);
  // One column to the right in the second tile; the last one has nothing to show.
  const moved = warp(ramp, size, registration(10, 0.25));
  t.deepEqual([...moved.pixels.subarray(0, 12)], [3, 4, 5, 6, 7, 8, 9, 10, 11, 255, 255, 255]);
  t.is(moved.covered, 12);
  const flipped = warp(ramp, size, { ...registration(10), mirrored: true });
  t.deepEqual([...flipped.pixels.subarray(0, 12)], [...ramp.subarray(36, 48)]);
  t.true(Number.isNaN(correlation(ramp, warp(ramp, size, registration(10, 2)))));
});

test('the summary says what was found', (t) => {
  const step = {
    from: 'a',
    onto: 'b',
    verdict: 'original',
    inliers: 42,
    matches: 90,
    rotation: -12.34,
    scale: 1.5,
    mirrored: true,
    offCentre: 0.01,
    correlation: 0.987,
    covered: 1,
  } as const;
  t.is(
    summary(step),
    'one original: 42 of 90 places agree, turned by -12.3 degrees, mirrored, scale 1.50, off-centre by 1.0 % of a side, correlation 0.99',
  );
});
