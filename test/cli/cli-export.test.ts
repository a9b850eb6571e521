/** export as a user calls it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeTinyRun, type TinyRun } from '../fixtures/tiny-run.js';
import { run } from './program.js';

let root = '';
let made: TinyRun;
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-cli-export-'));
  made = await makeTinyRun(root);
});
test.after.always(() => rm(root, { recursive: true, force: true }));

test.serial('a file that predict takes, and lines that say how near it is', async (t) => {
  const output = join(root, 'onnx');
  const { code, stdout, stderr } = await run(['export', made.model, '-o', output]);
  t.is(code, 0, stderr);
  t.regex(stderr, /Comparing with tfjs on 9 held-out tiles, on tfjs/);
  t.regex(stdout, /^ONNX fp32 beside tfjs on 9 held-out tiles: .*100\.00 % the same class/m);
  t.regex(stdout, new RegExp(`^ONNX: ${output}/model\\.onnx$`, 'm'));
  const csv = join(root, 'out.csv');
  const predicted = await run(['predict', join(output, 'model.onnx'), made.store, '-o', csv]);
  t.is(predicted.code, 0, predicted.stderr);

  const again = await run(['export', made.model, '-o', output]);
  t.is(again.code, 1);
  t.regex(again.stderr, /^error\[OUTPUT_EXISTS\]: .*model\.onnx exists already.*\n$/);
});

test.serial('--json is one document with figures and places', async (t) => {
  const graph = join(root, 'graph');
  const flags = ['--tfjs-graph', graph, '--tiles', '2', '--json'];
  const { code, stdout, stderr } = await run(['export', made.model, ...flags]);
  t.is(code, 0, stderr);
  t.like(JSON.parse(stdout), {
    precision: 'fp32',
    tfjsGraph: join(graph, 'model.json'),
    tfjsGraphFigures: { tiles: 2, sameClass: 1 },
  });
  t.true((await readdir(graph)).includes('model.json'));
});

test('wrong calls', async (t) => {
  const nowhere = await run(['export', made.model]);
  t.is(nowhere.code, 2);
  t.regex(
    nowhere.stderr,
    /^error\[USAGE\]: Expected at least one of -o, --triton and --tfjs-graph/,
  );
  const other = await run(['export', made.model, '-o', 'x', '--precision', 'fp8']);
  t.is(other.code, 2);
});
