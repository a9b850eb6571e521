import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { floatToHalf, halfToFloat, MappedRows } from '#src/native/addon.js';

const OFFSET = 10;
const ROWS = 100;
const ROW_BYTES = 36;

const folder = await mkdtemp(join(tmpdir(), 'lungcls-rows-'));
const file = join(folder, 'rows.bin');
const content = Buffer.alloc(OFFSET + ROWS * ROW_BYTES);
for (let i = 0; i < content.length; i++) content[i] = (i * 37) % 251;
await writeFile(file, content);
test.after.always(() => rm(folder, { recursive: true, force: true }));

const layout = { offset: OFFSET, rowBytes: ROW_BYTES, rows: ROWS };
const rowAt = (row: number): Buffer =>
  content.subarray(OFFSET + row * ROW_BYTES, OFFSET + (row + 1) * ROW_BYTES);

test('rows are gathered in any order, repeated or not', async (t) => {
  const rows = MappedRows.open(file, layout);
  for (const order of [[], [0], [99], [5, 5, 5], [3, 99, 0, 42, 3]]) {
    for (const numbers of [Uint32Array.from(order), Int32Array.from(order)]) {
      const out = new Uint8Array(order.length * ROW_BYTES);
      await rows.gatherBytes(numbers, out);
      t.deepEqual(Buffer.from(out), Buffer.concat(order.map(rowAt)));
    }
  }
  rows.close();
});

test('rows are gathered into part of a larger array', async (t) => {
  const rows = MappedRows.open(file, layout);
  const whole = new Uint8Array(100).fill(255);
  await rows.gatherBytes(Uint32Array.of(7), whole.subarray(20, 20 + ROW_BYTES));
  t.deepEqual(Buffer.from(whole.subarray(20, 20 + ROW_BYTES)), Buffer.from(rowAt(7)));
  t.true(whole.subarray(0, 20).every((v) => v === 255));
  t.true(whole.subarray(20 + ROW_BYTES).every((v) => v === 255));
  rows.close();
});

test('rows of halves come as floats, from even and odd offsets', async (t) => {
  const values = Float32Array.from({ length: 24 }, (_, i) => (i - 12) * 1.375);
  const halves = new Uint16Array(values.length);
  floatToHalf(values, halves);
  for (const offset of [0, 1, 64]) {
    const path = join(folder, `halves-${String(offset)}`);
    await writeFile(path, Buffer.concat([Buffer.alloc(offset), Buffer.from(halves.buffer)]));
    const rows = MappedRows.open(path, { offset, rowBytes: 24, rows: 2 });
    const out = new Float32Array(24);
    await rows.gatherHalfToFloat(Uint32Array.of(1, 0), out);
    t.deepEqual(out, Float32Array.from([...values.subarray(12), ...values.subarray(0, 12)]));
    rows.close();
  }
});

test('maps of halves are averaged over their positions, exactly', async (t) => {
  const [channels, positions, count] = [300, 5, 4];
  const values = Float32Array.from(
    { length: channels * positions * count },
    (_, i) => Math.sin(i) * 2 ** ((i % 13) - 4),
  );
  const halves = new Uint16Array(values.length);
  floatToHalf(values, halves);
  halfToFloat(halves, values);
  for (const offset of [0, 1]) {
    const path = join(folder, `maps-${String(offset)}`);
    await writeFile(path, Buffer.concat([Buffer.alloc(offset), Buffer.from(halves.buffer)]));
    const rowBytes = 2 * channels * positions;
    const rows = MappedRows.open(path, { offset, rowBytes, rows: count });
    const out = new Float32Array(2 * channels);
    await rows.averageHalf(Uint32Array.of(3, 1), channels, out);
    const expected = [3, 1].flatMap((row) =>
      Array.from({ length: channels }, (_, c) => {
        let sum = 0;
        for (let p = 0; p < positions; p++) {
          sum += values[(row * positions + p) * channels + c] ?? NaN;
        }
        return sum / positions;
      }),
    );
    t.deepEqual(out, Float32Array.from(expected));
    for (const wrong of [0, 7, 301, 1e6, NaN]) {
      await t.throwsAsync(rows.averageHalf(Uint32Array.of(0), wrong, out), { message: /channels/ });
    }
    await t.throwsAsync(rows.averageHalf(Uint32Array.of(0, 1, 2), channels, out), {
      message: /room for 3 rows/,
    });
    rows.close();
  }
});

