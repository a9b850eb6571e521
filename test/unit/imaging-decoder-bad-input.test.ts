import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import test from 'ava';
import sharp from 'sharp';
import { ZipFile } from 'yazl';
import { readZip } from '#src/dataset/zip.js';
import { decodeTiles, type DecodeOptions, type TileStatus } from '#src/imaging/decoder.js';
import type { ImageSource, ZipEntryLocation } from '#src/imaging/source.js';
import { tileJpeg } from '../fixtures/tiles.js';

const SIZE = 16;
const TILE = SIZE * SIZE * 3;

const folder = await mkdtemp(join(tmpdir(), 'lungcls-bad-'));

const jpeg = await tileJpeg(1);
/** From SOI up to and with the start of scan, whose data the frame header (SOF) precedes. */
const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));

async function stored(name: string, bytes: Uint8Array | string): Promise<ImageSource> {
  const file = join(folder, name);
  await writeFile(file, bytes);
  return { path: name, file };
}

interface Result {
  status: TileStatus;
  message: string;
  tile: Uint8Array;
}

/** Decodes `source` into a slot that held another image before, so that stale pixels would show. */
async function decode(
  source: ImageSource,
  options: Pick<DecodeOptions, 'keepDamaged' | 'maxPixels' | 'maxMemory' | 'maxSeconds'> = {},
): Promise<Result> {
  const good = await stored('good.jpeg', jpeg);
  let result: Result | undefined;
  for await (const batch of decodeTiles([good, source], {
    size: SIZE,
    batchSize: 1,
    slots: 1,
    ...options,
  })) {
    const { status, message } = batch.statuses[0] ?? { status: 'INTERNAL', message: '' };
    result = { status, message, tile: Uint8Array.from(batch.tiles) };
    batch.release();
  }
  return result ?? { status: 'INTERNAL', message: 'no batch', tile: new Uint8Array() };
}

const isBlack = (tile: Uint8Array): boolean => tile.length === TILE && tile.every((v) => v === 0);

