/** The store on disk: what the writer leaves, what the reader accepts. */
import { execFileSync } from 'node:child_process';
import {
  appendFile,
  copyFile,
  cp,
  mkdir,
  readFile,
  readdir,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import {
  parsePreprocessingSpec,
  preprocessingFingerprint,
  preprocessingSpec,
  RESIZE_MODES,
  type ResizeMode,
} from '#src/imaging/preprocessing.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { TileStoreWriter } from '#src/imaging/tile-store-writer.js';
import { pythonReference } from '../fixtures/python.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const SIZE = 4;
const TILE = SIZE * SIZE * 3;
const spec = preprocessingSpec(SIZE);
const options = { spec, keepDamaged: false };

/** Image i has the pixels i, i, ...; every fifth one fails, and has stale bytes in its place. */
function decoded(first: number, count: number) {
  const tiles = new Uint8Array(count * TILE);
  const statuses = Array.from({ length: count }, (_, k) => {
    const i = first + k;
    tiles.fill(i % 5 === 4 ? 255 : i, k * TILE, (k + 1) * TILE);
    return i % 5 === 4
      ? { status: 'damaged', message: `image ${String(i)}` }
      : { status: 'ok', message: '' };
  });
  return { tiles, statuses };
}

const content = (count: number) => ({
  classes: ['a', 'b, "quoted"'],
  images: Array.from({ length: count }, (_, i) => ({
    path: `x/${String(i)}\n.jpeg`,
    label: i < 6 ? 0 : 1,
    group: i === 0 ? 'g1' : '',
  })),
  source: { kind: 'folder' as const, name: 'x', images: count },
});

async function makeStore(directory: string, steps: readonly number[]): Promise<void> {
  const writer = await TileStoreWriter.open(directory, options);
  let first = 0;
  for (const count of steps) {
    await writer.append(decoded(first, count));
    first += count;
  }
  await writer.finish(content(first));
}

test('a store holds the tiles of images that have one, and a line of each image', async (t) => {
  const root = await temporaryFolder(t);
  await makeStore(root, [3, 7, 1, 1]);
  t.deepEqual((await readdir(root)).sort(), [
    'images.npy',
    'index.csv',
    'labels.npy',
    'store.json',
  ]);
  const store = await TileStore.open(root);
  t.teardown(() => {
    store.close();
  });
  const kept = [0, 1, 2, 3, 5, 6, 7, 8, 10, 11];
  t.is(store.count, 10);
  t.deepEqual(store.classes, ['a', 'b, "quoted"']);
  t.deepEqual(
    [...store.labels],
    kept.map((i) => (i < 6 ? 0 : 1)),
  );
  t.deepEqual(
    store.paths,
    kept.map((i) => `x/${String(i)}\n.jpeg`),
  );
  t.is(store.groups[0], 'g1');
  t.is(store.preprocessingFingerprint, preprocessingFingerprint(spec));
  t.deepEqual(store.description.counts, {
    a: { ok: 5, damaged: 1 },
    'b, "quoted"': { ok: 5, damaged: 1 },
  });
  const index = await readFile(join(root, 'index.csv'), 'utf8');
  t.true(index.startsWith('row,path,label,group,status\n0,"x/0\n.jpeg",a,g1,ok\n'));
  t.true(index.includes('\n,"x/4\n.jpeg",a,,damaged\n4,"x/5\n.jpeg",a,,ok\n'));
  const out = new Uint8Array(3 * TILE);
  await store.readTiles([9, 0, 4], out);
  t.deepEqual([out[0], out[TILE], out[2 * TILE], out[3 * TILE - 1]], [11, 0, 5, 5]);
});

const python = pythonReference(['numpy']);
(python === undefined ? test.skip : test)('NumPy opens it', async (t) => {
  const root = await temporaryFolder(t);
  await makeStore(root, [12]);
  const script = `
import sys, numpy as np
x = np.load(sys.argv[1] + "/images.npy", mmap_mode="r")
y = np.load(sys.argv[1] + "/labels.npy")
print(x.shape, x.dtype, x[:, 0, 0, 0].tolist(), y.shape, y.dtype, y.tolist())`;
  const text = execFileSync(python ?? '', ['-c', script, root], { encoding: 'utf8' });
  t.is(
    text.trim(),
    '(10, 4, 4, 3) uint8 [0, 1, 2, 3, 5, 6, 7, 8, 10, 11] (10,) int64 [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]',
  );
});

test('batches: any rows, any size, all of them; the last may be smaller', async (t) => {
  const root = await temporaryFolder(t);
  await makeStore(root, [12]);
  const store = await TileStore.open(root);
  const read = async (rows: number[] | undefined, size: number): Promise<number[][]> => {
    const batches: number[][] = [];
    for await (const batch of store.batches(rows, size)) {
      t.is(batch.tiles.length, batch.count * TILE);
      t.is(batch.rows.length, batch.count);
      batches.push(Array.from({ length: batch.count }, (_, i) => batch.tiles[i * TILE] ?? -1));
    }
    return batches;
  };
  t.deepEqual(await read(undefined, 4), [
    [0, 1, 2, 3],
    [5, 6, 7, 8],
    [10, 11],
  ]);
  t.deepEqual(await read([9, 9, 0], 2), [[11, 11], [0]]);
  t.deepEqual(await read([], 2), []);
  t.deepEqual(await read(undefined, 100), [[0, 1, 2, 3, 5, 6, 7, 8, 10, 11]]);
  for await (const batch of store.batches(undefined, 1)) {
    t.is(batch.count, 1);
    break;
  }
  const out = new Uint8Array(TILE);
  await t.throwsAsync(store.readTiles([10], out), {
    code: 'INVALID_OPTION',
    message: /from 0 to 9.*10/,
  });
  await t.throwsAsync(store.readTiles([-1], out), { code: 'INVALID_OPTION' });
  await t.throwsAsync(store.readTiles([0, 1], out), {
    code: 'INVALID_OPTION',
    message: /96 bytes.*48/,
  });
  await t.throwsAsync(read(undefined, 0), {
    code: 'INVALID_OPTION',
    message: /batchSize.*0 of type number/,
  });
  store.close();
  await t.throwsAsync(store.readTiles([0], out), { code: 'CLOSED' });
});

test('a writer that was stopped goes on, and gives the same bytes', async (t) => {
  const root = await temporaryFolder(t);
  const whole = join(root, 'whole');
  const resumed = join(root, 'resumed');
  await mkdir(whole);
  await mkdir(resumed);
  await makeStore(whole, [12]);
  const first = await TileStoreWriter.open(resumed, options);
  await first.append(decoded(0, 5));
  await first.flush();
  await first.append(decoded(5, 2));
  await first.close();
  // What a kill may leave behind the last checkpoint.
  await appendFile(join(resumed, 'images.npy'), 'half a tile');
  await appendFile(join(resumed, 'journal'), '0badc0de [["ok",1],["o');
  const second = await TileStoreWriter.open(resumed, options);
  t.is(second.done, 7);
  t.is(second.rows, 6);
  await second.append(decoded(7, 5));
  await second.finish(content(12));
  for (const name of await readdir(whole)) {
    t.deepEqual(await readFile(join(resumed, name)), await readFile(join(whole, name)), name);
  }
  t.deepEqual((await readdir(resumed)).sort(), (await readdir(whole)).sort());
});

test('a writer that was stopped while it finished gives the same bytes, wherever that was', async (t) => {
  const root = await temporaryFolder(t);
  const whole = join(root, 'whole');
  await mkdir(whole);
  const writer = await TileStoreWriter.open(whole, options);
  await writer.append(decoded(0, 12));
  await writer.flush();
  const journal = await readFile(join(whole, 'journal'));
  await writer.finish(content(12));
  const names = ['images.npy', 'labels.npy', 'index.csv', 'store.json'];
  t.deepEqual((await readdir(whole)).sort(), [...names].sort());
  // In the order in which they are written: one more is there each time, and at last the journal goes.
  for (let written = 1; written <= names.length + 1; written++) {
    const stopped = join(root, String(written));
    await mkdir(stopped);
    for (const name of names.slice(0, written)) {
      await copyFile(join(whole, name), join(stopped, name));
    }
    const last = written > names.length;
    if (!last) await writeFile(join(stopped, 'journal'), journal);
    const again = await TileStoreWriter.open(stopped, options);
    t.is(again.done, last ? 0 : 12);
    if (last) await again.append(decoded(0, 12));
    await again.finish(content(12));
    t.deepEqual((await readdir(stopped)).sort(), [...names].sort());
    for (const name of names) {
      t.deepEqual(await readFile(join(stopped, name)), await readFile(join(whole, name)), name);
    }
  }
});

test('a journal cut off at any byte vouches for whole lines alone', async (t) => {
  const root = await temporaryFolder(t);
  const whole = join(root, 'whole');
  await mkdir(whole);
  await makeStore(whole, [12]);
  const first = await TileStoreWriter.open(root, options);
  for (let i = 0; i < 9; i += 3) {
    await first.append(decoded(i, 3));
    await first.flush();
  }
  await first.close();
  const journal = await readFile(join(root, 'journal'));
  const images = await readFile(join(root, 'images.npy'));
  const stopped = join(root, 'stopped');
  await mkdir(stopped);
  for (let length = 0; length <= journal.length; length++) {
    await writeFile(join(stopped, 'journal'), journal.subarray(0, length));
    await writeFile(join(stopped, 'images.npy'), images);
    const lines = journal.subarray(0, length).toString().split('\n').length - 1;
    const again = await TileStoreWriter.open(stopped, options);
    t.is(again.done, 3 * lines);
    await again.append(decoded(again.done, 12 - again.done));
    await again.finish(content(12));
    t.deepEqual(
      await readFile(join(stopped, 'images.npy')),
      await readFile(join(whole, 'images.npy')),
    );
    t.deepEqual(
      await readFile(join(stopped, 'store.json')),
      await readFile(join(whole, 'store.json')),
    );
  }
});

test('a journal that is not believed', async (t) => {
  const root = await temporaryFolder(t);
  const first = await TileStoreWriter.open(root, options);
  await first.append(decoded(0, 3));
  await first.flush();
  await first.append(decoded(3, 3));
  await first.close();
  const journal = join(root, 'journal');
  const text = await readFile(journal, 'utf8');
  t.is(text.split('\n').length, 3);
  // A wrong byte in the second line: only the first counts.
  await writeFile(journal, `${text.slice(0, -4)}X${text.slice(-3)}`);
  const second = await TileStoreWriter.open(root, options);
  t.is(second.done, 3);
  await second.close();
  // Tiles that the journal speaks of are gone: nothing counts.
  await truncate(join(root, 'images.npy'), 200);
  const third = await TileStoreWriter.open(root, options);
  t.is(third.done, 0);
  await third.close();
});

test('damaged tiles are kept when asked for', async (t) => {
  const root = await temporaryFolder(t);
  const writer = await TileStoreWriter.open(root, { spec, keepDamaged: true });
  await writer.append(decoded(0, 5));
  const description = await writer.finish(content(5));
  t.is(description.rows, 5);
  const index = await readFile(join(root, 'index.csv'), 'utf8');
  t.true(index.endsWith('\n4,"x/4\n.jpeg",a,,damaged\n'));
});

test('the fingerprint changes with pixels, labels, paths, order, and with nothing else', async (t) => {
  const make = async (
    change: (c: ReturnType<typeof content>) => void,
    pixel?: number,
  ): Promise<string> => {
    const writer = await TileStoreWriter.open(await temporaryFolder(t), options);
    const tiles = decoded(0, 4);
    if (pixel !== undefined) tiles.tiles[pixel] = 99;
    await writer.append(tiles);
    const all = content(4);
    change(all);
    return (await writer.finish(all)).fingerprint;
  };
  const same = await make(() => undefined);
  t.is(await make((c) => void (c.source.name = 'elsewhere')), same);
  t.not(await make(() => undefined, 4 * TILE - 1), same);
  t.not(await make((c) => void ((c.images[1] as { label: number }).label = 1)), same);
  t.not(await make((c) => void ((c.images[1] as { path: string }).path = 'y')), same);
  t.not(await make((c) => void c.images.reverse()), same);
  t.not(await make((c) => void c.classes.reverse()), same);
});

test('stores that are incomplete or inconsistent are refused, saying what was expected', async (t) => {
  const root = await temporaryFolder(t);
  const good = join(root, 'good');
  await mkdir(good);
  await makeStore(good, [12]);
  let number = 0;
  const refused = async (
    spoil: (directory: string) => Promise<unknown>,
    message: RegExp,
    code = 'STORE_INVALID',
  ): Promise<void> => {
    const bad = join(root, `bad${String(number++)}`);
    await cp(good, bad, { recursive: true });
    await spoil(bad);
    await t.throwsAsync(TileStore.open(bad), { code, message });
  };
  const edit =
    (name: string, from: string, to: string) =>
    async (directory: string): Promise<void> => {
      const path = join(directory, name);
      const text = await readFile(path, 'latin1');
      t.true(text.includes(from), `${name} has ${from}`);
      await writeFile(path, text.replace(from, to), 'latin1');
    };
  await refused((d) => rm(d, { recursive: true }), /No such tile store/, 'INPUT_NOT_FOUND');
  await refused((d) => rm(join(d, 'store.json')), /not a tile store: expected store.json/);
  await refused(edit('store.json', 'lungcls-tile-store', 'x'), /format.*"x"/);
  await refused(edit('store.json', '"version": 1', '"version": 2'), /version 1 but found 2/);
  await refused(edit('store.json', 'cv2', 'nearest'), /preprocessing is none/);
  await refused(edit('store.json', 'cv2', 'area'), /preprocessing is not the one/);
  await refused(
    edit('store.json', '"rows": 10', '"rows": 11'),
    /images.npy.*\(11, 4, 4, 3\).*\(10, 4, 4, 3\)/,
  );
  await refused(edit('store.json', '{', ''), /not valid JSON/);
  await refused((d) => rm(join(d, 'images.npy')), /images.npy: expected an array but found none/);
  await refused(
    (d) => truncate(join(d, 'images.npy'), 400),
    /images.npy: expected 608 bytes but found 400/,
  );
  await refused((d) => appendFile(join(d, 'images.npy'), 'x'), /expected 608 bytes but found 609/);
  await refused((d) => truncate(join(d, 'labels.npy'), 130), /labels.npy: expected 208 bytes/);
  await refused(
    edit('labels.npy', '\x01\0\0\0\0\0\0\0', '\x07\0\0\0\0\0\0\0'),
    /label from 0 to 1 in row .* found 7/,
  );
  await refused(edit('index.csv', 'row,path', 'row,file'), /columns row,path/);
  await refused(edit('index.csv', '\n3,', '\n4,'), /expected row 3 .* found "4"/);
  await refused(edit('index.csv', 'a,g1', 'b,g1'), /label b of row 0/);
  await refused(
    (d) => truncate(join(d, 'index.csv'), 60),
    /index.csv: expected 10 rows|quoted field/,
  );
  await t.throwsAsync(TileStore.open(join(good, 'images.npy')), {
    code: 'STORE_INVALID',
    message: /Expected the folder of a tile store/,
  });
});

test('preprocessing descriptions', (t) => {
  t.deepEqual(parsePreprocessingSpec(JSON.parse(JSON.stringify(spec))), spec);
  t.is(parsePreprocessingSpec({ ...spec, resize: 'nearest' }), undefined);
  t.is(parsePreprocessingSpec({ ...spec, size: 0 }), undefined);
  t.is(parsePreprocessingSpec(null), undefined);
  t.not(preprocessingFingerprint(spec), preprocessingFingerprint(preprocessingSpec(5)));
  const modes = RESIZE_MODES.map((resize) => preprocessingSpec(SIZE, resize));
  t.is(new Set(modes.map(preprocessingFingerprint)).size, RESIZE_MODES.length);
  t.is(preprocessingFingerprint(spec), preprocessingFingerprint(preprocessingSpec(SIZE, 'cv2')));
  for (const mode of modes) t.deepEqual(parsePreprocessingSpec(mode), mode);
  t.throws(() => preprocessingSpec(SIZE, 'nearest' as ResizeMode), {
    code: 'INVALID_OPTION',
    message: /cv2, area, fast for resize but received nearest/,
  });
  t.throws(() => preprocessingSpec(0), {
    code: 'INVALID_OPTION',
    message: /size but received 0 of type number/,
  });
  t.throws(() => preprocessingSpec(4097), { code: 'INVALID_OPTION' });
});
