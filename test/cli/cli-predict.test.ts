/** `predict`, the real program on a real (small) model. */
import { mkdir, mkdtemp, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { DOMAIN_COLUMNS } from '#src/inference/result-columns.js';
import { readCsv, readTable } from './csv.js';
import { run, start } from './program.js';
import { withSmallDisk } from './tmpfs.js';
import { writeDomainBundle } from '../fixtures/domain/bundle.js';
import { tileJpeg, writeTiles } from '../fixtures/tiles.js';
import { writeMiniModel } from '../fixtures/mini-model.js';
import { TINY_CLASSES, tinyBundle } from '../fixtures/tiny-bundle.js';

/** Waits until a file has so many bytes. */
async function grown(path: string, bytes: number): Promise<void> {
  for (;;) {
    const size = await stat(path).then(
      (facts) => facts.size,
      () => 0,
    );
    if (size >= bytes) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const folder = async (): Promise<string> => await mkdtemp(join(tmpdir(), 'lungcls-predict-'));

test.before('a model', async () => {
  await tinyBundle();
});

test('a folder becomes one row an image, in natural order, with probabilities that sum to 1', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 12);
  const output = join(root, 'out.csv');
  const { code, stdout, stderr } = await run([
    'predict',
    await tinyBundle(),
    join(root, 'tiles'),
    '-o',
    output,
    '--batch-size',
    '5',
  ]);
  t.is(code, 0, stderr);
  t.regex(stderr, /ONNX Runtime/, 'says what it runs on');
  t.regex(stdout, /^12 images .*tiles\/s\n/);
  const [header, ...rows] = await readCsv(output);
  const numbers = ['max_probability', 'entropy_nats', ...DOMAIN_COLUMNS];
  t.deepEqual(header, ['path', 'label', ...TINY_CLASSES, ...numbers, 'status', 'error_code']);
  t.deepEqual(
    rows.map(([path = '']) => basename(path)),
    Array.from({ length: 12 }, (_, i) => `tile${i}.jpeg`),
  );
  for (const [, label, ...rest] of rows) {
    t.deepEqual(rest.slice(-2), ['ok', '']);
    const probabilities = rest.slice(0, TINY_CLASSES.length).map(Number);
    t.true(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1) < 1e-5);
    t.is(label, TINY_CLASSES[probabilities.indexOf(Math.max(...probabilities))]);
  }
  t.true(new Set(rows.map((row) => row[2])).size > 6, 'different tiles, different probabilities');
  await t.throwsAsync(stat(`${output}.partial`));
});

test('a blank tile is told from those of training; a model that cannot tell says so', async (t) => {
  const root = await folder();
  const model = join(root, 'model');
  await writeDomainBundle(model);
  const tiles = join(root, 'tiles');
  await writeTiles(tiles, 3);
  const side = { width: 224, height: 224, channels: 3 } as const;
  const grey = sharp({ create: { ...side, background: '#808080' } });
  await grey.png().toFile(join(tiles, 'blank.png'));
  const output = join(root, 'out.csv');
  const { code, stdout, stderr } = await run(['predict', model, tiles, '-o', output]);
  t.is(code, 0, stderr);
  t.regex(stdout, /\n1 images are unlike the training tiles \(blank 1\): see in_domain\n/);
  t.notRegex(stderr, /in_domain/);
  const rows = await readTable(output);
  const said = ['in_domain', 'domain_reason'].map((name) => rows.map((row) => row.get(name)));
  t.deepEqual(said, [
    ['false', 'true', 'true', 'true'],
    ['blank', '', '', ''],
  ]);
  t.is(basename(rows[0]?.get('path') ?? ''), 'blank.png');
  t.not(rows[0]?.get('label'), '', 'it keeps its label');
  const old = await run(['predict', await tinyBundle(), tiles, '-o', join(root, 'old.csv')]);
  t.is(old.code, 0, old.stderr);
  t.is(old.stderr.match(/in_domain/g)?.length, 1);
  t.notRegex(old.stdout, /in_domain/);
});

