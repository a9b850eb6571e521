import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { writeFileAtomic } from '#src/storage/atomic.js';
import { csvLine, parseCsv, readCsvRows } from '#src/storage/csv.js';
import { canonicalJson, fingerprint, sha256, sha256File } from '#src/storage/hash.js';
import { npyHeader, readNpyHeader, writeNpy } from '#src/storage/npy.js';
import { checkWritable, openPartial } from '#src/storage/partial.js';
import { readSafetensors, writeSafetensors } from '#src/storage/safetensors.js';

async function folder(t: { teardown: (fn: () => Promise<void>) => void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lungcls-storage-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

const absent = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    () => true,
  );

test('an atomic write leaves the file and nothing else', async (t) => {
  const dir = await folder(t);
  const path = join(dir, 'a.txt');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, [Buffer.from('two '), Buffer.from('parts')]);
  t.is(await readFile(path, 'utf8'), 'two parts');
  t.deepEqual(await readdir(dir), ['a.txt']);
});

test('a failing atomic write keeps the old file and leaves no temporary one', async (t) => {
  const dir = await folder(t);
  const path = join(dir, 'a.txt');
  await writeFileAtomic(path, 'old');
  const failing = (function* () {
    yield Buffer.from('half');
    throw new Error('the source broke');
  })();
  const error = await t.throwsAsync(writeFileAtomic(path, failing), { instanceOf: LungclsError });
  t.is(error.code, 'OUTPUT_UNWRITABLE');
  t.is(await readFile(path, 'utf8'), 'old');
  t.deepEqual(await readdir(dir), ['a.txt']);
});

test('an output folder that cannot be made is an error before any work', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'file'), '');
  const error = await t.throwsAsync(checkWritable(join(dir, 'file', 'out')), {
    instanceOf: LungclsError,
  });
  t.is(error.code, 'OUTPUT_UNWRITABLE');
});

test('a partial output is renamed whole and resumed by the same fingerprint only', async (t) => {
  const output = join(await folder(t), 'out');
  const first = await openPartial(output, { fingerprint: 'a', force: false });
  t.false(first.resumed);
  await writeFile(first.path('work'), 'x');
  await first.release();
  t.true(await absent(output));

  const second = await openPartial(output, { fingerprint: 'a', force: false });
  t.true(second.resumed);
  t.is(await readFile(second.path('work'), 'utf8'), 'x');
  await second.release();

  const third = await openPartial(output, { fingerprint: 'b', force: false });
  t.false(third.resumed);
  t.true(await absent(third.path('work')));
  await writeFile(third.path('result'), 'y');
  await third.commitDirectory();
  await third.release();
  t.deepEqual(await readdir(output), ['result']);
  t.true(await absent(`${output}.partial`));

  const exists = await t.throwsAsync(openPartial(output, { fingerprint: 'b', force: false }), {
    instanceOf: LungclsError,
  });
  t.is(exists.code, 'OUTPUT_EXISTS');
  const forced = await openPartial(output, { fingerprint: 'b', force: true });
  await writeFile(forced.path('file'), 'z');
  await forced.commitFile('file');
  t.is(await readFile(output, 'utf8'), 'z');
});

test('two processes cannot work on one output; the lock of a dead one is taken over', async (t) => {
  const output = join(await folder(t), 'out');
  const held = await openPartial(output, { fingerprint: 'a', force: false });
  const busy = await t.throwsAsync(openPartial(output, { fingerprint: 'a', force: false }), {
    instanceOf: LungclsError,
  });
  t.is(busy.code, 'BUSY');
  await held.release();

  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  const start = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => undefined);
  await mkdir(`${output}.partial`, { recursive: true });
  const lock = join(`${output}.partial`, 'lock');
  if (start !== undefined) {
    // The number of a living process, but not the one that took the lock.
    await writeFile(lock, JSON.stringify({ pid: child.pid, start: 'another time' }));
    await (await openPartial(output, { fingerprint: 'a', force: false })).release();
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  await writeFile(lock, JSON.stringify({ pid: child.pid, start: '' }));
  const partial = await openPartial(output, { fingerprint: 'a', force: false });
  t.true(partial.resumed);
  await partial.release();
});

