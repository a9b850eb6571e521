/** The grouped split: nothing on two sides, sizes as asked, the same by seed; and the leak audit. */
import test from 'ava';
import { groupedSplit, type GroupedSplitOptions } from '#src/dataset/grouped-split.js';
import { numberGroups } from '#src/dataset/groups.js';
import { MersenneTwister } from '#src/dataset/random-state.js';
import { trainTestSplit, type Split } from '#src/dataset/split.js';
import { LungclsError } from '#src/errors.js';
import { measureLeakage } from '#src/dataset/leakage.js';

/** Groups as lists of (class, tiles): tiles of a group stand together, as a store has them. */
type GroupTiles = readonly (readonly [label: number, tiles: number])[];

function problem(
  groups: readonly GroupTiles[],
  more: Partial<GroupedSplitOptions> = {},
): GroupedSplitOptions {
  const labels: number[] = [];
  const names: string[] = [];
  for (const [g, parts] of groups.entries()) {
    for (const [label, tiles] of parts) {
      for (let i = 0; i < tiles; i++) {
        labels.push(label);
        names.push(`group ${String(g)}`);
      }
    }
  }
  const classes = Array.from({ length: Math.max(...labels) + 1 }, (_, c) => `class ${String(c)}`);
  return {
    labels: Int32Array.from(labels),
    classes,
    groups: numberGroups('test', names),
    validationShare: 0.2,
    tolerance: 0.01,
    seed: 2022,
    ...more,
  };
}

/** What is wrong with a split, or ''. */
function fault(options: GroupedSplitOptions, { train, validation }: Split): string {
  const { labels, groups, classes, validationShare, tolerance } = options;
  const all = [...train, ...validation];
  if (all.length !== labels.length || new Set(all).size !== labels.length) return 'tiles missing';
  const side = (part: Int32Array): Set<number | undefined> =>
    new Set(Array.from(part, (tile) => groups.ids[tile]));
  const trained = side(train);
  const shared = [...side(validation)].filter((group) => trained.has(group));
  if (shared.length > 0) return `groups on both sides: ${shared.join()}`;
  const off = (name: string, part: number, whole: number): string => {
    const fine = Math.abs(part - validationShare * whole) <= Math.max(tolerance * whole, 1);
    return fine ? '' : `${name}: ${String(part)} of ${String(whole)}`;
  };
  const count = (tiles: Iterable<number>, c: number): number =>
    [...tiles].filter((tile) => labels[tile] === c).length;
  return [
    off('all', validation.length, labels.length),
    ...classes.map((name, c) => off(name, count(validation, c), count(labels.keys(), c))),
  ]
    .filter((text) => text !== '')
    .join('; ');
}

const RANDOM = new MersenneTwister(1);
/** An integer from `from` to `to`. */
const dice = (from: number, to: number): number => from + RANDOM.interval(to - from);

test('as many groups as LC25000 has, of sizes as there', (t) => {
  const groups = [0, 1, 2].flatMap((label) =>
    Array.from({ length: 250 }, (): GroupTiles => [[label, dice(1, 39)]]),
  );
  for (const validationShare of [0.1, 0.2, 0.5, 0.8]) {
    const options = problem(groups, { validationShare });
    t.is(fault(options, groupedSplit(options)), '', String(validationShare));
  }
});

test('very unequal sizes', (t) => {
  // A group of half the class, then a third, ... down to single tiles.
  const groups = [0, 1].flatMap((label) =>
    Array.from({ length: 60 }, (_, i): GroupTiles => [[label, Math.ceil(2000 / (i + 1) ** 1.5)]]),
  );
  for (let seed = 0; seed < 5; seed++) {
    const options = problem(groups, { seed });
    t.is(fault(options, groupedSplit(options)), '', String(seed));
  }
});

test('groups of several classes', (t) => {
  const groups = Array.from({ length: 80 }, (): GroupTiles => [
    [0, dice(0, 12)],
    [1, dice(1, 20)],
    [dice(0, 4), dice(1, 9)],
  ]);
  const options = problem(groups);
  t.is(fault(options, groupedSplit(options)), '');
});