test('both engines, all batch sizes: the same result', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 7);
  const results: number[][] = [];
  for (const flags of [
    ['--batch-size', '7'],
    ['--batch-size', '3'],
    ['--engine', 'tfjs'],
  ]) {
    const output = join(root, `out${results.length}.csv`);
    const args = ['predict', await tinyBundle(), join(root, 'tiles'), '-o', output, ...flags];
    const { code, stderr } = await run(args);
    t.is(code, 0, stderr);
    const [, ...rows] = await readCsv(output);
    results.push(rows.flatMap((row) => row.slice(2, 2 + TINY_CLASSES.length).map(Number)));
  }
  const [first = [], ...others] = results;
  t.is(first.length, 7 * TINY_CLASSES.length);
  for (const other of others) {
    t.is(other.length, first.length);
    t.true(other.every((value, i) => Math.abs(value - (first[i] ?? NaN)) < 1e-4));
  }
});

test('broken images among good ones have a status and no label; the good ones are not disturbed', async (t) => {
  const root = await folder();
  const tiles = join(root, 'tiles');
  await writeTiles(tiles, 6);
  const alone = join(root, 'alone.csv');
  await run(['predict', await tinyBundle(), tiles, '-o', alone]);
  const good = await tileJpeg(99);
  await writeFile(join(tiles, 'tile1b-empty.jpeg'), '');
  await writeFile(join(tiles, 'tile2b-text.jpeg'), 'this is no picture');
  await writeFile(join(tiles, 'tile3b-header.jpeg'), good.subarray(0, 30));
  await writeFile(join(tiles, 'tile4b-cut.jpeg'), good.subarray(0, good.length / 2));
  const output = join(root, 'out.csv');
  const { code, stdout, stderr } = await run(['predict', await tinyBundle(), tiles, '-o', output]);
  t.is(code, 0, stderr);
  t.regex(stdout, /4 images could not be classified/);
  const status = new Map(
    (await readTable(output)).map((row) => [basename(row.get('path') ?? ''), row] as const),
  );
  const codeOf = (name: string): string | undefined => status.get(name)?.get('error_code');
  t.is(codeOf('tile1b-empty.jpeg'), 'IMAGE_EMPTY');
  t.is(codeOf('tile2b-text.jpeg'), 'IMAGE_FORMAT');
  t.is(codeOf('tile3b-header.jpeg'), 'IMAGE_HEADER');
  const cut = status.get('tile4b-cut.jpeg');
  t.true(['failed', 'damaged'].includes(cut?.get('status') ?? ''));
  for (const name of ['label', 'max_probability', 'entropy_nats', ...TINY_CLASSES]) {
    t.is(cut?.get(name), '', name);
  }
  for (const row of await readTable(alone)) {
    t.deepEqual(status.get(basename(row.get('path') ?? '')), row);
  }
});

test('odd names go through a list on stdin and come out again', async (t) => {
  const root = await folder();
  const names = [
    'a b.jpeg',
    'quote".jpeg',
    "it's.jpeg",
    'line\nbreak.jpeg',
    'ünïcödé 肺.jpeg',
    ',.jpeg',
    '-0.jpeg',
  ];
  for (const [i, name] of names.entries()) await writeFile(join(root, name), await tileJpeg(i));
  const list = [...names, 'missing.jpeg'];
  const args = ['predict', await tinyBundle(), '-', '-o', 'out.csv'];
  const nul = await run([...args, '-0'], { cwd: root, input: list.join('\0') });
  t.is(nul.code, 0, nul.stderr);
  const [, ...rows] = await readCsv(join(root, 'out.csv'));
  t.deepEqual(
    rows.map((row) => row[0]),
    list,
  );
  t.deepEqual(
    rows.map((row) => row.at(-2)),
    [...names.map(() => 'ok'), 'failed'],
  );

  const plain = names.filter((name) => !name.includes('\n'));
  const lines = await run([...args, '--force'], { cwd: root, input: `${plain.join('\n')}\n` });
  t.is(lines.code, 0, lines.stderr);
  t.deepEqual(
    (await readCsv(join(root, 'out.csv'))).slice(1).map((row) => row[0]),
    plain,
  );
});

