// Writes the fuzzers' seed files: the stored JPEGs (for fuzz_sparse behind two bytes that choose the
// size of its result), and small zip entries with the description that
// fuzz_zip expects before them.
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const PIXELS = join(root, 'test', 'fixtures', 'pixels');

/** Writes them below `folder`, one folder a fuzzer; returns `folder`. */
export async function writeCorpus(folder) {
  const tiles = join(folder, 'fuzz_tile');
  const zips = join(folder, 'fuzz_zip');
  await mkdir(tiles, { recursive: true });
  const sparse = join(folder, 'fuzz_sparse');
  await mkdir(zips, { recursive: true });
  await mkdir(sparse, { recursive: true });
  for (const name of await readdir(PIXELS)) {
    if (!name.endsWith('.jpg')) continue;
    await copyFile(join(PIXELS, name), join(tiles, name));
    const file = await readFile(join(PIXELS, name));
    await writeFile(join(sparse, name), Buffer.concat([Buffer.from([24, 24]), file]));
  }
  const plain = Buffer.from('the bytes of an entry, the bytes of an entry');
  await writeFile(join(zips, 'stored'), zipEntry(plain, plain, 0));
  await writeFile(join(zips, 'deflated'), zipEntry(plain, deflateRawSync(plain), 8));
  return folder;
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
