import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { ZipFile } from 'yazl';
import { readZip, type ZipArchive } from '#src/dataset/zip.js';
import { gather, temporaryFolder } from '../fixtures/dataset/folders.js';
import { buildZip, type ZipItem, type ZipOptions } from '../fixtures/dataset/zip-builder.js';

const DATA = Buffer.from('not really an image, but bytes enough to be told apart');

async function read(t: ExecutionContext, bytes: Uint8Array): Promise<ZipArchive> {
  const file = join(await temporaryFolder(t), 'x.zip');
  await writeFile(file, bytes);
  return readZip(file);
}

async function refused(
  t: ExecutionContext,
  bytes: Uint8Array,
  code: string,
  message: RegExp,
): Promise<void> {
  await t.throwsAsync(read(t, bytes), { code, message });
}

const zipOf = (...items: (Partial<ZipItem> & { name: ZipItem['name'] })[]): Buffer =>
  buildZip(items.map((item) => ({ data: DATA, ...item })));

test('entries are located, in natural order, with the folders of their own', async (t) => {
  const bytes = zipOf(
    { name: 'top/', data: Buffer.alloc(0) },
    { name: 'top/a/10.jpeg', method: 8 },
    { name: 'top/a/9.jpeg' },
    { name: './top//b/1.png' },
    { name: 'top/readme.txt' },
    { name: '__MACOSX/top/a/._9.jpeg' },
    { name: 'top/.hidden/1.jpeg' },
  );
  const { images, folders } = await read(t, bytes);
  t.deepEqual(folders, ['top']);
  t.deepEqual(
    [...images].map((image) => image.path),
    ['top/a/9.jpeg', 'top/a/10.jpeg', 'top/b/1.png'],
  );
  for (const { entry } of images) {
    t.is(bytes.readUInt32LE(entry?.headerOffset ?? 0), 0x04034b50);
    t.is(entry?.uncompressedSize, DATA.length);
  }
  t.is(images.at(0).entry?.method, 0);
  t.is(images.at(1).entry?.method, 8);
  t.true((images.at(1).entry?.compressedSize ?? 0) !== DATA.length);
});

test('archives of a common writer, Zip64 and with a comment, are read', async (t) => {
  for (const forceZip64Format of [false, true]) {
    const zip = new ZipFile();
    zip.addBuffer(DATA, 'a/1.jpeg', { forceZip64Format });
    zip.addBuffer(DATA, 'a/grün.jpeg', { compress: false, forceZip64Format });
    zip.end({ forceZip64Format, comment: 'made for a test' });
    const bytes = Buffer.concat(await gather(zip.outputStream as AsyncIterable<Buffer>));
    const { images } = await read(t, bytes);
    t.deepEqual(
      [...images].map((image) => [image.path, image.entry?.method, image.entry?.uncompressedSize]),
      [
        ['a/1.jpeg', 8, DATA.length],
        ['a/grün.jpeg', 0, DATA.length],
      ],
    );
  }
  const hand = await read(
    t,
    buildZip([{ name: 'a/1.jpeg', data: DATA, zip64: true }], { zip64: true }),
  );
  t.is(hand.images.at(0).entry?.compressedSize, DATA.length);
});

test('names: UTF-8 with or without its flag, code page 437, any bytes', async (t) => {
  const { images } = await read(
    t,
    zipOf(
      { name: 'a/größe.jpeg', flags: 0 },
      { name: Buffer.from([0x62, 0x2f, 0x81, ...Buffer.from('.jpeg')]), flags: 0 },
      { name: Buffer.from([0x63, 0x2f, 0xff, ...Buffer.from('.jpeg')]), flags: 0x800 },
      { name: 'd/new\nline "x".jpeg' },
    ),
  );
  t.deepEqual(
    [...images].map((image) => image.path),
    ['a/größe.jpeg', 'b/ü.jpeg', 'c/\\xff.jpeg', 'd/new\nline "x".jpeg'],
  );
});

test('truncated anywhere: damaged, never an archive with fewer images', async (t) => {
  const whole = zipOf({ name: 'a/1.jpeg' }, { name: 'b/1.jpeg' });
  for (let length = 4; length < whole.length; length += 7) {
    await refused(t, whole.subarray(0, length), 'ZIP_DAMAGED', /cut off|damaged/);
  }
});

