/** From images to a store: bad images, bad outputs, interruptions within one process. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import sharp from 'sharp';
import { preprocess, type PreprocessOptions } from '#src/dataset/preprocess.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { parseCsv } from '#src/storage/csv.js';
import { jpeg, temporaryFolder, writeTree } from '../fixtures/dataset/folders.js';
import { buildZip } from '../fixtures/dataset/zip-builder.js';

const SIZE = 16;

async function statuses(store: string): Promise<Record<string, string>> {
  const lines = parseCsv(await readFile(join(store, 'index.csv'), 'utf8')).slice(1);
  return Object.fromEntries(lines.map(([, path = '', , , status = '']) => [path, status]));
}

async function fileBytes(store: string): Promise<Record<string, string>> {
  const names = (await readdir(store)).sort();
  const contents = await Promise.all(names.map((name) => readFile(join(store, name), 'base64')));
  return Object.fromEntries(names.map((name, i) => [name, contents[i] ?? '']));
}

/** Two classes of `count` images each, all different. */
async function makeImages(root: string, count: number): Promise<void> {
  for (const [k, name] of ['a', 'b'].entries()) {
    await mkdir(join(root, name), { recursive: true });
    for (let i = 1; i <= count; i++) {
      await writeFile(join(root, name, `${String(i)}.jpeg`), await jpeg(i + k * 1000));
    }
  }
}

/** A PNG of the given size that says so in its header and has next to no data. */
function emptyPng(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits, RGB.
  header.writeUInt8(8, 8);
  header.writeUInt8(2, 9);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The same JPEG, but its header tells another size. */
function resizedHeader(bytes: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(bytes);
  // SOF0: marker, length, precision, height, width.
  const frame = copy.indexOf(Buffer.from('ffc0', 'hex'));
  copy.writeUInt16BE(height, frame + 5);
  copy.writeUInt16BE(width, frame + 7);
  return copy;
}

test('every image has its status; the others are not touched by it', async (t) => {
  const root = await temporaryFolder(t);
  const good = await jpeg(1, 64, 64);
  const raw = { width: 4, height: 4, channels: 4 } as const;
  const cmyk = await sharp(Buffer.alloc(64, 90), { raw })
    .removeAlpha()
    .toColourspace('cmyk')
    .jpeg()
    .toBuffer();
  const files: Record<string, Buffer | string> = {
    'a/good.jpeg': good,
    'a/gray.jpeg': await sharp(good).grayscale().jpeg().toBuffer(),
    'a/progressive.jpeg': await sharp(good).jpeg({ progressive: true }).toBuffer(),
    'a/16-bit.png': await sharp(good).toColourspace('rgb16').png().toBuffer(),
    'a/1x1.jpeg': await jpeg(1, 1, 1),
    'a/odd " name\n肺, &.JPG': good,
    'b/good.png': await sharp(good).png().toBuffer(),
    'b/good.webp': await sharp(good).webp().toBuffer(),
    'b/good.tiff': await sharp(good).tiff().toBuffer(),
    'b/cmyk.jpeg': cmyk,
    'b/empty.jpeg': '',
    'b/text.jpeg': 'this is a text, not an image',
    'b/header.jpeg': good.subarray(0, 30),
    'b/truncated.jpeg': good.subarray(0, good.length - 200),
    'b/huge.png': emptyPng(30_000, 30_000),
    'b/huge.jpeg': resizedHeader(good, 30_000, 30_000),
  };
  await writeTree(join(root, 'in'), files);
  await symlink('nowhere', join(root, 'in/b/gone.jpeg'));
  await mkdir(join(root, 'in/b/folder.jpeg'));
  const warnings: string[] = [];
  const result = await preprocess({
    input: join(root, 'in'),
    output: join(root, 'store'),
    size: SIZE,
    onMessage: (message) => warnings.push(message),
  });
  const found = await statuses(join(root, 'store'));
  t.log(found);
  for (const name of Object.keys(files)) t.truthy(found[name], name);
  for (const name of Object.keys(files).filter((path) => path.startsWith('a/'))) {
    t.is(found[name], 'ok', name);
  }
  for (const name of ['b/good.png', 'b/good.webp', 'b/good.tiff']) t.is(found[name], 'ok', name);
  t.is(found['b/empty.jpeg'], 'IMAGE_EMPTY');
  t.is(found['b/text.jpeg'], 'IMAGE_FORMAT');
  t.is(found['b/header.jpeg'], 'IMAGE_HEADER');
  t.is(found['b/truncated.jpeg'], 'damaged');
  t.is(found['b/huge.png'], 'IMAGE_TOO_LARGE');
  t.is(found['b/huge.jpeg'], 'IMAGE_TOO_LARGE');
  t.is(found['b/gone.jpeg'], 'INPUT_NOT_FOUND');
  const failed = Object.values(found).filter((status) => status !== 'ok').length;
  t.is(result.errors, failed);
  t.is(result.rows, Object.keys(found).length - failed);
  t.is(result.failures.length, failed);
  for (const { path, code, message } of result.failures) {
    t.is(code, found[path] ?? '');
    t.true(message.length > 5, path);
  }
  t.deepEqual(warnings, ['Left out: the folder b/folder.jpeg, which holds no images']);
  // The tile of a good image is the same in whatever company.
  await writeTree(join(root, 'alone'), { 'a/good.jpeg': good, 'b/good.jpeg': good });
  await preprocess({ input: join(root, 'alone'), output: join(root, 'alone-store'), size: SIZE });
  const [mixed, alone] = [
    await TileStore.open(join(root, 'store')),
    await TileStore.open(join(root, 'alone-store')),
  ];
  const [one, two] = [new Uint8Array(mixed.tileBytes), new Uint8Array(mixed.tileBytes)];
  await mixed.readTiles([mixed.paths.indexOf('a/good.jpeg')], one);
  await alone.readTiles([0], two);
  t.deepEqual(one, two);
  t.true(one.some((value) => value > 0));
});

test('the pixel limit can be set', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(join(root, 'in'), {
    'a/1.jpeg': await jpeg(1, 40, 40),
    'b/1.jpeg': await jpeg(2, 20, 20),
  });
  await preprocess({
    input: join(root, 'in'),
    output: join(root, 'out'),
    size: SIZE,
    maxPixels: 1000,
  });
  t.deepEqual(await statuses(join(root, 'out')), {
    'a/1.jpeg': 'IMAGE_TOO_LARGE',
    'b/1.jpeg': 'ok',
  });
});