test('several inputs and doubles keep their order', async (t) => {
  const root = await folder();
  const [one = '', two = ''] = await writeTiles(root, 2);
  await writeTiles(join(root, 'more'), 2, 5);
  const inputs = [two, one, join(root, 'more'), two];
  const output = join(root, 'out.csv');
  const { code, stderr } = await run(['predict', await tinyBundle(), ...inputs, '-o', output]);
  t.is(code, 0, stderr);
  const [, ...rows] = await readCsv(output);
  t.deepEqual(
    rows.map((row) => row[0]),
    [two, one, join(root, 'more', 'tile5.jpeg'), join(root, 'more', 'tile6.jpeg'), two],
  );
  t.deepEqual(rows[0], rows[4]);
});

test('-o - gives the same CSV on stdout and nothing else', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 3);
  const args = ['predict', await tinyBundle(), join(root, 'tiles'), '-o'];
  const file = await run([...args, join(root, 'out.csv')]);
  t.is(file.code, 0, file.stderr);
  const stream = await run([...args, '-']);
  t.is(stream.code, 0, stream.stderr);
  t.is(stream.stdout, await readFile(join(root, 'out.csv'), 'utf8'));
  t.regex(stream.stderr, /3 images/);
});

test('a reader that leaves early ends the program without a word', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 40);
  const { child, finished } = start([
    'predict',
    await tinyBundle(),
    join(root, 'tiles'),
    '-o',
    '-',
    '--batch-size',
    '2',
    '--quiet',
  ]);
  child.stdout?.once('data', () => child.stdout?.destroy());
  const { code, stderr } = await finished;
  t.is(stderr, '');
  t.is(code, 141);
});

test('--json prints one document on stdout; --quiet prints nothing', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 3);
  const args = ['predict', await tinyBundle(), join(root, 'tiles'), '-o'];
  const json = await run([...args, join(root, 'a.csv'), '--json']);
  t.is(json.code, 0, json.stderr);
  const value = JSON.parse(json.stdout) as Record<string, unknown>;
  t.is(value['rows'], 3);
  t.deepEqual(value['perStatus'], { ok: 3 });
  const quiet = await run([...args, join(root, 'b.csv'), '--quiet']);
  t.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);
});

test('an output that exists needs --force', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 2);
  const output = join(root, 'out.csv');
  await writeFile(output, 'precious');
  const args = ['predict', await tinyBundle(), join(root, 'tiles'), '-o', output];
  const refused = await run(args);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^error\[OUTPUT_EXISTS\]: .*--force.*\n$/);
  t.is(await readFile(output, 'utf8'), 'precious');
  const forced = await run([...args, '--force']);
  t.is(forced.code, 0, forced.stderr);
  t.is((await readCsv(output)).length, 3);
});

test('wrong inputs, each with its code and nothing written', async (t) => {
  const root = await folder();
  const model = await tinyBundle();
  await writeTiles(join(root, 'tiles'), 1);
  await mkdir(join(root, 'empty'));
  await writeFile(join(root, 'text.onnx'), 'this is no model');
  const output = join(root, 'out.csv');
  const cases: readonly (readonly [string, string, string])[] = [
    [model, join(root, 'nowhere'), 'INPUT_NOT_FOUND'],
    [model, join(root, 'empty'), 'INPUT_EMPTY'],
    [join(root, 'nowhere'), join(root, 'tiles'), 'INPUT_NOT_FOUND'],
    [join(root, 'empty'), join(root, 'tiles'), 'MODEL_INVALID'],
    [join(root, 'text.onnx'), join(root, 'tiles'), 'MODEL_INVALID'],
  ];
  for (const [bundle, input, expected] of cases) {
    const { code, stdout, stderr } = await run(['predict', bundle, input, '-o', output]);
    t.is(code, 1, stderr);
    t.regex(stderr, new RegExp(`^error\\[${expected}\\]: .*\\n$`, 'm'));
    t.is(stdout, '');
    await t.throwsAsync(stat(output));
  }
  const options = await run([
    'predict',
    model,
    join(root, 'tiles'),
    '-o',
    output,
    '--batch-size',
    '0',
  ]);
  t.is(options.code, 2);
  t.regex(
    options.stderr,
    /^error\[INVALID_OPTION\]: Expected a positive integer up to 4096 for batchSize but received 0/,
  );
});

test('an output that cannot be written is said before any work', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 1);
  await writeFile(join(root, 'file'), '');
  const output = join(root, 'file', 'out.csv');
  const { code, stderr } = await run([
    'predict',
    await tinyBundle(),
    join(root, 'tiles'),
    '-o',
    output,
  ]);
  t.is(code, 1);
  t.regex(stderr, /^error\[OUTPUT_UNWRITABLE\]: .*\n$/);
});

