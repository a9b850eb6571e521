/** Groups and splits that a CSV gives: its layouts, and which tile each of its paths means. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { findGroups } from '#src/dataset/groups.js';
import { readSplitFile, splitCsv } from '#src/dataset/split-file.js';
import { LungclsError } from '#src/errors.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const PATHS = [
  'set/lung_sets/lung_n/lungn1.jpeg',
  'set/lung_sets/lung_n/lungn2.jpeg',
  'set/lung_sets/lung_aca/lungaca1.jpeg',
  'set/lung_sets/lung_aca/lungaca2.jpeg',
];

interface Tiles {
  directory: string;
  paths: string[];
  groups: string[];
}

async function tiles(t: ExecutionContext, files: Record<string, string> = {}): Promise<Tiles> {
  const directory = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return { directory, paths: PATHS, groups: PATHS.map(() => '') };
}

async function fails(t: ExecutionContext, text: string, message: RegExp): Promise<void> {
  const store = await tiles(t, { 'given.csv': text });
  const error = await t.throwsAsync(findGroups(store, join(store.directory, 'given.csv')), {
    instanceOf: LungclsError,
  });
  t.is(error.code, 'SPLIT_INVALID');
  t.regex(error.message, message);
}

test('a file of groups is found by whole paths and by their ends', async (t) => {
  const text = [
    '\ufeffpath,note,group',
    `${PATHS[0] ?? ''},x,b`,
    'lung_n/lungn2.jpeg,x,a',
    'lungaca1.jpeg,x,b',
    '/data/set/lung_sets/lung_aca/lungaca2.jpeg,x,a',
    'lung_scc/lungscc1.jpeg,x,c',
    '',
  ].join('\r\n');
  const store = await tiles(t, { 'given.csv': text });
  const groups = await findGroups(store, join(store.directory, 'given.csv'));
  t.deepEqual(groups?.names, ['a', 'b']);
  t.deepEqual([...(groups?.ids ?? [])], [1, 0, 1, 0]);
  t.is(groups?.unknown, 0);
});

test('the end of a path has to be that of one tile, at the border of a folder', async (t) => {
  const store = await tiles(t, { 'given.csv': 'path,group\nn1.jpeg,a\nlungn2.jpeg,a\n' });
  const groups = await findGroups(store, join(store.directory, 'given.csv'));
  t.deepEqual([...(groups?.ids ?? [])], [1, 0, 2, 3]);
  t.is(groups?.unknown, 3);
  const twins = { ...store, paths: ['a/b/1.jpeg', 'a/c/1.jpeg', 'lungn2.jpeg'] };
  await writeFile(join(store.directory, 'given.csv'), 'path,group\n1.jpeg,a\n');
  await t.throwsAsync(findGroups(twins, join(store.directory, 'given.csv')), {
    code: 'SPLIT_INVALID',
    message: /record 2: 1\.jpeg could be several tiles/,
  });
  // Another folder's tile of the same name is another tile.
  await writeFile(join(store.directory, 'given.csv'), 'path,group\nd/1.jpeg,x\nb/1.jpeg,y\n');
  const one = await findGroups(twins, join(store.directory, 'given.csv'));
  t.deepEqual(one?.names, ['y']);
});

test("both of LC25000-clean's files are understood", async (t) => {
  const whole = [
    'stem,filename,label,tissue,local_cluster_label,group_id',
    'lungn1,lungn1.jpeg,lung_n,lung,0,900',
    'lungaca1,lungaca1.jpeg,lung_aca,lung,0,743',
    'lungaca2,lungaca2.jpeg,lung_aca,lung,0,743',
    'colonn1,colonn1.jpeg,colon_n,colon,0,300',
  ].join('\n');
  const perClass = [
    'cluster_label,img_path',
    '0,./LC25000/lung_n/lungn1.jpeg',
    '0,./LC25000/lung_aca/lungaca1.jpeg',
    '0,./LC25000/lung_aca/lungaca2.jpeg',
  ].join('\n');
  const store = await tiles(t, { 'whole.csv': whole, 'class.csv': perClass });
  const one = await findGroups(store, join(store.directory, 'whole.csv'));
  t.deepEqual(one?.names, ['743', '900']);
  t.deepEqual([...(one?.ids ?? [])], [1, 2, 0, 0]);
  const two = await findGroups(store, join(store.directory, 'class.csv'));
  t.deepEqual(two?.names, ['lung_aca/0', 'lung_n/0']);
  t.deepEqual([...(two?.ids ?? [])], [1, 2, 0, 0]);
});

test('a given file comes before groups.csv of the store, and that before its index', async (t) => {
  const store = await tiles(t);
  t.is(await findGroups(store), undefined);
  const indexed = { ...store, groups: ['i', '', 'i', 'j'] };
  const fromIndex = await findGroups(indexed);
  t.regex(fromIndex?.from ?? '', /index\.csv$/);
  t.deepEqual([...(fromIndex?.ids ?? [])], [0, 2, 0, 1]);
  await writeFile(join(store.directory, 'groups.csv'), `path,group\n${PATHS[0] ?? ''},audited\n`);
  t.deepEqual((await findGroups(indexed))?.names, ['audited']);
  await writeFile(join(store.directory, 'given.csv'), `path,group\n${PATHS[0] ?? ''},given\n`);
  t.deepEqual((await findGroups(indexed, join(store.directory, 'given.csv')))?.names, ['given']);
  // A file that says nothing is as good as none.
  await writeFile(join(store.directory, 'groups.csv'), `path,group\n${PATHS[0] ?? ''},\n`);
  t.is(await findGroups(store), undefined);
});

test('groups are numbered in the order of code points', async (t) => {
  const store = await tiles(t);
  const groups = await findGroups({ ...store, groups: ['b', '\u{1f600}', '\uff5e', 'B'] });
  t.deepEqual(groups?.names, ['B', 'b', '\uff5e', '\u{1f600}']);
});

test('a file of groups that does not fit says what is wrong', async (t) => {
  await fails(
    t,
    'file,cluster\n',
    /given\.csv: expected the columns path,group or .* but found file,cluster/,
  );
  await fails(t, 'path,group\nlungn1.jpeg\n', /record 2 is cut short/);
  await fails(t, 'path,group\nelsewhere.jpeg,a\n', /none of its 1 paths .*: not elsewhere\.jpeg/);
  await fails(t, 'path,group\n', /none of its 0 paths/);
  await fails(
    t,
    'path,group\nlungn1.jpeg,a\nlung_n/lungn1.jpeg,b\n',
    /records 2 and 3 both name set\/lung_sets\/lung_n\/lungn1\.jpeg/,
  );
  const store = await tiles(t);
  await t.throwsAsync(findGroups(store, join(store.directory, 'none.csv')), {
    code: 'INPUT_NOT_FOUND',
  });
});

async function split(t: ExecutionContext, text: string, seed = 1) {
  const store = await tiles(t, { 'split.csv': text });
  return readSplitFile(join(store.directory, 'split.csv'), PATHS, seed);
}

test('a split is read from a file and written as one', async (t) => {
  const text = splitCsv({ train: Int32Array.of(3, 0), validation: Int32Array.of(1) }, PATHS);
  t.deepEqual(text.trim().split('\n'), [
    'path,part',
    `${PATHS[0] ?? ''},train`,
    `${PATHS[1] ?? ''},validation`,
    `${PATHS[2] ?? ''},unused`,
    `${PATHS[3] ?? ''},train`,
  ]);
  const { train, validation } = await split(t, text);
  t.deepEqual([...train].sort(), [0, 3]);
  t.deepEqual([...validation], [1]);
});

test('the order within a part is random, and the seed decides it', async (t) => {
  const paths = Array.from({ length: 200 }, (_, i) => `a/${String(i)}.jpeg`);
  const whole = {
    train: Int32Array.from({ length: 199 }, (_, i) => i),
    validation: Int32Array.of(199),
  };
  const { directory } = await tiles(t, { 'split.csv': splitCsv(whole, paths) });
  const read = async (seed: number): Promise<number[]> => [
    ...(await readSplitFile(join(directory, 'split.csv'), paths, seed)).train,
  ];
  const first = await read(1);
  t.deepEqual(await read(1), first);
  t.notDeepEqual(await read(2), first);
  t.notDeepEqual(first, [...whole.train]);
});

test('a split has to name every tile, with a part that is known', async (t) => {
  const line = (i: number, part: string): string => `${PATHS[i] ?? ''},${part}\n`;
  await t.throwsAsync(split(t, `path,part\n${line(0, 'train')}${line(1, 'validation')}`), {
    code: 'SPLIT_INVALID',
    message: /no part for set\/lung_sets\/lung_aca\/lungaca1\.jpeg and 1 other tile/,
  });
  const three = `path,part\n${line(0, 'train')}${line(1, 'unused')}${line(2, 'train')}`;
  await t.throwsAsync(split(t, three + line(3, 'test')), {
    code: 'SPLIT_INVALID',
    message: /expected train, validation, unused for part but found "test" for .*lungaca2/,
  });
  await t.throwsAsync(split(t, three + line(3, 'train')), {
    code: 'SPLIT_INVALID',
    message: /no tile with the part validation/,
  });
});
