// The fuzzers' seed files. Those that fuzzing has found stand in native/fuzz/corpus, kept small by
// keepCorpus; to them come the stored JPEGs (for fuzz_sparse behind two bytes that choose the size of its
// result), zip entries with the description that fuzz_zip expects before them, and APP1 segments (for
// fuzz_exif behind two bytes that are the size of an image). All of them are generated; none is a
// photograph of anybody's.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const PIXELS = join(root, 'test', 'fixtures', 'pixels');
const KEPT = join(root, 'native', 'fuzz', 'corpus');
/** Most bytes that the kept files of one fuzzer may have. */
const MOST_KEPT_BYTES = 60_000;

export const FUZZERS = ['fuzz_exif', 'fuzz_sparse', 'fuzz_tile', 'fuzz_zip'];

/** Writes them below `folder`, one folder a fuzzer; returns `folder`. */
export async function writeCorpus(folder) {
  for (const fuzzer of FUZZERS) {
    await mkdir(join(folder, fuzzer), { recursive: true });
    await cp(join(KEPT, fuzzer), join(folder, fuzzer), { recursive: true }).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  const write = (fuzzer, name, ...parts) =>
    writeFile(join(folder, fuzzer, name), Buffer.concat(parts));
  for (const name of await readdir(PIXELS)) {
    if (!name.endsWith('.jpg')) continue;
    const file = await readFile(join(PIXELS, name));
    await write('fuzz_tile', name, file);
    await write('fuzz_sparse', name, Buffer.from([24, 24]), file);
  }
  const plain = Buffer.from('the bytes of an entry, the bytes of an entry');
  await write('fuzz_zip', 'stored', zipEntry(plain, plain, 0));
  await write('fuzz_zip', 'deflated', zipEntry(plain, deflateRawSync(plain), 8));
  for (let orientation = 1; orientation <= 8; orientation++) {
    for (const order of ['II', 'MM']) {
      const size = Buffer.from([6, 9]);
      await write('fuzz_exif', `${order}${orientation}`, size, app1(orientation, order));
    }
  }
  return folder;
}

/**
 * Keeps of what `fuzzer` (a program) has found in `found` the smallest files that together reach all
 * that the found ones reach, as far as they have room in the repository.
 */
export async function keepCorpus(fuzzer, name, found) {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-corpus-'));
  try {
    const { status } = spawnSync(fuzzer, ['-merge=1', folder, found], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${name} could not merge its corpus`);
    const files = await Promise.all(
      (await readdir(folder)).map(async (file) => ({
        file,
        size: (await stat(join(folder, file))).size,
      })),
    );
    files.sort((a, b) => a.size - b.size || (a.file < b.file ? -1 : 1));
    await rm(join(KEPT, name), { recursive: true, force: true });
    await mkdir(join(KEPT, name), { recursive: true });
    let total = 0;
    for (const { file, size } of files) {
      if ((total += size) > MOST_KEPT_BYTES) break;
      await cp(join(folder, file), join(KEPT, name, file));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where an entry is (native/fuzz/fuzz_zip.cpp), its local header (APPNOTE.TXT 4.3.7), its data. */
function zipEntry(plain, data, method) {
  const place = Buffer.alloc(24);
  place.writeBigUInt64LE(0n, 0);
  place.writeUInt32LE(data.length, 8);
  place.writeUInt32LE(plain.length, 12);
  place.writeUInt32LE(crc32(plain), 16);
  place.writeUInt32LE(method, 20);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(method, 8);
  header.writeUInt16LE(4, 26);
  return Buffer.concat([place, header, Buffer.from('name'), data]);
}

/** An Exif segment (Exif 2.32, 4.5.4) whose directory has two entries, the second the orientation. */
function app1(orientation, order) {
  const big = order === 'MM';
  const u16 = (value) => (big ? [value >> 8, value & 255] : [value & 255, value >> 8]);
  const u32 = (value) => (big ? [0, 0, ...u16(value)] : [...u16(value), 0, 0]);
  const entry = (tag, value) => [...u16(tag), ...u16(3), ...u32(1), ...u16(value), 0, 0];
  return Buffer.from([
    ...Buffer.from(`Exif\0\0${order}`, 'latin1'),
    ...u16(42),
    ...u32(8),
    ...u16(2),
    ...entry(0x0100, 7),
    ...entry(0x0112, orientation),
    ...u32(0),
  ]);
}
