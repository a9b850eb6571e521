/** preprocess -> samples -> train -> predict, each the real program, on small tiles. */
import { cp, link, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { readCsv } from './csv.js';
import { run, start } from './program.js';
import { tileJpeg } from '../fixtures/tiles.js';
import { tinyBundle } from '../fixtures/tiny-bundle.js';
import { RANDOM_BASE, tinyHome } from '../fixtures/tiny-home.js';

const CLASSES = ['lung_n', 'lung_aca', 'lung_scc'];

let root = '';
let env: Record<string, string> = {};

test.before('a data set, a store, a base', async (t) => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-pipeline-'));
  env = { LUNGCLS_HOME: await tinyHome() };
  for (const [label, name] of CLASSES.entries()) {
    await mkdir(join(root, 'tiles', name), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const path = join(root, 'tiles', name, `${name}${i}.jpeg`);
      await writeFile(path, await tileJpeg(100 * label + i));
    }
  }
  const { code, stderr } = await run([
    ...['preprocess', join(root, 'tiles'), '-o', join(root, 'store'), '--size', '96'],
  ]);
  t.is(code, 0, stderr);
});

// Serial: features are computed in the store, by one process at a time.
test.serial('from a folder to predictions', async (t) => {
  const store = join(root, 'store');
  const picture = join(root, 'samples.png');
  const samples = await run(['samples', store, '-o', picture]);
  t.is(samples.code, 0, samples.stderr);
  t.is((await sharp(picture).metadata()).format, 'png');

  const folder = join(root, 'run');
  const flags = ['--base', RANDOM_BASE, '--epochs', '2', '--batch-size', '8', '--json'];
  const trained = await run(['train', store, '-o', folder, ...flags], { env });
  t.is(trained.code, 0, trained.stderr);
  t.regex(trained.stderr, /Training on tfjs/, 'says what it runs on');
  const result = JSON.parse(trained.stdout) as { model: string; report: string };
  t.regex(await readFile(result.report, 'utf8'), /For research use only/);

  const outputs = { store: join(root, 'a.csv'), folder: join(root, 'b.csv') };
  const ofStore = await run(['predict', result.model, store, '-o', outputs.store]);
  t.is(ofStore.code, 0, ofStore.stderr);
  const ofFolder = await run(['predict', result.model, join(root, 'tiles'), '-o', outputs.folder]);
  t.is(ofFolder.code, 0, ofFolder.stderr);
  const byName = async (path: string): Promise<Map<string, string[]>> =>
    new Map(
      (await readCsv(path))
        .slice(1)
        .map(([name = '', ...rest]) => [name.split('/').at(-1) ?? '', rest]),
    );
  const [fromStore, fromFolder] = [await byName(outputs.store), await byName(outputs.folder)];
  t.is(fromStore.size, 36);
  // The same tiles in another order: only rounding may differ.
  for (const [name, row] of fromStore) {
    const other = fromFolder.get(name) ?? [];
    t.deepEqual(row.slice(-2), ['ok', '']);
    row.slice(1, -2).forEach((value, i) => {
      t.true(Math.abs(Number(value) - Number(other[i + 1])) < 1e-5);
    });
  }
});

test('audit writes a line a tile, and says what it found', async (t) => {
  const output = join(root, 'audit');
  const { code, stdout, stderr } = await run(['audit', join(root, 'store'), '-o', output]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^36 tiles come from \d+ originals/);
  t.regex(stdout, /A random split would have siblings in training of \d+ of 8 validation tiles/);
  t.is((await readCsv(join(output, 'groups.csv'))).length, 37);
});

test('a model refuses a store of another preprocessing and names both', async (t) => {
  const others: [string[], RegExp][] = [
    [['--size', '64'], /96 x 96.*64 x 64/],
    [['--size', '96', '--resize', 'area'], /96 x 96, cv2.*96 x 96, area/],
  ];
  for (const [flags, both] of others) {
    const store = join(root, flags.join(''));
    const made = await run(['preprocess', join(root, 'tiles'), '-o', store, ...flags]);
    t.is(made.code, 0, made.stderr);
    const output = join(root, 'mismatch.csv');
    const { code, stderr } = await run(['predict', await tinyBundle(), store, '-o', output]);
    t.is(code, 1);
    t.regex(stderr, /^error\[PREPROCESSING_MISMATCH\]: .*\n$/);
    t.regex(stderr, both);
    await t.throwsAsync(stat(output));
  }
});

test('one byte changed in a model is found', async (t) => {
  const model = join(root, 'changed-model');
  await cp(await tinyBundle(), model, { recursive: true });
  const bytes = await readFile(join(model, 'model.onnx'));
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(join(model, 'model.onnx'), bytes);
  for (const path of [model, join(model, 'model.onnx')]) {
    const { code, stderr } = await run([
      'predict',
      path,
      join(root, 'tiles'),
      '-o',
      join(root, 'x.csv'),
    ]);
    t.is(code, 1);
    t.regex(stderr, /^error\[MODEL_INVALID\]: .*expected.*\n$/);
  }
});

