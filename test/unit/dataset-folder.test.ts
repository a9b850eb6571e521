import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { openDataset } from '#src/dataset/dataset.js';
import { DatasetState } from '#src/dataset/identity.js';
import { walkImages } from '#src/dataset/walk.js';
import type { ImageSource } from '#src/imaging/source.js';
import { gather, temporaryFolder, writeTree } from '../fixtures/dataset/folders.js';
import { buildZip } from '../fixtures/dataset/zip-builder.js';

async function collect(images: AsyncIterable<ImageSource>): Promise<string[]> {
  const paths: string[] = [];
  for await (const image of images) paths.push(image.path);
  return paths;
}

const LC = 'lung_colon_image_set/lung_image_sets';

test('a folder and its archive give the same items, class by class in natural order', async (t) => {
  const root = await temporaryFolder(t);
  const names = [
    `${LC}/lung_aca/lungaca10.jpeg`,
    `${LC}/lung_aca/lungaca9.jpeg`,
    `${LC}/lung_n/lungn1.jpeg`,
    `${LC}/lung_scc/lungscc1.JPEG`,
    'lung_colon_image_set/colon_image_sets/colon_n/colonn1.jpeg',
  ];
  await writeTree(join(root, 'data'), Object.fromEntries(names.map((name) => [name, 'x'])));
  await writeFile(
    join(root, 'data.zip'),
    buildZip(names.map((name) => ({ name, data: Buffer.from('x') }))),
  );
  for (const input of ['data', 'data.zip']) {
    const dataset = await openDataset(join(root, input));
    t.is(dataset.kind, input === 'data' ? 'folder' : 'zip');
    t.deepEqual(dataset.classes, ['lung_n', 'lung_aca', 'lung_scc']);
    t.deepEqual(
      [...dataset.items].map((item) => [item.source.path, item.label]),
      [
        [`${LC}/lung_n/lungn1.jpeg`, 0],
        [`${LC}/lung_aca/lungaca9.jpeg`, 1],
        [`${LC}/lung_aca/lungaca10.jpeg`, 1],
        [`${LC}/lung_scc/lungscc1.JPEG`, 2],
      ],
    );
    t.deepEqual(dataset.warnings, [
      'Left out: 1 images in lung_colon_image_set/colon_image_sets/colon_n',
    ]);
  }
});

test('odd names, hidden files, other files', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    'a/with space.jpeg': '',
    'a/quote".jpeg': '',
    'a/new\nline.jpeg': '',
    'a/größe 肺.jpeg': '',
    'a/back\\slash.jpeg': '',
    'a/.hidden.jpeg': '',
    'a/notes.txt': '',
    'a/Thumbs.db': '',
    '.git/x.jpeg': '',
    '__MACOSX/a/1.jpeg': '',
    'b/1.jpeg': '',
  });
  t.deepEqual(await collect(walkImages(root, '')), [
    'a/back\\slash.jpeg',
    'a/größe 肺.jpeg',
    'a/new\nline.jpeg',
    'a/quote".jpeg',
    'a/with space.jpeg',
    'b/1.jpeg',
  ]);
});

// macOS refuses names that are not UTF-8.
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('names that are not UTF-8 are shown in hex and can still be opened', async (t) => {
  const root = await temporaryFolder(t);
  const folder = Buffer.concat([Buffer.from(`${root}/cl`), Buffer.from([0xe9])]);
  await mkdir(folder);
  const file = Buffer.concat([
    folder,
    Buffer.from('/im'),
    Buffer.from([0xff]),
    Buffer.from('.jpeg'),
  ]);
  await writeFile(file, 'x');
  const [image] = await gather(walkImages(root, ''));
  t.is(image?.path, 'cl\\xe9/im\\xff.jpeg');
  t.deepEqual(Buffer.from(image?.fileBytes ?? []), file);
});

