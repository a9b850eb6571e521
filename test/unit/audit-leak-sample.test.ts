/** How much of a validation part leaks, from a sample: the copies found, and the interval. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { countCopied } from '#src/audit/find-copies.js';
import { preprocess } from '#src/dataset/preprocess.js';
import { makeSampleTiles } from '#src/dataset/sample/tiles.js';
import { estimateLeakage } from '#src/dataset/leakage.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { parseCsv } from '#src/storage/csv.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

test("the interval is SciPy's", (t) => {
  // scipy.stats.binomtest(tiles, sampled).proportion_ci(method='wilson')
  for (const [tiles, sampled, low, high] of [
    [99, 100, 0.945514, 0.998233],
    [50, 100, 0.403832, 0.596168],
    [0, 100, 0, 0.036994],
    [7, 7, 0.64567, 1],
  ] as const) {
    const found = estimateLeakage(tiles, sampled, 12);
    t.is(found.share, tiles / sampled);
    t.true(Math.abs(found.low - low) < 1e-6, `${String(found.low)} for ${String(low)}`);
    t.true(Math.abs(found.high - high) < 1e-6, `${String(found.high)} for ${String(high)}`);
    t.is(found.among, 12);
  }
});

test('a tile has a copy where one of its candidates is of the same original', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'tiles');
  await makeSampleTiles({ output: input, originalsPerClass: 2, variantsPerOriginal: 5, seed: 3 });
  await preprocess({ input, output: join(root, 'store') });
  const store = await TileStore.open(join(root, 'store'));
  const [, ...truth] = parseCsv(await readFile(join(input, 'groups.csv'), 'utf8'));
  const groups = new Map(truth.map(([path = '', group = '']) => [path, group]));
  const all = Array.from({ length: store.count }, (_, tile) => tile);
  const of = (tile: number): string => groups.get(store.paths[tile] ?? '') ?? '';
  const copies = (tile: number): number[] => all.filter((o) => o !== tile && of(o) === of(tile));
  const others = (tile: number): number[] => all.filter((o) => of(o) !== of(tile));
  const search = { store, threads: 2 };
  const count = (candidates: (tile: number) => number[], tiles = all): Promise<number> =>
    countCopied(
      search,
      tiles.map((tile) => ({ tile, candidates: candidates(tile) })),
    );
  t.is(await count((tile) => others(tile).slice(0, 8)), 0);
  t.is(await count(copies), store.count);
  // Also where the copies are not the first candidates.
  t.is(await count((tile) => [...others(tile).slice(0, 3), ...copies(tile)]), store.count);
  const some = all.filter((tile) => of(tile) === of(0));
  t.is(
    await count((tile) => (of(tile) === of(0) ? copies(tile) : others(tile).slice(0, 8))),
    some.length,
  );
  t.is(await count(() => []), 0);
  const stopped = new AbortController();
  stopped.abort();
  await t.throwsAsync(
    countCopied({ ...search, signal: stopped.signal }, [{ tile: 0, candidates: [1] }]),
    { code: 'ABORTED' },
  );
  store.close();
});
