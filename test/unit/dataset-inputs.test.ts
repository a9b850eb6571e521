/** Patterns, tar archives and list files as inputs. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { listImages } from '#src/dataset/list.js';
import { readTar } from '#src/dataset/tar.js';
import { gather, temporaryFolder, writeTree } from '../fixtures/dataset/folders.js';
import { buildZip } from '../fixtures/dataset/zip-builder.js';

async function paths(root: string, ...inputs: string[]): Promise<string[]> {
  const sources = await gather(listImages(inputs.map((input) => join(root, input))));
  return sources.map(({ path }) => path.replace(`${root}/`, ''));
}

test('patterns match as in a shell, in natural order', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    'a/1.jpeg': '',
    'a/2.png': '',
    'a/10.jpeg': '',
    'a/notes.txt': '',
    'a/.hidden.jpeg': '',
    'a/deep/down/3.jpeg': '',
    'b/1.jpeg': '',
    'b+(x).jpeg': '',
    'c/set1/x.tif': '',
    'c/set2/y.tif': '',
    'c/set3/z.tif': '',
    'zips/one.zip': buildZip([{ name: 'in/1.jpeg', data: Buffer.from('x') }]),
  });
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['a/*.jpeg', ['a/1.jpeg', 'a/10.jpeg']],
    ['a/*', ['a/1.jpeg', 'a/2.png', 'a/10.jpeg', 'a/deep/down/3.jpeg']],
    ['a/?.*', ['a/1.jpeg', 'a/2.png']],
    ['**/*.jpeg', ['a/1.jpeg', 'a/10.jpeg', 'a/deep/down/3.jpeg', 'b/1.jpeg', 'b+(x).jpeg']],
    ['a/**', ['a/1.jpeg', 'a/2.png', 'a/10.jpeg', 'a/deep/down/3.jpeg']],
    ['a/**/3.jpeg', ['a/deep/down/3.jpeg']],
    ['**/down/*', ['a/deep/down/3.jpeg']],
    ['[ab]/1.jpeg', ['a/1.jpeg', 'b/1.jpeg']],
    ['[!a]/1.jpeg', ['b/1.jpeg']],
    ['c/set[1-2]', ['c/set1/x.tif', 'c/set2/y.tif']],
    ['{b,c/set3}/*', []],
    ['{a,b}/{1,2}.{jpeg,png}', ['a/1.jpeg', 'a/2.png', 'b/1.jpeg']],
    ['b+(*).jpeg', ['b+(x).jpeg']],
    ['zips/*.zip', ['zips/one.zip/in/1.jpeg']],
  ];
  for (const [pattern, expected] of cases) {
    if (expected.length === 0) {
      await t.throwsAsync(paths(root, pattern), { code: 'INPUT_NOT_FOUND', message: /matches/ });
    } else t.deepEqual(await paths(root, pattern), expected, pattern);
  }
  await writeFile(join(root, 'a', '[x].jpeg'), '');
  t.deepEqual(await paths(root, 'a/[x].jpeg'), ['a/[x].jpeg'], 'a file of that name comes first');
  await t.throwsAsync(paths(root, 'nowhere/*.jpeg'), { code: 'INPUT_NOT_FOUND' });
});

/** Names that need every way there is to write one down. */
const NAMES = [
  'x/1.jpeg',
  'x/10.jpeg',
  'x/2.jpeg',
  'x/ünï 肺\nline.jpeg',
  `${'long/'.repeat(30)}name.jpeg`,
  `deep/${'n'.repeat(140)}.jpeg`,
];

for (const format of ['ustar', 'gnu', 'pax', 'v7']) {
  for (const gzipped of [false, true]) {
    test(`${format}${gzipped ? ', gzipped' : ''}: every image is found, with its bytes`, async (t) => {
      const root = await temporaryFolder(t);
      const names = NAMES.filter((name) => {
        if (format === 'v7') return name.length < 99;
        // 100 bytes for a name, 155 for its folders.
        return format !== 'ustar' || (name.split('/').at(-1) ?? '').length < 100;
      });
      const tree: Record<string, string> = Object.fromEntries(
        names.map((name, i) => [name, `${i}`.repeat(500 * i + i)]),
      );
      await writeTree(root, { ...tree, 'x/._1.jpeg': 'mac', 'x/notes.txt': 'no image' });
      const archive = join(root, gzipped ? 'all.tgz' : 'all.tar');
      const members = [...names, 'x/._1.jpeg', 'x/notes.txt'].map((name) => `./${name}`);
      execFileSync('tar', [`--format=${format}`, gzipped ? '-czf' : '-cf', archive, ...members], {
        cwd: root,
      });
      const sources = await gather(listImages([archive]));
      t.deepEqual(
        sources.map(({ path }) => path),
        names.map((name) => `${archive}/${name}`),
        'in the order of the archive',
      );
      const whole = await readFile(archive);
      for (const [i, { bytes, range }] of sources.entries()) {
        const { offset = 0, length = 0 } = range ?? {};
        const found = gzipped ? bytes : whole.subarray(offset, offset + length);
        t.is(Buffer.from(found ?? []).toString(), tree[names[i] ?? ''] ?? 'nothing');
      }
    });
  }
}

test('a link in an archive is a row like others; large and binary sizes are read', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { '1.jpeg': 'x' });
  await symlink('1.jpeg', join(root, '2.jpeg'));
  execFileSync('tar', ['-cf', 'a.tar', '1.jpeg', '2.jpeg'], { cwd: root });
  const [, link] = await gather(listImages([join(root, 'a.tar')]));
  t.is(link?.range?.length, 0);
});