test('links are followed, those that lead back are not, dangling ones are passed on', async (t) => {
  const root = await temporaryFolder(t);
  const elsewhere = await mkdtemp(`${root}-elsewhere-`);
  t.teardown(() => rm(elsewhere, { recursive: true, force: true }));
  await writeTree(elsewhere, { '1.jpeg': '' });
  await writeTree(root, { 'a/1.jpeg': '' });
  await symlink(elsewhere, join(root, 'b'));
  await symlink(root, join(root, 'a', 'up'));
  await symlink('.', join(root, 'a', 'here'));
  await symlink('nowhere', join(root, 'a', 'gone.jpeg'));
  await symlink('loop.jpeg', join(root, 'a', 'loop.jpeg'));
  t.deepEqual(await collect(walkImages(root, 'in/')), [
    'in/a/1.jpeg',
    'in/a/gone.jpeg',
    'in/a/loop.jpeg',
    'in/b/1.jpeg',
  ]);
});

onLinux('pipes and the like are left out', async (t) => {
  const root = await temporaryFolder(t);
  execFileSync('mkfifo', [join(root, 'pipe.jpeg')]);
  await writeTree(root, { '1.jpeg': '' });
  t.deepEqual(await collect(walkImages(root, '')), ['1.jpeg']);
});

test('an empty class folder is reported', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { 'a/1.jpeg': '', 'b/1.jpeg': '' });
  await mkdir(join(root, 'c', 'deep'), { recursive: true });
  const dataset = await openDataset(root);
  t.deepEqual(dataset.warnings, ['Left out: the folder c, which holds no images']);
});

test('what is no data set', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    'none/readme.txt': '',
    'one/a/1.jpeg': '',
    'flat/1.jpeg': '',
    'text.txt': 'hello',
    'wrong.zip': 'hello',
    'empty.zip': buildZip([]),
  });
  await mkdir(join(root, 'empty'));
  const refused = async (input: string, code: string, message: RegExp): Promise<void> => {
    await t.throwsAsync(openDataset(join(root, input)), { code, message });
  };
  await refused('missing', 'INPUT_NOT_FOUND', /No such file or folder.*missing/);
  await refused('empty', 'INPUT_EMPTY', /empty holds no images/);
  await refused('none', 'INPUT_EMPTY', /none holds no images/);
  await refused('empty.zip', 'INPUT_EMPTY', /empty.zip holds no images/);
  await refused('one', 'TOO_FEW_CLASSES', /one class only, a; at least 2/);
  await refused('flat', 'TOO_FEW_CLASSES', /no class folder/);
  await refused('text.txt', 'INPUT_UNREADABLE', /another kind of file/);
  await refused('wrong.zip', 'ZIP_DAMAGED', /does not begin as a zip archive/);
  await refused('text.txt/x', 'INPUT_UNREADABLE', /text.txt\/x/);
  const one = await openDataset(join(root, 'one'), { minimumClasses: 1 });
  t.is(one.items.length, 1);
});

const asUser = process.getuid?.() === 0 ? test.skip : test;

asUser('a folder that may not be read is named', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { 'a/1.jpeg': '', 'b/1.jpeg': '' });
  await chmod(join(root, 'b'), 0);
  t.teardown(() => chmod(join(root, 'b'), 0o700));
  await t.throwsAsync(openDataset(root), { code: 'INPUT_UNREADABLE', message: /folder .*\/b:/ });
});

test('listing stops when asked to', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { 'a/1.jpeg': '', 'b/1.jpeg': '' });
  await t.throwsAsync(openDataset(root, { signal: AbortSignal.abort() }), { code: 'ABORTED' });
});

test('the identity changes with size, time, name and label, and with nothing else', async (t) => {
  const root = await temporaryFolder(t);
  const time = new Date('2020-01-01');
  const make = async (
    name: string,
    content = 'x',
    at = time,
    classes = ['a', 'b'],
  ): Promise<string> => {
    const folder = join(root, name);
    await writeTree(folder, { 'a/1.jpeg': content, 'b/1.jpeg': 'y' });
    for (const file of ['a/1.jpeg', 'b/1.jpeg']) await utimes(join(folder, file), at, at);
    return (await DatasetState.of(await openDataset(folder, { classes }), 'stat')).identity;
  };
  const first = await make('first');
  t.is(await make('second'), first);
  t.not(await make('size', 'xx'), first);
  t.not(await make('time', 'x', new Date('2020-01-02')), first);
  t.not(await make('label', 'x', time, ['b', 'a']), first);
});