/** A JPEG whose header claims another size. */
function claiming(width: number, height: number): Buffer {
  const bytes = Buffer.from(jpeg);
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

/** The header of an uncompressed bitmap, 24 bits a pixel. */
function bitmap(width: number, height: number, pixelBytes = 0): Buffer {
  const bytes = Buffer.alloc(54 + pixelBytes, 0x80);
  bytes.fill(0, 0, 54);
  bytes.write('BM');
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes;
}

const png = await sharp(jpeg).png({ compressionLevel: 0 }).toBuffer();

test.after.always(() => rm(folder, { recursive: true, force: true }));

const cases: [string, string, Uint8Array | string, TileStatus, RegExp][] = [
  ['an empty file', 'empty.jpeg', '', 'IMAGE_EMPTY', /empty/],
  ['a text file', 'text.jpeg', 'not an image', 'IMAGE_FORMAT', /Expected a JPEG.*"not an i"/],
  ['an unknown binary file', 'odd.png', Buffer.from([1, 2, 3, 4]), 'IMAGE_FORMAT', /01020304/],
  ['a JPEG of two bytes', 'soi.jpeg', jpeg.subarray(0, 2), 'IMAGE_HEADER', /./],
  ['a JPEG cut in its header', 'header.jpeg', jpeg.subarray(0, 100), 'IMAGE_HEADER', /./],
  ['a JPEG cut before its scan', 'noscan.jpeg', jpeg.subarray(0, scan), 'IMAGE_HEADER', /./],
  ['a truncated JPEG', 'cut.jpeg', jpeg.subarray(0, scan + 300), 'damaged', /Premature end/],
  ['a JPEG without an end marker', 'noeoi.jpeg', jpeg.subarray(0, -2), 'damaged', /Premature/],
  ['a huge JPEG', 'huge.jpeg', claiming(30_000, 30_000), 'IMAGE_TOO_LARGE', /--max-pixels/],
  ['a JPEG without rows', 'flat.jpeg', claiming(10, 0), 'IMAGE_HEADER', /./],
  ['a PNG cut in its header', 'header.png', png.subarray(0, 20), 'IMAGE_HEADER', /./],
  ['a truncated PNG', 'cut.png', png.subarray(0, png.length / 2), 'damaged', /./],
  ['a bitmap cut in its header', 'header.bmp', bitmap(4, 4).subarray(0, 40), 'IMAGE_HEADER', /./],
  ['a bitmap without pixels', 'none.bmp', bitmap(4, 4), 'IMAGE_DAMAGED', /no pixel data/],
  ['a truncated bitmap', 'cut.bmp', bitmap(4, 4, 30), 'damaged', /2 rows/],
  ['a huge bitmap', 'huge.bmp', bitmap(30_000, 30_000), 'IMAGE_TOO_LARGE', /--max-pixels/],
  ['a bitmap of no width', 'thin.bmp', bitmap(0, 4, 30), 'IMAGE_HEADER', /./],
];
for (const [what, name, bytes, status, message] of cases) {
  test(`${what} has the status ${status} and no pixels`, async (t) => {
    const result = await decode(await stored(name, bytes));
    t.is(result.status, status);
    t.regex(result.message, message);
    t.true(isBlack(result.tile), 'the tile is black, not stale');
  });
}

test('an image whose decoding takes too much memory or time has a status', async (t) => {
  const pixels = {
    create: { width: 2000, height: 1500, channels: 3, background: 'teal' },
  } as const;
  const progressive = await stored(
    'large.jpeg',
    await sharp(pixels).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  );
  const png = await stored('large.png', await sharp(pixels).png().toBuffer());
  // The pixels take three bytes each, a progressive file's coefficients two for each of three samples.
  const bytes = 2000 * 1500 * 3;
  for (const [source, enough] of [
    [progressive, bytes * 3.1],
    [png, bytes * 2],
  ] as const) {
    const large = await decode(source, { maxMemory: Math.floor(enough * 0.9) });
    t.is(large.status, 'IMAGE_TOO_LARGE', large.message);
    t.regex(large.message, /maxMemory/);
    t.true(isBlack(large.tile));
    t.is((await decode(source, { maxMemory: enough })).status, 'ok');
  }
  const slow = await decode(progressive, { maxSeconds: 0.001 });
  t.is(slow.status, 'IMAGE_TOO_SLOW');
  t.regex(slow.message, /maxSeconds/);
  t.true(isBlack(slow.tile));
});

test('a compressed bitmap is not supported', async (t) => {
  const bytes = bitmap(4, 4, 64);
  bytes.writeUInt32LE(1, 30);
  t.is((await decode(await stored('rle.bmp', bytes))).status, 'IMAGE_UNSUPPORTED');
});

test('a huge PNG is refused by its header', async (t) => {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(30_000, 16);
  bytes.writeUInt32BE(30_000, 20);
  const { status, message } = await decode(await stored('huge.png', bytes));
  // Its header's checksum no longer fits, which the decoder may notice first.
  t.true(status === 'IMAGE_TOO_LARGE' || status === 'IMAGE_HEADER', `${status}: ${message}`);
});

test('the pixel limit can be set, and counts pixels', async (t) => {
  const source = await stored('limit.jpeg', jpeg);
  t.is((await decode(source, { maxPixels: 96 * 96 - 1 })).status, 'IMAGE_TOO_LARGE');
  t.is((await decode(source, { maxPixels: 96 * 96 })).status, 'ok');
});

test('a damaged image keeps its pixels and its status when asked', async (t) => {
  const source = await stored('keep.jpeg', jpeg.subarray(0, scan + 300));
  const kept = await decode(source, { keepDamaged: true });
  t.is(kept.status, 'damaged');
  t.false(isBlack(kept.tile));
  const cut = await stored('keep.png', png.subarray(0, png.length / 2));
  const keptPng = await decode(cut, { keepDamaged: true });
  t.is(keptPng.status, 'damaged');
  t.false(isBlack(keptPng.tile));
});

test('a missing file, a folder and a pipe have a status', async (t) => {
  await mkdir(join(folder, 'sub'), { recursive: true });
  const at = (name: string): ImageSource => ({ path: name, file: join(folder, name) });
  t.is((await decode(at('missing.jpeg'))).status, 'INPUT_NOT_FOUND');
  t.is((await decode(at('text.jpeg/below.jpeg'))).status, 'INPUT_NOT_FOUND');
  const sub = await decode(at('sub'));
  t.is(sub.status, 'INPUT_UNREADABLE');
  t.true(isBlack(sub.tile));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  t.is((await decode(at('pipe'))).status, 'INPUT_UNREADABLE');
});

test('names may hold spaces, quotes, newlines, other scripts and bytes that are no text', async (t) => {
  for (const name of [`a 'b' "c".jpeg`, 'line\nbreak.jpeg', 'Gewebe-ä-组织.jpeg', '-']) {
    t.is((await decode(await stored(name, jpeg))).status, 'ok', name);
  }
  const bytes = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x2e, 0x6a])]);
  await writeFile(bytes, jpeg);
  const source = { path: '\\xff\\xfe.j', file: bytes.toString('utf8'), fileBytes: bytes };
  t.is((await decode(source)).status, process.platform === 'linux' ? 'ok' : 'INPUT_NOT_FOUND');
});

interface Archive {
  path: string;
  plain: ImageSource & { entry: ZipEntryLocation };
  packed: ImageSource & { entry: ZipEntryLocation };
}

/** An archive of one stored and one deflated JPEG. */
async function archive(name: string): Promise<Archive> {
  const path = join(folder, name);
  const zip = new ZipFile();
  zip.addBuffer(jpeg, 'plain.jpeg', { compress: false });
  zip.addBuffer(jpeg, 'packed.jpeg', { compress: true });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  const { images } = await readZip(path);
  const find = (entry: string): Archive['plain'] => {
    const image = [...images].find((each) => each.path === entry);
    if (image?.entry === undefined) throw new Error(`no ${entry}`);
    return { ...image, entry: image.entry };
  };
  return { path, plain: find('plain.jpeg'), packed: find('packed.jpeg') };
}