test('bad archives, each with its code', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { '1.jpeg': 'x'.repeat(3000), '2.jpeg': 'y'.repeat(3000) });
  execFileSync('tar', ['-cf', 'good.tar', '1.jpeg', '2.jpeg'], { cwd: root });
  const good = await readFile(join(root, 'good.tar'));
  // GNU tar pads to 10,240 bytes; two entries of 512 + 3072 and two blocks of zeros are the archive.
  const tar = good.subarray(0, 2 * 3584 + 1024);
  const flipped = Buffer.from(tar);
  flipped[3584 + 5] = 0x41;
  const gz = gzipSync(tar);
  const wrong = Buffer.from(gz);
  wrong[wrong.length - 6]! ^= 1;
  const unsafe = join(root, 'unsafe.tar');
  execFileSync('tar', ['-Pcf', unsafe, join(root, '1.jpeg')]);
  const sparse = join(root, 'sparse');
  await mkdir(sparse);
  execFileSync('truncate', ['-s', '1M', join(sparse, 's.jpeg')]);
  execFileSync('tar', ['-cSf', join(root, 'sparse.tar'), 's.jpeg'], { cwd: sparse });
  const files: readonly (readonly [string, Buffer, string, RegExp])[] = [
    ['cut-in-data.tar', tar.subarray(0, 5000), 'TAR_DAMAGED', /cut off: it ends at byte 5000/],
    ['cut-in-header.tar', tar.subarray(0, 3584 + 100), 'TAR_DAMAGED', /cut off/],
    ['no-end.tar', tar.subarray(0, 2 * 3584), 'TAR_DAMAGED', /before its end mark/],
    ['flipped.tar', flipped, 'TAR_DAMAGED', /no header at byte 3584/],
    ['empty.tar', Buffer.alloc(0), 'TAR_DAMAGED', /cut off/],
    ['text.tar', Buffer.from('x'.repeat(600)), 'TAR_DAMAGED', /no tar archive/],
    ['cut.tar.gz', gz.subarray(0, gz.length - 20), 'TAR_DAMAGED', /gzip says/],
    ['checksum.tar.gz', wrong, 'TAR_DAMAGED', /gzip says/],
    ['no-tar.tgz', gzipSync('text'), 'TAR_DAMAGED', /cut off/],
    ['no-gzip.tgz', Buffer.from('text'), 'TAR_DAMAGED', /gzip says/],
    ['x.tar.xz', Buffer.from('fd377a585a000000', 'hex'), 'TAR_UNSUPPORTED', /packed by xz/],
    ['x.tar.zst', Buffer.from('28b52ffd00000000', 'hex'), 'TAR_UNSUPPORTED', /packed by zstd/],
    ['no-images.tar', Buffer.alloc(1024), 'INPUT_EMPTY', /no images in/],
  ];
  for (const [name, bytes, code, message] of files) {
    await writeFile(join(root, name), bytes);
    await t.throwsAsync(gather(listImages([join(root, name)])), { code, message }, name);
  }
  await t.throwsAsync(gather(listImages([unsafe])), {
    code: 'TAR_UNSAFE_NAME',
    message: /1\.jpeg/,
  });
  await t.throwsAsync(gather(listImages([join(root, 'sparse.tar')])), { code: 'TAR_UNSUPPORTED' });
  await t.throwsAsync(gather(readTar(join(root, 'gone.tar'), '', false)), {
    code: 'INPUT_NOT_FOUND',
  });
});

test('every cut of an archive, and many changed bytes, end in images or a code', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { '1.jpeg': 'x'.repeat(700), [`${'n'.repeat(150)}.jpeg`]: 'y' });
  execFileSync('tar', ['--format=pax', '-cf', 'a.tar', '1.jpeg', `${'n'.repeat(150)}.jpeg`], {
    cwd: root,
  });
  const good = (await readFile(join(root, 'a.tar'))).subarray(0, 6144);
  const file = join(root, 'b.tar');
  let refused = 0;
  for (let i = 0; i < good.length; i += 7) {
    for (const cut of [true, false]) {
      const bytes = Buffer.from(cut ? good.subarray(0, i) : good);
      if (!cut) bytes[i]! ^= 0xff;
      await writeFile(file, bytes);
      try {
        await gather(readTar(file, '', false));
      } catch (error) {
        refused++;
        t.regex(String((error as { code?: string }).code), /^TAR_/, String(error));
      }
    }
  }
  t.true(refused > 500);
});

test('a file with names comes after the inputs', async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { 'tiles/1.jpeg': '', 'names.txt': 'b.jpeg\r\n\na.jpeg' });
  const listFile = join(root, 'names.txt');
  const sources = await gather(listImages([join(root, 'tiles')], { listFile }));
  t.deepEqual(
    sources.map(({ path }) => path),
    [join(root, 'tiles/1.jpeg'), 'b.jpeg', 'a.jpeg'],
  );
  await t.throwsAsync(gather(listImages([], { listFile: join(root, 'gone') })), {
    code: 'INPUT_NOT_FOUND',
    message: /gone/,
  });
  await writeFile(listFile, '\n');
  await t.throwsAsync(gather(listImages([], { listFile })), { code: 'INPUT_EMPTY' });
});