test('what kills left behind does not come with the output', async (t) => {
  const dir = await folder(t);
  const output = join(dir, 'out');
  const first = await openPartial(output, { fingerprint: 'a', force: false });
  await writeFile(first.path('data'), 'x');
  // Killed in writeFileAtomic, and while taking the lock.
  await writeFile(first.path('.data.123-abcd.tmp'), 'half');
  await writeFile(first.path('lock-01234567'), '{}');
  await first.commitDirectory();
  t.deepEqual(await readdir(output), ['data']);

  // Killed right behind the rename: the lock of a process that no longer runs, and the fingerprint.
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'close');
  await writeFile(join(output, 'lock'), JSON.stringify({ pid: dead.pid, start: 'x' }));
  await writeFile(join(output, 'partial.json'), '{"fingerprint":"a"}');
  await t.throwsAsync(openPartial(output, { fingerprint: 'a', force: false }), {
    code: 'OUTPUT_EXISTS',
  });
  t.deepEqual(await readdir(output), ['data']);

  // Files of somebody else that are only named so.
  await writeFile(join(output, 'lock'), 'mine');
  await writeFile(join(output, 'partial.json'), '{}');
  await t.throwsAsync(openPartial(output, { fingerprint: 'a', force: false }), {
    code: 'OUTPUT_EXISTS',
  });
  t.deepEqual((await readdir(output)).sort(), ['data', 'lock', 'partial.json']);
});

test('npy headers are NumPy version 1.0, 128 bytes, and read back', async (t) => {
  const header = npyHeader({ dtype: '<f2', shape: [15000, 14, 14, 768] });
  t.is(header.byteLength, 128);
  t.is(header.toString('latin1', 0, 8), '\x93NUMPY\x01\x00');
  t.is(header.readUInt16LE(8), 118);
  t.regex(
    header.toString('latin1', 10),
    /^\{'descr': '<f2', 'fortran_order': False, 'shape': \(15000, 14, 14, 768\), \} +\n$/,
  );
  const path = join(await folder(t), 'a.npy');
  await writeNpy(path, { dtype: '<i8', shape: [3] }, new Uint8Array(24));
  t.deepEqual(await readNpyHeader(path), { dtype: '<i8', shape: [3], dataOffset: 128 });
  await writeFile(path, 'not an array');
  const error = await t.throwsAsync(readNpyHeader(path), { instanceOf: LungclsError });
  t.is(error.code, 'INPUT_UNREADABLE');
});

test('safetensors round-trip, and every truncation is refused', async (t) => {
  const path = join(await folder(t), 'a.safetensors');
  const tensors = new Map([
    ['dense/kernel', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-30, 7) }],
    ['scalar', { shape: [], data: Float32Array.of(42) }],
  ]);
  await writeSafetensors(path, tensors, { base: 'x', name: 'ä"\n' });
  const read = await readSafetensors(path);
  t.deepEqual(read.tensors, tensors);
  t.deepEqual(read.metadata, { base: 'x', name: 'ä"\n' });
  const bytes = await readFile(path);
  t.is((bytes.readUInt32LE(0) + 8) % 8, 0);
  for (let length = 0; length < bytes.byteLength; length += 3) {
    await writeFile(path, bytes.subarray(0, length));
    const error = await t.throwsAsync(readSafetensors(path), { instanceOf: LungclsError });
    t.is(error.code, 'INPUT_UNREADABLE');
  }
});

test('csv fields survive whatever is in them, also read in pieces', async (t) => {
  const rows = [
    ['path', 'label'],
    ['with, comma', 'with "quotes"'],
    ['line\nbreak', 'crlf\r\nin it'],
    ['', 'ünïcödé 🫁'],
    ['"', ''],
  ];
  const text = rows.map(csvLine).join('');
  t.deepEqual(parseCsv(text), rows);
  t.deepEqual(parseCsv('a,b\r\n1,2'), [
    ['a', 'b'],
    ['1', '2'],
  ]);
  const path = join(await folder(t), 'a.csv');
  await writeFile(path, text);
  const read: string[][] = [];
  for await (const row of readCsvRows(path)) read.push(row);
  t.deepEqual(read, rows);
  t.throws(() => parseCsv('a,"open'), { instanceOf: LungclsError });
});

test('fingerprints do not depend on key order, hashes are SHA-256', async (t) => {
  t.is(
    canonicalJson({ b: [1, null, 'x'], a: { d: true, c: 0.5 } }),
    '{"a":{"c":0.5,"d":true},"b":[1,null,"x"]}',
  );
  t.is(fingerprint({ a: 1, b: 2 }), fingerprint({ b: 2, a: 1 }));
  t.not(fingerprint({ a: 1 }), fingerprint({ a: '1' }));
  // FIPS 180-2, appendix B.1.
  t.is(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  const path = join(await folder(t), 'abc');
  await writeFile(path, 'abc');
  t.is(await sha256File(path), sha256('abc'));
});