for (const [format, rounds] of [
  ['csv', 3],
  ['jsonl', 2],
  ['parquet', 2],
] as const) {
  test(`${format}: killed at any moment, the same command gives the file of an uninterrupted run`, async (t) => {
    const root = await folder();
    const model = join(root, 'mini.onnx');
    await writeMiniModel(model);
    await writeTiles(join(root, 'tiles'), 60);
    await writeFile(join(root, 'tiles', 'tile30.jpeg'), 'broken');
    const args = ['predict', model, join(root, 'tiles'), '--batch-size', '2', '-o'];
    const whole = join(root, `whole.${format}`);
    const begun = performance.now();
    t.is((await run([...args, whole])).code, 0);
    const milliseconds = performance.now() - begun;
    const expected = await readFile(whole);
    for (let round = 0; round < rounds; round++) {
      const output = join(root, `out${round}.${format}`);
      const { child, finished } = start([...args, output]);
      const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds * (0.5 + 0.13 * round));
      const killed = await finished;
      clearTimeout(timer);
      // Absent or whole; a kill may also come between the rename and the end.
      const there = await readFile(output).catch(() => expected);
      t.true(there.equals(expected));
      t.true(killed.code === 0 || killed.signal === 'SIGKILL', killed.stderr);
      const { code, stderr } = await run([...args, output]);
      t.is(code, 0, stderr);
      t.true((await readFile(output)).equals(expected));
    }
    const again = await run([...args, whole]);
    t.is(again.code, 0, again.stderr);
    t.regex(again.stderr, /finished already: nothing to do/);
    t.deepEqual(
      (await readdir(root)).filter((name) => name.includes('partial')),
      [],
    );
  });
}

test('shards by --shard, merged by merge; flags of a job', async (t) => {
  const root = await folder();
  const model = join(root, 'mini.onnx');
  await writeMiniModel(model);
  await writeTiles(join(root, 'tiles'), 9);
  const args = ['predict', model, 'tiles', '--top', '2', '--threshold', '0.4', '--tta', 'd4'];
  const parts = ['part1.parquet', 'part2.parquet', 'part3.parquet'];
  for (const [i, part] of parts.entries()) {
    const env = {
      ...{ SLURM_ARRAY_TASK_ID: String(5 + 10 * i), SLURM_ARRAY_TASK_MIN: '5' },
      ...{ SLURM_ARRAY_TASK_MAX: '25', SLURM_ARRAY_TASK_STEP: '10', SLURM_ARRAY_TASK_COUNT: '3' },
    };
    const shard = await run([...args, '--shard', 'auto', '-o', part], { cwd: root, env });
    t.is(shard.code, 0, shard.stderr);
  }
  const merged = await run(['merge', ...parts, '-o', 'all.csv'], { cwd: root });
  t.is(merged.code, 0, merged.stderr);
  t.regex(merged.stdout, /^9 rows of 3 shards\nResults: all\.csv\n$/);
  t.is((await run([...args, '-o', 'whole.csv'], { cwd: root })).code, 0);
  t.is(
    await readFile(join(root, 'all.csv'), 'utf8'),
    await readFile(join(root, 'whole.csv'), 'utf8'),
  );
  const missing = await run(['merge', ...parts.slice(1), '-o', 'no.csv'], { cwd: root });
  t.is(missing.code, 1);
  t.regex(missing.stderr, /^error\[SHARD_MISMATCH\]: .*1 are missing: 1\n$/);
  for (const wrong of [
    ['--shard', '4/3'],
    ['--shard', 'auto'],
    ['--top', '0'],
    ['--threshold', '1.5'],
    ['--tta', 'd8'],
    ['--format', 'xml'],
  ]) {
    const { code } = await run(['predict', model, 'tiles', '-o', 'w.csv', ...wrong], { cwd: root });
    t.is(code, 2, wrong.join(' '));
  }
});