test('row numbers, room and types are checked', async (t) => {
  const rows = MappedRows.open(file, layout);
  const out = new Uint8Array(ROW_BYTES);
  await t.throwsAsync(rows.gatherBytes(Uint32Array.of(ROWS), out), { message: /below 100/ });
  await t.throwsAsync(rows.gatherBytes(Int32Array.of(-1), out), { message: /below 100/ });
  await t.throwsAsync(rows.gatherBytes(Uint32Array.of(0, 1), out), { message: /room for 2 rows/ });
  const floats = new Float32Array(100) as unknown as Uint8Array;
  await t.throwsAsync(rows.gatherBytes(Uint32Array.of(0), floats), { message: /typed array/ });
  rows.close();
});

test('closed rows are refused, those under way are finished', async (t) => {
  const rows = MappedRows.open(file, layout);
  const out = new Uint8Array(ROW_BYTES);
  const pending = rows.gatherBytes(Uint32Array.of(1), out);
  rows.close();
  rows.close();
  await pending;
  t.deepEqual(Buffer.from(out), Buffer.from(rowAt(1)));
  await t.throwsAsync(rows.gatherBytes(Uint32Array.of(1), out), { code: 'CLOSED' });
});

test('files that do not hold the rows are refused', (t) => {
  t.throws(() => MappedRows.open(join(folder, 'none'), layout), { code: 'INPUT_NOT_FOUND' });
  t.throws(() => MappedRows.open(folder, layout), { code: 'INPUT_UNREADABLE' });
  t.throws(() => MappedRows.open(file, { ...layout, rows: ROWS + 1 }), {
    code: 'INPUT_UNREADABLE',
    message: /Expected 101 rows of 36 bytes/,
  });
  t.throws(() => MappedRows.open(file, { ...layout, offset: 2 ** 52 }), {
    code: 'INPUT_UNREADABLE',
  });
  t.throws(() => MappedRows.open(file, { ...layout, rowBytes: 2 ** 52 }), {
    code: 'INPUT_UNREADABLE',
  });
  t.throws(() => MappedRows.open(file, { ...layout, rowBytes: 0 }), { code: 'INVALID_OPTION' });
  t.throws(() => MappedRows.open(file, { ...layout, rows: -1 }), { code: 'INVALID_OPTION' });
});

test('every half survives the way to float and back', (t) => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const floats = new Float32Array(65536);
  halfToFloat(halves, floats);
  const back = new Uint16Array(65536);
  floatToHalf(floats, back);
  const changed = halves.filter((half, i) => {
    // A signalling NaN becomes a quiet one.
    const isNan = (half & 0x7fff) > 0x7c00;
    return isNan ? (back[i] ?? 0) !== (half | 0x0200) : back[i] !== half;
  });
  t.deepEqual([...changed], []);
  t.is(floats[0x3c00], 1);
  t.is(floats[0xc000], -2);
  t.is(floats[0x0001], 2 ** -24);
  t.is(floats[0x7bff], 65504);
  t.is(floats[0x7c00], Infinity);
  t.true(Object.is(floats[0x8000], -0));
});

test('floats become the nearest half, ties to even', (t) => {
  const cases: [number, number][] = [
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [-1e10, 0xfc00],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.5, 0x0001],
    [3 * 2 ** -25, 0x0002],
    [2 ** -14 - 2 ** -26, 0x0400],
    [-0, 0x8000],
  ];
  // Once in a block of eight for vector code, once as a remainder.
  for (const length of [8, 3]) {
    for (const [value, expected] of cases) {
      const out = new Uint16Array(length);
      floatToHalf(new Float32Array(length).fill(value), out);
      t.deepEqual([...out], new Array(length).fill(expected), String(value));
    }
  }
});

test('arrays of different lengths are refused', (t) => {
  t.throws(
    () => {
      floatToHalf(new Float32Array(3), new Uint16Array(2));
    },
    { code: 'INVALID_OPTION' },
  );
});