test('folder, stored and deflated archive give the same tiles, labels and index', async (t) => {
  const root = await temporaryFolder(t);
  await makeImages(join(root, 'x'), 5);
  const items = [];
  for (const name of ['a', 'b']) {
    for (const file of await readdir(join(root, 'x', name))) {
      items.push({ name: `${name}/${file}`, data: await readFile(join(root, 'x', name, file)) });
    }
  }
  await writeFile(join(root, 'x.zip'), buildZip(items));
  const deflated = buildZip(
    items.map((item) => ({ ...item, method: 8, zip64: true })),
    { zip64: true },
  );
  await writeFile(join(root, 'y.zip'), deflated);
  const stores = [];
  for (const input of ['x', 'x.zip', 'y.zip']) {
    const output = join(root, `${input}.store`);
    const { fingerprint } = await preprocess({ input: join(root, input), output, size: SIZE });
    const { 'store.json': description, ...rest } = await fileBytes(output);
    t.truthy(description);
    stores.push({ ...rest, fingerprint });
  }
  t.deepEqual(stores[1], stores[0]);
  t.deepEqual(stores[2], stores[0]);
});

test('an archive entry whose bytes are wrong fails alone', async (t) => {
  const root = await temporaryFolder(t);
  const zip = buildZip([
    { name: 'a/1.jpeg', data: await jpeg(1) },
    { name: 'b/1.jpeg', data: await jpeg(2) },
    { name: 'b/2.jpeg', data: await jpeg(3) },
  ]);
  const second = zip.indexOf('b/1.jpeg');
  zip[second + 200]! ^= 0xff;
  await writeFile(join(root, 'x.zip'), zip);
  await preprocess({ input: join(root, 'x.zip'), output: join(root, 'out'), size: SIZE });
  t.deepEqual(await statuses(join(root, 'out')), {
    'a/1.jpeg': 'ok',
    'b/1.jpeg': 'ZIP_DAMAGED',
    'b/2.jpeg': 'ok',
  });
});

test('no image at all can be decoded: an error, and nothing is left behind', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(join(root, 'in'), { 'a/1.jpeg': 'no', 'b/1.jpeg': 'no' });
  await t.throwsAsync(preprocess({ input: join(root, 'in'), output: join(root, 'out') }), {
    code: 'TOO_FEW_TILES',
    message: /None of the 2 images.*a\/1.jpeg/,
  });
  t.deepEqual(await readdir(root), ['in']);
});

test('outputs: existing, forced, unwritable', async (t) => {
  const root = await temporaryFolder(t);
  await makeImages(join(root, 'in'), 1);
  const run = (output: string, more: Partial<PreprocessOptions> = {}): Promise<unknown> =>
    preprocess({ input: join(root, 'in'), output: join(root, output), size: SIZE, ...more });
  await run('deep/er/store');
  await t.throwsAsync(run('deep/er/store'), { code: 'OUTPUT_EXISTS', message: /--force/ });
  await writeFile(join(root, 'deep/er/store/stale'), '');
  await run('deep/er/store', { force: true });
  t.false((await readdir(join(root, 'deep/er/store'))).includes('stale'));
  await writeFile(join(root, 'file'), 'keep me');
  await t.throwsAsync(run('file'), { code: 'OUTPUT_EXISTS' });
  await t.throwsAsync(run('file/store'), { code: 'OUTPUT_UNWRITABLE' });
  t.is(await readFile(join(root, 'file'), 'utf8'), 'keep me');
  if (process.getuid?.() !== 0) {
    await mkdir(join(root, 'locked'));
    await chmod(join(root, 'locked'), 0o500);
    await t.throwsAsync(run('locked/store'), { code: 'OUTPUT_UNWRITABLE' });
  }
  await t.throwsAsync(run('x', { size: 0 }), { code: 'INVALID_OPTION', message: /size/ });
  await t.throwsAsync(run('x', { threads: 0 }), { code: 'INVALID_OPTION', message: /threads/ });
  await t.throwsAsync(run('x', { maxPixels: 0 }), { code: 'INVALID_OPTION', message: /maxPixels/ });
  await t.throwsAsync(run('x', { classes: ['c', 'd'] }), {
    code: 'UNKNOWN_CLASS',
    message: /a, b/,
  });
  t.false((await readdir(root)).includes('x'));
});