test('Ctrl-C stops with 130, keeps what is done, and the same command ends it', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 300);
  const output = join(root, 'out.csv');
  const args = ['predict', await tinyBundle(), join(root, 'tiles'), '-o', output];
  const stopped = start([...args, '--batch-size', '2']);
  await grown(join(`${output}.partial`, 'results.csv'), 1000);
  // As timeout(1) or npm do it: one press that arrives twice.
  stopped.child.kill('SIGINT');
  await stopped.said(/Stopping/);
  stopped.child.kill('SIGINT');
  const { code, stderr } = await stopped.finished;
  t.is(code, 130, stderr);
  t.regex(stderr, /error\[ABORTED\]: .*same command/);
  await t.throwsAsync(stat(output));
  const finished = await run([...args, '--batch-size', '2', '--json']);
  t.is(finished.code, 0, finished.stderr);
  const result = JSON.parse(finished.stdout) as { rows: number; resumedRows: number };
  t.is(result.rows, 300);
  t.true(result.resumedRows > 0);
});

test('a journal that was cut off, or rows of other images: made anew, never mixed', async (t) => {
  const root = await folder();
  await writeTiles(join(root, 'tiles'), 30);
  const args = ['predict', await tinyBundle(), join(root, 'tiles'), '--batch-size', '2', '-o'];
  const output = join(root, 'out.csv');
  const first = start([...args, output]);
  await first.said(/ONNX Runtime/);
  first.child.kill('SIGTERM');
  const { code } = await first.finished;
  t.is(code, 130);
  // Another image comes first from now on, and the data no longer holds what the journal says.
  await writeFile(join(root, 'tiles', 'a.jpeg'), await tileJpeg(1234));
  await truncate(join(`${output}.partial`, 'results.csv'), 10).catch(() => undefined);
  t.is((await run([...args, output])).code, 0);
  const fresh = join(root, 'fresh.csv');
  t.is((await run([...args, fresh])).code, 0);
  t.is(await readFile(output, 'utf8'), await readFile(fresh, 'utf8'));
});

// Compared within one run: the peaks of two processes differ by tens of MB for reasons of their own.
const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('memory does not grow with the number of images', async (t) => {
  const root = await folder();
  const [tile = ''] = await writeTiles(root, 1);
  const spy = join(root, 'spy.cjs');
  await writeFile(
    spy,
    `if (require('node:worker_threads').isMainThread) {
       const samples = [];
       setInterval(() => {
         const status = require('node:fs').readFileSync('/proc/self/status', 'latin1');
         samples.push(Number(/RssAnon:\\s+(\\d+)/.exec(status)[1]));
       }, 10).unref();
       process.on('exit', () => process.stderr.write('RSS ' + samples.join(' ')));
     }`,
  );
  const { code, stderr } = await run(
    ['predict', await tinyBundle(), '-', '-o', join(root, 'out.csv')],
    { input: `${tile}\n`.repeat(3000), nodeArgs: ['--require', spy] },
  );
  t.is(code, 0, stderr);
  const samples = (/RSS ([\d ]+)/.exec(stderr)?.[1] ?? '').split(' ').map(Number);
  t.true(samples.length >= 20, `${samples.length} samples`);
  const quarter = (which: number): number =>
    Math.max(...samples.slice((which * samples.length) / 4, ((which + 1) * samples.length) / 4));
  // The first quarter is the start; from the second to the fourth lie 1,500 tiles, 41 MB of pixels.
  const growth = quarter(3) - quarter(1);
  t.true(growth < 10_000, `${growth} kB more for 1500 tiles more`);
  t.log(`${growth} kB more`);
});

test('a full disk is said; with space again, the same command ends the file', async (t) => {
  const root = await folder();
  const [tile = ''] = await writeTiles(root, 1);
  const input = `${tile}\n`.repeat(400);
  const mounted = await withSmallDisk(16, async (disk, resize) => {
    const args = ['predict', await tinyBundle(), '-', '-o', join(disk, 'out.csv')];
    const full = await run(args, { input });
    t.is(full.code, 1);
    t.regex(full.stderr, /^error\[DISK_FULL\]: .*out\.csv\n$/m);
    await resize(1024);
    const { code, stderr } = await run(args, { input });
    t.is(code, 0, stderr);
    t.is((await readCsv(join(disk, 'out.csv'))).length, 401);
    return true;
  });
  if (mounted !== true) {
    t.log('no right to mount a small disk here');
    t.pass();
  }
});