test('damaged directories', async (t) => {
  const items: ZipItem[] = [
    { name: 'a/1.jpeg', data: DATA },
    { name: 'b/1.jpeg', data: DATA },
  ];
  const damaged = (options: ZipOptions, message: RegExp): Promise<void> =>
    refused(t, buildZip(items, options), 'ZIP_DAMAGED', message);
  await damaged({ entryCount: 1 }, /more entries than the 1/);
  await damaged({ entryCount: 3 }, /signature|EOF/);
  await refused(t, zipOf({ name: 'a/1.jpeg', headerOffset: 9999 }), 'ZIP_DAMAGED', /would end at/);
  await refused(
    t,
    zipOf({ name: 'a.jpeg' }, { name: 'a.jpeg' }),
    'ZIP_DAMAGED',
    /two entries named a.jpeg/,
  );
  await refused(t, zipOf({ name: 'a.jpeg', uncompressedSize: 5 }), 'ZIP_DAMAGED', /size mismatch/);
  // The start cut off: all offsets point past their entries.
  await refused(t, buildZip(items).subarray(20), 'ZIP_DAMAGED', /damaged/);
});

test('encrypted archives', async (t) => {
  const password = zipOf({ name: 'a.jpeg', method: 8, flags: 0x801 });
  await refused(t, password, 'ZIP_ENCRYPTED', /is encrypted: a.jpeg/);
  await refused(
    t,
    zipOf({ name: 'a.jpeg', method: 99, flags: 0x801 }),
    'ZIP_ENCRYPTED',
    /encrypted/,
  );
  await refused(
    t,
    zipOf({ name: 'a.jpeg', method: 8, flags: 0x841 }),
    'ZIP_ENCRYPTED',
    /encrypted/,
  );
});

test('names that lead outside', async (t) => {
  for (const name of [
    '../a.jpeg',
    'x/../../a.jpeg',
    '/a.jpeg',
    'C:a.jpeg',
    'x\\..\\a.jpeg',
    'a\0.jpeg',
    '..',
  ]) {
    await refused(t, zipOf({ name: 'ok.jpeg' }, { name }), 'ZIP_UNSAFE_NAME', /leads outside/);
  }
  const { images } = await read(t, zipOf({ name: 'a/b..jpeg' }, { name: 'a../c.jpeg' }));
  t.is(images.length, 2);
});

test('bombs: entries that overlap', async (t) => {
  const twice = zipOf({ name: 'a.jpeg' }, { name: 'b.jpeg', headerOffset: 0 });
  await refused(t, twice, 'ZIP_BOMB', /overlap/);
  const inside = zipOf({ name: 'a.jpeg' }, { name: 'b.jpeg', headerOffset: 20 });
  await refused(t, inside, 'ZIP_BOMB', /overlap/);
});

test('bombs: more than deflate can give, or than images do', async (t) => {
  const lie = zipOf({ name: 'a.jpeg', method: 8, uncompressedSize: 2 ** 31 });
  await refused(t, lie, 'ZIP_BOMB', /more than the format can/);
  const zeros = {
    data: Buffer.alloc(0),
    packed: deflateRawSync(Buffer.alloc(2 ** 26)),
    method: 8,
    uncompressedSize: 2 ** 26,
  };
  const many = [0, 1].map((i) => ({ ...zeros, name: `${String(i)}.bmp` }));
  // Honest zeros, 128 MB: no reason for suspicion yet.
  t.is((await read(t, buildZip(many))).images.length, 2);
  const bomb = Array.from({ length: 20 }, (_, i) => ({ ...zeros, name: `${String(i)}.bmp` }));
  await refused(t, buildZip(bomb), 'ZIP_BOMB', /images do not compress like that/);
});

test('other compression methods are named', async (t) => {
  await refused(
    t,
    zipOf({ name: 'a.jpeg', method: 12 }),
    'ZIP_UNSUPPORTED',
    /a.jpeg compressed by method 12/,
  );
  // Of what is no image nothing is asked.
  t.is((await read(t, zipOf({ name: 'a.txt', method: 12 }, { name: 'b.jpeg' }))).images.length, 1);
});