test('single tiles, and many classes of a few', (t) => {
  const groups = Array.from({ length: 50 * 12 }, (_, i): GroupTiles => [[i % 50, 1]]);
  const options = problem(groups);
  const split = groupedSplit(options);
  t.is(fault(options, split), '');
  t.is(split.validation.length, 120, 'as near as single tiles can be');
});

test('whatever can be split is split, and nothing else', (t) => {
  let possible = 0;
  for (let round = 0; round < 40; round++) {
    const groups = Array.from({ length: 9 }, (): GroupTiles => [
      [0, dice(1, 40)],
      ...(round % 2 === 0 ? [] : ([[1, dice(0, 40)]] as const)),
    ]);
    const options = problem(groups, { validationShare: dice(20, 50) / 100, seed: round });
    const exists = Array.from({ length: 2 ** 9 }, (_, taken) => {
      const takes = (tile: number): boolean =>
        ((taken >> (options.groups.ids[tile] ?? 0)) & 1) === 1;
      const order = Int32Array.from(options.labels.keys());
      const split = { train: order.filter((i) => !takes(i)), validation: order.filter(takes) };
      return split.train.length > 0 && split.validation.length > 0 && fault(options, split) === '';
    }).includes(true);
    if (exists) {
      possible += 1;
      t.is(fault(options, groupedSplit(options)), '', String(round));
    } else {
      t.throws(() => groupedSplit(options), { code: 'SPLIT_IMPOSSIBLE' }, String(round));
    }
  }
  t.true(possible > 10 && possible < 50, String(possible));
});

test('the seed decides, and the parts are in random order', (t) => {
  const groups = Array.from({ length: 100 }, (_, i): GroupTiles => [[i % 2, 10]]);
  const split = (seed: number): Split => groupedSplit(problem(groups, { seed }));
  t.deepEqual(split(3), split(3));
  t.notDeepEqual([...split(3).validation].sort(), [...split(4).validation].sort());
  const { train, validation } = split(3);
  t.notDeepEqual(
    [...train],
    [...train].sort((a, b) => a - b),
  );
  t.notDeepEqual(
    [...validation],
    [...validation].sort((a, b) => a - b),
  );
});

test('what cannot be split says why', (t) => {
  const error = (groups: readonly GroupTiles[], more = {}): LungclsError | undefined =>
    t.throws(() => groupedSplit(problem(groups, more)), { instanceOf: LungclsError });
  const small = Array.from({ length: 50 }, (): GroupTiles => [[0, 2]]);
  const large = error([...small, [[1, 90]], [[1, 10]]]);
  t.is(large?.code, 'SPLIT_IMPOSSIBLE');
  t.regex(
    large?.message ?? '',
    /20% of each class for validation, within 1%.*: the group group 50 alone holds 90 of the 100 tiles of class 1/,
  );
  t.regex(
    error([...small, [[1, 30]]])?.message ?? '',
    /group 50 alone holds 30 of the 30 tiles of class 1/,
  );
  // What is too coarse for a point may do for more.
  const coarse = Array.from({ length: 6 }, (): GroupTiles => [[0, 50]]);
  t.regex(
    error(coarse)?.message ?? '',
    /the nearest one has 50 of the 300 tiles of class 0 \(16\.7%\)/,
  );
  const options = problem(coarse, { tolerance: 0.05 });
  t.is(fault(options, groupedSplit(options)), '');
});

test('the leak audit counts validation tiles with a sibling in training', (t) => {
  const groups = numberGroups('test', ['a', 'a', 'b', 'b', undefined, 'c', undefined, 'a']);
  const split = { train: Int32Array.of(0, 3, 4), validation: Int32Array.of(1, 2, 5, 6, 7) };
  t.deepEqual(measureLeakage(split, groups), { tiles: 3, share: 0.6, groups: 2, unknown: 1 });
});

test('a random split of copies leaks, a grouped one does not', (t) => {
  const groups = Array.from({ length: 60 }, (_, i): GroupTiles => [[i % 3, 20]]);
  const options = problem(groups);
  const random = trainTestSplit(options.labels.length, 0.2, 2022);
  t.true(measureLeakage(random, options.groups).share > 0.95);
  t.is(measureLeakage(groupedSplit(options), options.groups).tiles, 0);
});
