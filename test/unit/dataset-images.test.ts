import test from 'ava';
import { DatasetItems } from '#src/dataset/dataset-items.js';
import { openDataset } from '#src/dataset/dataset.js';
import { FolderImages, ZipImages } from '#src/dataset/image-list.js';
import { comparePaths } from '#src/dataset/natural-order.js';
import { PackedNames } from '#src/dataset/packed-names.js';
import { PackedPaths } from '#src/dataset/packed-paths.js';
import { temporaryFolder, writeTree } from '../fixtures/dataset/folders.js';

test('packed names come back as they went in, over many chunks', (t) => {
  const names = new PackedNames();
  const long = '肺'.repeat(100_000);
  const given = Array.from({ length: 200_000 }, (_, i) => `tile-${i}-größe.jpeg`);
  given.splice(7, 0, '', long, '😀');
  for (const name of given) names.push(name);
  t.is(names.length, given.length);
  t.true(given.every((name, i) => names.at(i) === name));
  t.true(names.compare(100, 101) < 0);
  t.true(names.compare(names.length - 1, 5) > 0);
  t.is(names.compare(9, 9), 0);
  t.throws(() => names.at(given.length), { instanceOf: RangeError });
  t.throws(
    () => {
      names.push('x'.repeat(2 ** 20));
    },
    { instanceOf: RangeError, message: /1 MiB/ },
  );
});

test('chunks that names fill to the last byte are told apart', (t) => {
  const names = new PackedNames();
  const lengths = [4096, 0, 4095, 0, 400_000, 500_000, 2 ** 20 - 5, 5, 0, 3, 2 ** 20 - 1, 0, 1];
  const given = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length));
  for (const [i, name] of given.entries()) {
    names.push(name);
    t.true(names.at(i) === name, `${i}`);
  }
  t.true(given.every((name, i) => names.at(i) === name));
});

test('packed paths compare as paths do, whatever folders they are in', (t) => {
  const given = [
    ...['b.jpg', 'a/x.jpg', 'a/c/y.jpg', 'a/c/10.jpg', 'a/c/9.jpg', 'a/d.jpg', 'a b/a.jpg'],
    ...['n2/x', 'n10/a', 'n02/x', 'a/c', 'a/c/d/e/f.jpg', 'a/cc/d.jpg', '10.jpg', '9.jpg'],
  ];
  const paths = new PackedPaths();
  for (const path of given) paths.push(path);
  for (const [i, a] of given.entries()) {
    t.is(paths.at(i), a);
    t.is(paths.folders[paths.folderOf(i)], a.split('/').slice(0, -1).join('/'));
    for (const [j, b] of given.entries()) {
      const expected = Math.sign(comparePaths(a.split('/'), b.split('/')));
      t.is(Math.sign(paths.compare(i, j)), expected, `${a} against ${b}`);
    }
  }
});

test('files are named again as the walk named them, names that are no UTF-8 too', (t) => {
  const sources = [
    { path: 'a/1.jpeg', file: '/data/a/1.jpeg' },
    {
      path: 'a/\\xff.jpeg',
      file: '/data/a/\\xff.jpeg',
      fileBytes: Buffer.from('/data/a/ÿ', 'latin1'),
    },
    { path: '2.jpeg', file: '/elsewhere/2.jpeg' },
  ];
  for (const root of ['/data', '/data/']) {
    const images = new FolderImages(root);
    for (const source of sources) images.push(source);
    t.deepEqual([...images], sources);
    t.throws(() => images.at(3), { instanceOf: RangeError });
  }
});

test('entries of an archive come in natural order with their places; twins are named', (t) => {
  const images = new ZipImages('a.zip', 'in/a.zip/');
  const place = (headerOffset: number, method: 0 | 8) => ({
    ...{
      headerOffset,
      method,
      compressedSize: 2 ** 33,
      uncompressedSize: 2 ** 34,
      crc32: 2 ** 32 - 1,
    },
  });
  images.push('n/10.jpeg', place(2 ** 40, 8));
  images.push('n/9.jpeg', place(7, 0));
  t.is(images.sort(), undefined);
  t.deepEqual(
    [...images],
    [
      { path: 'in/a.zip/n/9.jpeg', file: 'a.zip', entry: place(7, 0) },
      { path: 'in/a.zip/n/10.jpeg', file: 'a.zip', entry: place(2 ** 40, 8) },
    ],
  );
  t.is(images.folders[images.folderOf(1)], 'n');
  images.push('n/9.jpeg', place(9, 0));
  t.is(images.sort(), 'in/a.zip/n/9.jpeg');
});

test('items of a data set stand class by class, those of no class nowhere', (t) => {
  const images = new FolderImages('/d');
  for (const path of ['0.jpg', 'b/1.jpg', 'a/2.jpg', 'c/3.jpg', 'b/4.jpg', 'a/5.jpg']) {
    images.push({ path, file: `/d/${path}` });
  }
  const number = (folder: string): number => images.folders.indexOf(folder);
  const labels = [
    ['', -1],
    ['a', 0],
    ['b', 1],
    ['c', -1],
  ] as const;
  const items = new DatasetItems(
    images,
    2,
    new Map(labels.map(([f, label]) => [number(f), label])),
  );
  const shown = [...items].map(({ source, label }) => [source.path, label]);
  t.deepEqual(shown, [
    ['a/2.jpg', 0],
    ['a/5.jpg', 0],
    ['b/1.jpg', 1],
    ['b/4.jpg', 1],
  ]);
  t.deepEqual(
    [...items.range(3, 9)].map(({ source }) => source.file),
    ['/d/b/4.jpg'],
  );
  t.is(items.label(2), 1);
  t.throws(() => items.at(4), { instanceOf: RangeError });
});

test('what is left out is counted by folder', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    'top.png': '',
    'a/1.png': '',
    'b/1.png': '',
    'c/1.png': '',
    'c/2.png': '',
    'd/e/x.txt': '',
  });
  const { warnings, items } = await openDataset(root, { classes: ['b', 'a'] });
  t.deepEqual(
    [...items].map(({ source }) => source.path),
    ['b/1.png', 'a/1.png'],
  );
  t.deepEqual(warnings, [
    'Left out: 2 images in c',
    'Left out: 1 images that stand in no class folder',
    'Left out: the folder d, which holds no images',
  ]);
});
