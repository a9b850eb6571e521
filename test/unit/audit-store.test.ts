/** The audit of stores: drawn tiles with their true groups, and some of the real archive. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import sharp from 'sharp';
import { audit } from '#src/audit/audit.js';
import { explainPair } from '#src/audit/explain.js';
import { LIMITS } from '#src/config.js';
import { openDataset } from '#src/dataset/dataset.js';
import { preprocess } from '#src/dataset/preprocess.js';
import { makeSampleTiles } from '#src/dataset/sample/tiles.js';
import { sourceNumbers, nativeFile } from '#src/imaging/native-source.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { loadAddon } from '#src/native/addon.js';
import { parseCsv } from '#src/storage/csv.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { sharedData } from '../fixtures/shared-data.js';

/** path -> group, without the header. */
async function readGroups(path: string): Promise<Map<string, string>> {
  const [, ...rows] = parseCsv(await readFile(path, 'utf8'));
  return new Map(rows.map(([name = '', group = '']) => [name, group]));
}

/** Of the pairs of tiles that are in one group of the first, the share that is in one of the second. */
function pairShare(of: ReadonlyMap<string, string>, also: ReadonlyMap<string, string>): number {
  const paths = [...of.keys()];
  let pairs = 0;
  let both = 0;
  for (const [i, a] of paths.entries()) {
    for (const b of paths.slice(i + 1)) {
      if (of.get(a) !== of.get(b)) continue;
      pairs++;
      if (also.get(a) === also.get(b)) both++;
    }
  }
  return both / pairs;
}

async function drawnStore(t: ExecutionContext): Promise<{ root: string; store: string }> {
  const root = await temporaryFolder(t);
  const input = join(root, 'tiles');
  await makeSampleTiles({ output: input, originalsPerClass: 2, variantsPerOriginal: 5, seed: 3 });
  const store = join(root, 'store');
  await preprocess({ input, output: store });
  return { root, store };
}

test('drawn tiles are grouped as they were made; files, figures, picture', async (t) => {
  const { root, store } = await drawnStore(t);
  const stages = new Set<string>();
  const result = await audit({ store, onProgress: ({ stage }) => stages.add(stage) });
  t.deepEqual([...stages], ['describe', 'search', 'register']);
  const truth = await readGroups(join(root, 'tiles', 'groups.csv'));
  const found = await readGroups(join(store, 'groups.csv'));
  t.is(pairShare(found, truth), 1);
  t.true(pairShare(truth, found) > 0.9);
  t.is(result.tiles, 30);
  t.deepEqual(result.mixedGroups, []);
  const opened = await TileStore.open(store);
  t.deepEqual([...found.keys()], [...opened.paths]);
  t.is(found.get(opened.paths[0] ?? ''), 'lung_n-000');
  opened.close();
  const facts = JSON.parse(await readFile(join(store, 'audit.json'), 'utf8')) as {
    storeFingerprint: string;
    groups: number;
    randomSplit: { validation: number; leaked: number };
  };
  t.is(facts.storeFingerprint, opened.fingerprint);
  t.is(facts.groups, new Set(found.values()).size);
  t.is(facts.randomSplit.validation, 6);
  t.is(facts.randomSplit.leaked, 6);

  await t.throwsAsync(audit({ store }), { code: 'OUTPUT_EXISTS' });
  // Another run, by one thread, into another folder: the same file.
  const output = join(root, 'again');
  await audit({ store, output, threads: 1 });
  t.deepEqual(
    await readFile(join(output, 'groups.csv')),
    await readFile(join(store, 'groups.csv')),
  );

  const [first = '', second = ''] = opened.paths.filter(
    (path) => found.get(path) === found.get(opened.paths[0] ?? ''),
  );
  const picture = join(root, 'pair.png');
  const { steps } = await explainPair({ store, tiles: [first, second], output: picture });
  t.true(steps.length > 0);
  for (const step of steps) {
    t.is(step.verdict, 'original');
    t.true(step.correlation > 0.5, JSON.stringify(step));
  }
  t.is((await sharp(picture).metadata()).format, 'png');
  const stranger = opened.paths.at(-1) ?? '';
  const apart = await explainPair({ store, tiles: [first, stranger], output: picture });
  t.is(apart.steps[0]?.verdict, 'none');
});

test('stopped, it leaves nothing', async (t) => {
  const { root, store } = await drawnStore(t);
  const controller = new AbortController();
  const before = await readdir(store);
  await t.throwsAsync(
    audit({
      store,
      output: join(root, 'out'),
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'search') controller.abort();
      },
    }),
    { code: 'ABORTED' },
  );
  t.deepEqual(await readdir(store), before);
  t.false((await readdir(root)).includes('out'));
  await t.throwsAsync(audit({ store, originals: 0 }), { code: 'INVALID_OPTION' });
});

const archive = sharedData('lc25000-lung-224.zip');
const groups = sharedData('lc25000-groups-aca-n.csv');

/** Writes the tiles of some originals of the archive into a folder, a sub-folder a class. */
async function extract(from: string, wanted: ReadonlySet<string>, to: string): Promise<void> {
  for (const { source } of (await openDataset(from)).items) {
    const name = source.path.split('/').slice(-2).join('/');
    if (!wanted.has(name)) continue;
    const { bytes } = await loadAddon().readSource(
      nativeFile(source),
      sourceNumbers([source]),
      LIMITS.maxFileBytes,
    );
    await mkdir(dirname(join(to, name)), { recursive: true });
    await writeFile(join(to, name), bytes);
  }
}

(archive === undefined || groups === undefined ? test.skip : test)(
  'ten originals of each of two classes of the archive are told apart',
  async (t) => {
    if (archive === undefined || groups === undefined) return;
    const all = await readGroups(groups);
    const truth = new Map([...all].filter(([, group]) => /-00\d$/.test(group)));
    const root = await temporaryFolder(t);
    const input = join(root, 'tiles');
    await extract(archive, new Set(truth.keys()), input);
    const store = join(root, 'store');
    await preprocess({ input, output: store });
    const result = await audit({ store });
    const found = await readGroups(join(store, 'groups.csv'));
    t.is(found.size, truth.size);
    const [precision, recall] = [pairShare(found, truth), pairShare(truth, found)];
    t.log(`${String(found.size)} tiles, precision ${String(precision)}, recall ${String(recall)}`);
    t.true(precision >= 0.99);
    t.true(recall >= 0.98);
    t.true((result.randomSplit?.share ?? 0) > 0.9);
  },
);