test('entries of an archive give the tile of the file, stored or deflated', async (t) => {
  const { plain, packed } = await archive('good.zip');
  t.is(plain.entry.method, 0);
  t.is(packed.entry.method, 8);
  const { tile } = await decode(await stored('alone.jpeg', jpeg));
  t.deepEqual((await decode(plain)).tile, tile);
  t.deepEqual((await decode(packed)).tile, tile);
});

test('a PNG in an archive is decoded too', async (t) => {
  const path = join(folder, 'png.zip');
  const zip = new ZipFile();
  zip.addBuffer(png, 'a.png', { compress: true });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  const [image] = (await readZip(path)).images;
  t.truthy(image);
  if (image !== undefined) t.is((await decode(image)).status, 'ok');
});

type Entry = Partial<Record<keyof ZipEntryLocation, number>>;
const lies: [string, 'plain' | 'packed', (entry: ZipEntryLocation) => Entry, TileStatus][] = [
  ['a wrong checksum', 'plain', (e) => ({ crc32: (e.crc32 + 1) % 2 ** 32 }), 'ZIP_DAMAGED'],
  ['a wrong checksum', 'packed', (e) => ({ crc32: (e.crc32 + 1) % 2 ** 32 }), 'ZIP_DAMAGED'],
  ['a header elsewhere', 'plain', (e) => ({ headerOffset: e.headerOffset + 1 }), 'ZIP_DAMAGED'],
  ['a header far beyond the end', 'plain', () => ({ headerOffset: 2 ** 50 }), 'ZIP_DAMAGED'],
  [
    'too long data',
    'plain',
    (e) => ({ compressedSize: e.compressedSize + 9999, uncompressedSize: e.compressedSize + 9999 }),
    'ZIP_DAMAGED',
  ],
  ['unequal sizes', 'plain', (e) => ({ uncompressedSize: e.compressedSize - 1 }), 'ZIP_DAMAGED'],
  ['the other method', 'plain', () => ({ method: 8 }), 'ZIP_DAMAGED'],
  ['an unknown method', 'packed', () => ({ method: 12 }), 'ZIP_UNSUPPORTED'],
  [
    'a smaller size',
    'packed',
    (e) => ({ uncompressedSize: e.uncompressedSize - 1 }),
    'ZIP_DAMAGED',
  ],
  ['a larger size', 'packed', (e) => ({ uncompressedSize: e.uncompressedSize + 1 }), 'ZIP_DAMAGED'],
  ['cut data', 'packed', (e) => ({ compressedSize: e.compressedSize - 5 }), 'ZIP_DAMAGED'],
  ['an impossible ratio', 'packed', () => ({ uncompressedSize: 2e8 }), 'ZIP_DAMAGED'],
  ['a gigantic size', 'packed', () => ({ uncompressedSize: 2 ** 40 }), 'IMAGE_TOO_LARGE'],
];
for (const [what, kind, change, status] of lies) {
  test(`an entry (${kind}) that claims ${what} has the status ${status}`, async (t) => {
    const { [kind]: source } = await archive(`lie-${kind}-${what.replaceAll(' ', '-')}.zip`);
    const entry = { ...source.entry, ...change(source.entry) } as ZipEntryLocation;
    const result = await decode({ ...source, entry });
    t.is(result.status, status, result.message);
    t.true(isBlack(result.tile));
  });
}

test('an encrypted entry has the status ZIP_ENCRYPTED', async (t) => {
  const { path, plain } = await archive('encrypted.zip');
  const bytes = await readFile(path);
  bytes.writeUInt16LE(
    bytes.readUInt16LE(plain.entry.headerOffset + 6) | 1,
    plain.entry.headerOffset + 6,
  );
  await writeFile(path, bytes);
  t.is((await decode(plain)).status, 'ZIP_ENCRYPTED');
});

test('an archive cut after it was listed has the status ZIP_DAMAGED', async (t) => {
  const { path, packed, plain } = await archive('cut.zip');
  await truncate(path, packed.entry.headerOffset + 10);
  t.is((await decode(packed)).status, 'ZIP_DAMAGED');
  t.is((await decode(plain)).status, 'ok');
  await truncate(path, 10);
  t.is((await decode(plain)).status, 'ZIP_DAMAGED');
});

test('bad images leave their neighbours alone', async (t) => {
  const good = await stored('neighbour.jpeg', jpeg);
  const bad = await stored('bad.jpeg', 'text');
  const cut = await stored('cut2.jpeg', jpeg.subarray(0, scan + 300));
  const { tile } = await decode(good);
  const list = [good, bad, good, cut, { path: 'no', file: join(folder, 'no') }, good];
  for await (const batch of decodeTiles(list, { size: SIZE, batchSize: list.length })) {
    t.deepEqual(
      batch.statuses.map((result) => result.status),
      ['ok', 'IMAGE_FORMAT', 'ok', 'damaged', 'INPUT_NOT_FOUND', 'ok'],
    );
    for (const [i, result] of batch.statuses.entries()) {
      const got = batch.tiles.subarray(i * TILE, (i + 1) * TILE);
      if (result.status === 'ok') t.deepEqual(Uint8Array.from(got), tile);
      else t.true(isBlack(got));
    }
    batch.release();
  }
});
