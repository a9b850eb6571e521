/** The ONNX files through Python's eyes: onnx.checker, and its onnxruntime. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { calibrateModel } from '#src/bundle/int8.js';
import { headGraph } from '#src/network/head.js';
import { inferShapes } from '#src/network/graph.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { baseModel, wholeModel } from '#src/onnx/export.js';
import { toFloat16 } from '#src/onnx/float16.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { hashedTiles, hashedWeights } from '../fixtures/network/hashed.js';
import { pythonReference, runPython } from '../fixtures/python.js';

const SIZE = 96;
const COUNT = 3;
const python = pythonReference(['onnx', 'onnxruntime']);
const run = python !== undefined ? test : test.skip;

interface Checked {
  opset: number;
  ir: number;
  types: number[];
  metadata: Record<string, string>;
  input: string;
  output: string;
  shape: number[];
}

async function calibrate(model: OnnxModel, tiles: Uint8Array): Promise<OnnxModel> {
  const check = { tiles, count: COUNT, size: SIZE, classes: 3 };
  return await calibrateModel(model, check, {});
}

run("every kind of model passes the checker, and Python's runtime gives our numbers", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lungcls-onnx-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const base = inceptionV3ToMixed7();
  const weights = hashedWeights(base, [SIZE, SIZE, 3]);
  const features = inferShapes(base, [SIZE, SIZE, 3]).get(base.output) ?? [];
  const tiles = hashedTiles(COUNT, SIZE);
  const models: [string, OnnxModel][] = [];
  for (const pixels of ['inception', 'recipe'] as const) {
    const basic = baseModel({ weights }, { pixels, size: SIZE });
    models.push([`base-${pixels}`, basic], [`base-${pixels}-fp16`, toFloat16(basic)]);
  }
  for (const classes of [2, 3, 100]) {
    const head = hashedWeights(headGraph({ classes }), features);
    const metadata = { 'lungcls.json': JSON.stringify({ classes, text: 'ä' }) };
    const whole = wholeModel({ weights }, head, {
      pixels: 'inception',
      size: SIZE,
      classes,
      metadata,
    });
    models.push([`whole-${classes}`, whole], [`whole-${classes}-fp16`, toFloat16(whole)]);
    if (classes === 3) models.push([`whole-${classes}-int8`, await calibrate(whole, tiles)]);
  }
  const paths = models.map(([name, model]) => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, modelBytes(model));
    return path;
  });
  const tilesPath = join(folder, 'tiles.u8');
  writeFileSync(tilesPath, tiles);
  const printed = runPython(python ?? '', 'network/check_onnx.py', [
    String(SIZE),
    tilesPath,
    ...paths,
  ]);
  const lines = printed.trim().split('\n');
  t.is(lines.length, models.length);

  for (const [i, [name, model]] of models.entries()) {
    const checked = JSON.parse(lines[i] ?? '') as Checked;
    const half = name.endsWith('fp16');
    t.like(checked, { opset: 17, ir: 8, input: 'tensor(uint8)', output: 'tensor(float)' }, name);
    t.is(checked.metadata['lungcls.json'], model.metadata['lungcls.json']);
    t.true(checked.types.includes(half ? 10 : 1), name);
    // int8 kernels, int32 biases.
    if (name.endsWith('int8')) t.true(checked.types.includes(3) && checked.types.includes(6));

    const session = await createOnnxSession({ model: paths[i] ?? '', device: 'cpu' });
    const output = (await session.run(tiles, [COUNT, SIZE, SIZE, 3])).get(model.output.name);
    await session.close();
    t.deepEqual(output?.shape, checked.shape, name);
    const values = new Float32Array(Uint8Array.from(readFileSync(`${paths[i] ?? ''}.f32`)).buffer);
    t.is(values.length, output?.data.length ?? 0, name);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const difference = values.reduce(
      (a, b, j) => Math.max(a, Math.abs(b - (output?.data[j] ?? NaN)) / most),
      0,
    );
    t.log(`${name}: ${difference.toExponential(1)}`);
    // Two builds of ONNX Runtime may choose other kernels; halves round where they do.
    t.true(difference < (half || name.endsWith('int8') ? 5e-3 : 1e-5), name);
  }
});