/** Runs until `images` are done, then stops as Ctrl-C does. */
async function stopAfter(
  t: ExecutionContext,
  images: number,
  options: PreprocessOptions,
): Promise<void> {
  const controller = new AbortController();
  const run = preprocess({
    ...options,
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done >= images) controller.abort();
    },
  });
  await t.throwsAsync(run, { code: 'ABORTED' });
}

test('stopped by its signal, it keeps what is done and goes on from there', async (t) => {
  const root = await temporaryFolder(t);
  await makeImages(join(root, 'in'), 100);
  const input = join(root, 'in');
  const output = join(root, 'out');
  await preprocess({ input, output: join(root, 'whole'), size: SIZE });
  await stopAfter(t, 64, { input, output, size: SIZE });
  t.deepEqual((await readdir(root)).sort(), ['in', 'out.partial', 'whole']);
  const result = await preprocess({ input, output, size: SIZE });
  t.true(result.resumed);
  t.true(result.alreadyDone >= 64 && result.alreadyDone < 200);
  t.is(result.rows, 200);
  t.deepEqual(await fileBytes(output), await fileBytes(join(root, 'whole')));
  t.deepEqual((await readdir(root)).sort(), ['in', 'out', 'whole']);
});

test('where images or options have changed in between, it starts anew', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'in');
  const output = join(root, 'out');
  await makeImages(input, 50);
  const options = { input, output, size: SIZE };
  const changes: (() => Promise<Partial<PreprocessOptions>>)[] = [
    async () => {
      await utimes(join(input, 'a/1.jpeg'), new Date(), new Date(2001, 1, 1));
      return {};
    },
    async () => {
      await writeFile(join(input, 'b/7.jpeg'), await jpeg(99, 30, 30));
      return {};
    },
    async () => {
      await rm(join(input, 'b/8.jpeg'));
      return {};
    },
    () => Promise.resolve({ size: SIZE + 1 }),
    () => Promise.resolve({ classes: ['b', 'a'] }),
    () => Promise.resolve({ maxPixels: 12345 }),
  ];
  for (const change of changes) {
    await stopAfter(t, 64, options);
    const result = await preprocess({ ...options, ...(await change()) });
    t.false(result.resumed);
    await rm(output, { recursive: true });
  }
});

test('two at once on one output: the second is told', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'in');
  const output = join(root, 'out');
  await makeImages(input, 50);
  let second: Promise<unknown> | undefined;
  await preprocess({
    input,
    output,
    size: SIZE,
    onProgress: () => {
      second ??= t.throwsAsync(preprocess({ input, output, size: SIZE }), { code: 'BUSY' });
    },
  });
  await second;
  t.is((await TileStore.open(output)).count, 100);
});

/** A file system of 1.5 MB, where this process may mount one. */
async function smallDisk(t: ExecutionContext): Promise<string | undefined> {
  const folder = join(await temporaryFolder(t), 'disk');
  await mkdir(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', folder], {
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  t.teardown(() => {
    execFileSync('umount', [folder]);
  });
  return folder;
}

test('a full disk: what is done is kept, and goes on once there is room', async (t) => {
  const disk = await smallDisk(t);
  if (disk === undefined) {
    t.log('Skipped: mounting a small file system needs root');
    t.pass();
    return;
  }
  const root = await temporaryFolder(t);
  const input = join(root, 'in');
  await makeImages(input, 500);
  const options = { input, output: join(disk, 'store'), size: 16, threads: 1 };
  await preprocess({ ...options, output: join(root, 'whole') });
  await writeFile(join(disk, 'ballast'), Buffer.alloc(1_000_000));
  const error = await t.throwsAsync(preprocess(options), { code: 'DISK_FULL' });
  t.regex(error.message, /disk is full/);
  t.deepEqual((await readdir(disk)).sort(), ['ballast', 'store.partial']);
  await rm(join(disk, 'ballast'));
  const result = await preprocess(options);
  t.is(result.rows, 1000);
  t.deepEqual(await fileBytes(options.output), await fileBytes(join(root, 'whole')));
});
