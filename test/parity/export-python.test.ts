/** Exported files through the eyes of those who read them: onnx.checker, TensorFlow, protobuf's text parser. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { exportModel } from '#src/export/export-model.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { hashedTiles } from '../fixtures/network/hashed.js';
import { pythonReference, runPython } from '../fixtures/python.js';
import { TINY_CLASSES, TINY_SIZE } from '../fixtures/tiny-bundle.js';
import { makeTinyRun } from '../fixtures/tiny-run.js';

const COUNT = 2;
const python = pythonReference(['onnx', 'onnxruntime', 'tensorflow', 'google.protobuf']);
const run = python !== undefined ? test.serial : test.serial.skip;
const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;

let root = '';
const tiles = hashedTiles(COUNT, TINY_SIZE);

run('onnx.checker takes every precision', async (t) => {
  root = mkdtempSync(join(tmpdir(), 'lungcls-export-python-'));
  const { model } = await makeTinyRun(root);
  const paths: string[] = [];
  for (const precision of PRECISIONS) {
    const graph = precision === 'fp32' ? { tfjsGraph: join(root, 'graph') } : {};
    const triton = join(root, 'repository');
    const result = await exportModel({ model, precision, triton, output: root, ...graph });
    paths.push(result.onnx ?? '');
  }
  writeFileSync(join(root, 'tiles.u8'), tiles);
  const args = [String(TINY_SIZE), join(root, 'tiles.u8'), ...paths];
  const printed = runPython(python ?? '', 'network/check_onnx.py', args);
  for (const line of printed.trim().split('\n')) {
    t.like(JSON.parse(line), { opset: 17, ir: 8, shape: [COUNT, 3] });
  }
});

run('TensorFlow takes the graph model the way tf2onnx reads it, and gives the same', async (t) => {
  const outputs = ['probabilities', 'logits', 'pooled_features'];
  const printed = runPython(python ?? '', 'export/check_graph_model.py', [
    ...[join(root, 'graph', 'model.json'), join(root, 'tiles.u8'), String(TINY_SIZE)],
    ...outputs,
  ]);
  const found = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Record<string, number[]>;
  const session = await createOnnxSession({ model: join(root, 'model.onnx'), device: 'cpu' });
  const expected = await session.run(tiles, [COUNT, TINY_SIZE, TINY_SIZE, 3]);
  await session.close();
  for (const name of outputs) {
    const values = expected.get(name)?.data ?? new Float32Array();
    t.is(found[name]?.length, values.length, name);
    const most = values.reduce((a, value) => Math.max(a, Math.abs(value)), 1);
    values.forEach((value, i) => {
      if (!(Math.abs(value - (found[name]?.[i] ?? NaN)) / most < 1e-4)) t.fail(`${name} ${i}`);
    });
  }
});

run("Triton's configuration has only fields that its schema has", (t) => {
  const paths = PRECISIONS.map((p) => join(root, 'repository', `lungcls_${p}`, 'config.pbtxt'));
  // What is offered as a comment has to be right too.
  const uncommented = join(root, 'tensorrt.pbtxt');
  const text = readFileSync(paths[1] ?? '', 'utf8');
  const at = text.indexOf('# optimization');
  writeFileSync(uncommented, text.slice(0, at) + text.slice(at).replaceAll(/^# /gm, ''));
  const args = [...paths, uncommented];
  const lines = runPython(python ?? '', 'export/check_triton.py', args)
    .trim()
    .split('\n');
  for (const [i, precision] of PRECISIONS.entries()) {
    t.like(JSON.parse(lines[i] ?? ''), {
      name: `lungcls_${precision}`,
      platform: 'onnxruntime_onnx',
      max_batch_size: 64,
      input: [
        {
          name: 'tiles',
          data_type: 'TYPE_UINT8',
          format: 'FORMAT_NHWC',
          dims: ['96', '96', '3'],
        },
      ],
      output: [
        {
          name: 'probabilities',
          data_type: 'TYPE_FP32',
          dims: [String(TINY_CLASSES.length)],
          label_filename: 'labels.txt',
        },
        { name: 'logits', data_type: 'TYPE_FP32', dims: [String(TINY_CLASSES.length)] },
        { name: 'pooled_features', data_type: 'TYPE_FP32', dims: ['768'] },
      ],
      dynamic_batching: { max_queue_delay_microseconds: '2000' },
    });
  }
  t.like(JSON.parse(lines[2] ?? ''), { instance_group: [{ count: 2, kind: 'KIND_CPU' }] });
  const { optimization } = JSON.parse(lines[3] ?? '') as Record<string, object>;
  t.like(optimization, {
    execution_accelerators: { gpu_execution_accelerator: [{ name: 'tensorrt' }] },
  });
  rmSync(root, { recursive: true, force: true });
});