test('a lone .onnx is enough', async (t) => {
  const lone = join(root, 'lone.onnx');
  await cp(join(await tinyBundle(), 'model.onnx'), lone);
  const output = join(root, 'lone.csv');
  const { code, stderr } = await run(['predict', lone, join(root, 'tiles'), '-o', output]);
  t.is(code, 0, stderr);
  t.is((await readCsv(output)).length, 37);
  const tfjs = await run([
    'predict',
    lone,
    join(root, 'tiles'),
    '-o',
    join(root, 'lone-tfjs.csv'),
    '--engine',
    'tfjs',
  ]);
  t.is(tfjs.code, 1);
  t.regex(tfjs.stderr, /^error\[MODEL_INVALID\]: .*tfjs\//);
});

test('failures of preprocess and train are one line with a code', async (t) => {
  await mkdir(join(root, 'empty'));
  await mkdir(join(root, 'single', 'only'), { recursive: true });
  await writeFile(join(root, 'single', 'only', 'a.jpeg'), await tileJpeg(1));
  const output = join(root, 'failed');
  const cases: readonly (readonly [readonly string[], string, number])[] = [
    [['preprocess', join(root, 'nowhere')], 'INPUT_NOT_FOUND', 1],
    [['preprocess', join(root, 'empty')], 'INPUT_EMPTY', 1],
    [['preprocess', join(root, 'single')], 'TOO_FEW_CLASSES', 1],
    [['preprocess', join(root, 'tiles'), '--classes', 'lung_n,tumour'], 'UNKNOWN_CLASS', 1],
    [['preprocess', join(root, 'tiles'), '--size', '0'], 'INVALID_OPTION', 2],
    [['samples', join(root, 'tiles')], 'STORE_INVALID', 1],
    [['train', join(root, 'nowhere')], 'INPUT_NOT_FOUND', 1],
    [['train', join(root, 'store'), '--base', 'resnet'], 'BASE_UNKNOWN', 1],
    [['train', join(root, 'store'), '--epochs', '0'], 'INVALID_OPTION', 2],
  ];
  for (const [args, expected, exit] of cases) {
    const { code, stdout, stderr } = await run([...args, '-o', output], { env });
    t.regex(stderr, new RegExp(`^error\\[${expected}\\]: .+\\n$`, 'm'), args.join(' '));
    t.is(code, exit, args.join(' '));
    t.is(stdout, '');
    await t.throwsAsync(stat(output));
  }
});

test('preprocess: Ctrl-C stops with 130; the same command gives what it would have given', async (t) => {
  const big = join(root, 'big.jpeg');
  await writeFile(
    big,
    await sharp(await tileJpeg(7))
      .resize(2200, 2200)
      .jpeg()
      .toBuffer(),
  );
  for (const name of CLASSES) {
    await mkdir(join(root, 'big', name), { recursive: true });
    for (let i = 0; i < 120; i++) await link(big, join(root, 'big', name, `${i}.jpeg`));
  }
  const args = ['preprocess', join(root, 'big'), '--size', '96', '-o'];
  const whole = await run([...args, join(root, 'whole-store')]);
  t.is(whole.code, 0, whole.stderr);
  const store = join(root, 'stopped-store');
  const stopped = start([...args, store]);
  await exists(`${store}.partial`);
  stopped.child.kill('SIGINT');
  const { code, stderr } = await stopped.finished;
  t.is(code, 130, stderr);
  t.regex(stderr, /error\[ABORTED\]: .*same command/);
  await t.throwsAsync(stat(store));
  const finished = await run([...args, store]);
  t.is(finished.code, 0, finished.stderr);
  for (const file of ['images.npy', 'labels.npy', 'index.csv']) {
    t.deepEqual(await readFile(join(store, file)), await readFile(join(root, 'whole-store', file)));
  }
});

test('demo: Ctrl-C stops with 130; a folder of others is left alone', async (t) => {
  const folder = join(root, 'demo');
  const stopped = start(['demo', '-o', folder], { env });
  await stopped.said(/Drawing/);
  stopped.child.kill('SIGINT');
  const { code, stderr } = await stopped.finished;
  t.is(code, 130, stderr);
  const foreign = await run(['demo', '-o', join(root, 'tiles'), '--force']);
  t.is(foreign.code, 1);
  t.regex(foreign.stderr, /^error\[OUTPUT_EXISTS\]: .*\n$/);
  t.is((await readCsv(join(root, 'store', 'index.csv'))).length, 37);
});

test('a second Ctrl-C ends at once', async (t) => {
  const input = `${join(root, 'tiles', 'lung_n', 'lung_n0.jpeg')}\n`.repeat(5000);
  const output = join(root, 'second.csv');
  const hasty = start(['predict', await tinyBundle(), '-', '-o', output], { input });
  await hasty.said(/ONNX Runtime/);
  hasty.child.kill('SIGINT');
  await hasty.said(/Stopping/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  hasty.child.kill('SIGINT');
  const { code, signal } = await hasty.finished;
  t.true(signal === 'SIGINT' || code === 130, `${String(signal)} ${String(code)}`);
});

async function exists(path: string): Promise<void> {
  while (
    !(await stat(path).then(
      () => true,
      () => false,
    ))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
