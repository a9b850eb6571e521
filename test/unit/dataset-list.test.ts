import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import { listImages, readList } from '#src/dataset/list.js';
import { gather, temporaryFolder, writeTree } from '../fixtures/dataset/folders.js';
import { buildZip } from '../fixtures/dataset/zip-builder.js';

test('folders, archives, single files and a list, in the order given', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    'tiles/10.jpeg': '',
    'tiles/9.jpeg': '',
    'tiles/deep/1.png': '',
    'one.dat': 'no extension of an image',
    'zip.bin': buildZip([{ name: 'x/1.jpeg', data: Buffer.from('x') }]),
  });
  const list = Readable.from([Buffer.from('missing.jpeg\n')]);
  const inputs = [join(root, 'zip.bin'), join(root, 'one.dat'), `${join(root, 'tiles')}/`, '-'];
  const sources = await gather(listImages(inputs, { list }));
  t.deepEqual(
    sources.map((source) => source.path.replace(`${root}/`, '')),
    [
      'zip.bin/x/1.jpeg',
      'one.dat',
      'tiles/9.jpeg',
      'tiles/10.jpeg',
      'tiles/deep/1.png',
      'missing.jpeg',
    ],
  );
  t.is(sources[0]?.file, join(root, 'zip.bin'));
  t.truthy(sources[0]?.entry);
  t.is(sources[2]?.file, join(root, 'tiles/9.jpeg'));
});

test('an input that is missing is an error before anything else', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { 'a.jpeg': '' });
  const sources = listImages([join(root, 'a.jpeg'), join(root, 'missing.jpeg')]);
  await t.throwsAsync(sources.next(), { code: 'INPUT_NOT_FOUND', message: /missing.jpeg/ });
});

test('nothing to classify is an error', async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, 'empty'));
  const all = (inputs: string[], list?: Readable): Promise<unknown> =>
    gather(listImages(inputs, { list }));
  await t.throwsAsync(all([join(root, 'empty')]), { code: 'INPUT_EMPTY', message: /empty/ });
  await t.throwsAsync(all([]), { code: 'INPUT_EMPTY', message: /at least one input/ });
  await t.throwsAsync(all(['-'], Readable.from([])), { code: 'INPUT_EMPTY', message: /the list/ });
  await t.throwsAsync(all(['-']), { code: 'INVALID_OPTION', message: /stream of names/ });
  await t.throwsAsync(all(['']), { code: 'INVALID_OPTION', message: /for inputs/ });
});

async function names(chunks: (string | Buffer)[], separator?: '\n' | '\0'): Promise<string[]> {
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  const sources = await gather(readList(stream, separator));
  return sources.map((source) => source.path);
}

test('lists: separators, chunks, ends', async (t) => {
  t.deepEqual(await names(['a.jpeg\nb c.jpeg\r\n\n"d".jpeg']), ['a.jpeg', 'b c.jpeg', '"d".jpeg']);
  t.deepEqual(await names(['a\nb.jpeg\0c.jpeg\0']), ['a\nb.jpeg', 'c.jpeg'], 'NUL is found out');
  t.deepEqual(await names(['a\nb.jpeg\0c.jpeg'], '\0'), ['a\nb.jpeg', 'c.jpeg']);
  t.deepEqual(await names(['a.j', 'pe', 'g\nb.jp', 'eg']), ['a.jpeg', 'b.jpeg']);
  t.deepEqual(
    await names(
      ['肺'].map((x) => Buffer.from(x).subarray(0, 1)).concat(Buffer.from('肺').subarray(1)),
    ),
    ['肺'],
  );
  t.deepEqual(await names([Buffer.from([0x61, 0xff, 0x0a])]), ['a\\xff']);
  await t.throwsAsync(names(['a.jpeg\nb\0c.jpeg\n'], '\n'), {
    code: 'INPUT_UNREADABLE',
    message: /NUL/,
  });
  await t.throwsAsync(names([Buffer.alloc(3 << 20, 'x')]), {
    code: 'INPUT_UNREADABLE',
    message: /is it a list/,
  });
});

test('a long list is read as it comes, without holding it', async (t) => {
  let given = 0;
  const stream = Readable.from(
    (function* () {
      for (; given < 2000; given++) yield Buffer.from(`${'x'.repeat(200)}${String(given)}.jpeg\n`);
    })(),
    { highWaterMark: 4 },
  );
  let taken = 0;
  for await (const source of readList(stream)) {
    t.true(source.path.endsWith(`x${String(taken)}.jpeg`));
    taken += 1;
    // The first 64 KiB are looked at for a NUL byte; after that the stream is only a little ahead.
    if (taken > 400) t.true(given - taken < 400);
  }
  t.is(taken, 2000);
});

test('a list that fails is an error of the input', async (t) => {
  const stream = new Readable({
    read() {
      this.destroy(new Error('the pipe broke'));
    },
  });
  await t.throwsAsync(gather(readList(stream)), {
    code: 'INPUT_UNREADABLE',
    message: /the pipe broke/,
  });
});

test('the folder is walked only as far as is asked', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { 'a/1.jpeg': '', 'b/1.jpeg': '' });
  const sources = listImages([root]);
  const first = await sources.next();
  t.false(first.done);
  await writeFile(join(root, 'b', '2.jpeg'), '');
  const rest = await gather(sources);
  t.is(rest.length, 2, 'b was not read before its turn');
});
