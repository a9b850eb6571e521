import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { toHalf } from '#src/onnx/half.js';
import { readOnnxMetadata, verifySeal } from '#src/onnx/metadata.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { MessageWriter, readVarint } from '#src/onnx/protobuf.js';

/** The value of a half, by its definition (IEEE 754-2019, 3.4). */
function halfValue(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

test('every half survives the way through float32', (t) => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const back = toHalf(Float32Array.from(bits, halfValue));
  for (const [i, found] of back.entries()) {
    if (Number.isNaN(halfValue(i))) t.true(Number.isNaN(halfValue(found)));
    else if (found !== i) t.fail(`${i} became ${found}`);
  }
});

test('between two halves the nearer wins, and on a tie the even one', (t) => {
  for (let i = 0; i < 0x7bff; i++) {
    const low = halfValue(i);
    const high = halfValue(i + 1);
    const middle = (low + high) / 2; // exact in float32
    const step = (high - low) / 8;
    const [below, tie, above, negative] = toHalf(
      Float32Array.of(middle - step, middle, middle + step, -middle),
    );
    const even = i % 2 === 0 ? i : i + 1;
    if (below !== i || tie !== even || above !== i + 1 || negative !== (even | 0x8000)) {
      t.fail(`around ${low}: ${[below, tie, above, negative].join()}`);
    }
  }
  t.pass();
});

test('what is too large for a half becomes infinite', (t) => {
  t.deepEqual(
    [...toHalf(Float32Array.of(65504, 65519.99, 65520, 1e30, -1e30, Infinity, 1e-30))],
    [0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00, 0],
  );
});

test("the wire format is that of protobuf's own examples", (t) => {
  // protobuf.dev/programming-guides/encoding: field 1 = 150; field 2 = "testing"; packed 3, 270, 86942.
  const bytes = (writer: MessageWriter): string => Buffer.concat(writer.chunks).toString('hex');
  t.is(bytes(new MessageWriter().integer(1, 150)), '089601');
  t.is(bytes(new MessageWriter().string(2, 'testing')), '120774657374696e67');
  t.is(bytes(new MessageWriter().message(3, (m) => m.integer(1, 150))), '1a03089601');
  t.is(bytes(new MessageWriter().integers(6, [3, 270, 86942])), '3206038e029ea705');
  t.is(bytes(new MessageWriter().integer(1, -2)), '08feffffffffffffffff01');
  t.is(bytes(new MessageWriter().float(2, 1)), '150000803f');
});

test('numbers are read back; damage is refused', (t) => {
  t.deepEqual(readVarint(Uint8Array.of(0x96, 0x01), 0), { value: 150, next: 2 });
  t.throws(() => readVarint(Uint8Array.of(0x96), 0), { instanceOf: RangeError });
  t.throws(() => readVarint(new Uint8Array(20).fill(0xff), 0), { instanceOf: RangeError });
});

const model: OnnxModel = {
  name: 'small',
  nodes: [{ name: 'y', type: 'Add', inputs: ['x', 'c'], output: 'y' }],
  initializers: [{ name: 'c', type: 'float32', shape: [2], bytes: new Uint8Array(8) }],
  input: { name: 'x', type: 'float32', shape: ['batch', 2] },
  output: { name: 'y', type: 'float32', shape: ['batch', 2] },
  metadata: { a: 'ä "quoted"', b: 'x'.repeat(100_000) },
};

test('strings in a file are read without the graph, and the seal finds a changed byte', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-onnx-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'm.onnx');
  const bytes = modelBytes(model);
  await writeFile(path, bytes);
  const metadata = await readOnnxMetadata(path);
  t.like(metadata.strings, model.metadata);
  t.true(await verifySeal(path, metadata));

  for (const offset of [metadata.graph.offset + 3, bytes.length - 1, 200]) {
    const damaged = Uint8Array.from(bytes);
    damaged[offset] = (damaged[offset] ?? 0) ^ 1;
    await writeFile(path, damaged);
    t.false(await verifySeal(path, await readOnnxMetadata(path)), `byte ${offset}`);
  }
  for (const [what, content] of [
    ['cut', bytes.subarray(0, bytes.length - 5)],
    ['text', Buffer.from('not a model at all')],
    ['empty', new Uint8Array()],
  ] as const) {
    await writeFile(path, content);
    await t.throwsAsync(readOnnxMetadata(path), { code: 'MODEL_INVALID' }, what);
  }
});
