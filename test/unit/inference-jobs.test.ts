/** Jobs of `predict` with the result formats, shards and merge, on a model that runs in no time. */
import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { parquetTexts, readRecord } from '#src/inference/job-record.js';
import { merge } from '#src/inference/merge.js';
import { predict, type PredictOptions } from '#src/inference/predict.js';
import { ResultLayout, type ResultFields } from '#src/inference/result-columns.js';
import { writeParquet } from '#src/inference/result-parquet.js';
import { readResultRows } from '#src/inference/result-rows.js';
import { shardOfPath } from '#src/inference/shard.js';
import { parseCsv } from '#src/storage/csv.js';
import { openPartial } from '#src/storage/partial.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { MINI_CLASSES, writeMiniModel } from '../fixtures/mini-model.js';
import { tileJpeg } from '../fixtures/tiles.js';

const FORMATS = ['csv', 'jsonl', 'parquet'] as const;
const TILES = 50;

interface Job {
  readonly root: string;
  readonly options: Omit<PredictOptions, 'output'>;
}

/** A model, and images two of which are broken. */
async function job(t: ExecutionContext, count = TILES): Promise<Job> {
  const root = await temporaryFolder(t);
  const model = join(root, 'mini.onnx');
  await writeMiniModel(model);
  await mkdir(join(root, 'tiles'));
  for (let i = 0; i < count; i++) {
    const bytes = i % 20 === 7 ? Buffer.from('no image') : await tileJpeg(i, 32);
    await writeFile(join(root, 'tiles', `${i}.jpeg`), bytes);
  }
  return { root, options: { model, inputs: [join(root, 'tiles')], batchSize: 4 } };
}

async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  if (path.endsWith('.parquet')) {
    return await parquetReadObjects({ file: await asyncBufferFromFile(path) });
  }
  const text = await readFile(path, 'utf8');
  if (path.endsWith('.jsonl')) {
    const lines = text.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
  const [header = [], ...rows] = parseCsv(text);
  return rows.map((row) => {
    return Object.fromEntries(header.map((name, i) => [name, valueOf(name, row[i] ?? '')]));
  });
}

function valueOf(name: string, text: string): unknown {
  if (text === '') return null;
  const isText = ['path', 'label', 'status', 'error_code', 'top1', 'top2'].includes(name);
  return isText ? text : Number(text);
}

/** Numbers as float32, nulls for what is absent. */
function rounded(rows: readonly Record<string, unknown>[]): unknown[] {
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === 'number' ? Math.fround(value) : (value ?? null),
      ]),
    ),
  );
}

/** Stops a job after some rows. */
async function stopped(options: PredictOptions, after: number): Promise<void> {
  const stop = new AbortController();
  await predict({
    ...options,
    signal: stop.signal,
    onProgress: ({ done }) => {
      if (done >= after) stop.abort();
    },
  }).catch(() => undefined);
}

test('all formats hold the same rows in the order of the inputs', async (t) => {
  const { root, options } = await job(t);
  const all: unknown[][] = [];
  for (const format of FORMATS) {
    const output = join(root, `out.${format}`);
    const result = await predict({ ...options, output, top: 2, threshold: 0.34 });
    t.is(result.rows, TILES);
    t.deepEqual(result.perStatus, { ok: TILES - 3, IMAGE_FORMAT: 3 });
    all.push(rounded(await rowsOf(output)));
  }
  const [csv = [], jsonl, parquet] = all;
  t.deepEqual(jsonl, csv);
  t.deepEqual(parquet, csv);
  const rows = csv as Record<string, unknown>[];
  t.deepEqual(Object.keys(rows[0] ?? {}), [
    ...['path', 'label', ...MINI_CLASSES, 'max_probability', 'entropy_nats'],
    ...['in_domain', 'domain_score', 'domain_reason'],
    ...['top1', 'top1_probability', 'top2', 'top2_probability', 'status', 'error_code'],
  ]);
  t.true(rows.every(({ path }, i) => String(path).endsWith(`/${i}.jpeg`)));
  t.is(new Set(rows.map(({ label }) => label)).has('uncertain'), true);
  t.deepEqual(
    rows.filter(({ status }) => status !== 'ok').map(({ error_code }) => error_code),
    ['IMAGE_FORMAT', 'IMAGE_FORMAT', 'IMAGE_FORMAT'],
  );
});

for (const format of FORMATS) {
  test(`${format}: stopped at any row, the same call gives the same bytes`, async (t) => {
    const { root, options } = await job(t);
    const whole = join(root, `whole.${format}`);
    await predict({ ...options, output: whole });
    for (const after of [1, 20, TILES - 1]) {
      const output = join(root, `out${after}.${format}`);
      await stopped({ ...options, output }, after);
      await t.throwsAsync(stat(output), undefined, 'absent before it is whole');
      const { resumedRows } = await predict({ ...options, output });
      t.true(resumedRows > 0);
      t.true((await readFile(output)).equals(await readFile(whole)));
      await t.throwsAsync(stat(`${output}.partial`));
    }
  });

  test(`${format}: a finished job is left alone; another one is refused, saying why`, async (t) => {
    const { root, options } = await job(t, 10);
    const output = join(root, `out.${format}`);
    const first = await predict({ ...options, output });
    t.false(first.alreadyFinished);
    const before = await stat(output, { bigint: true });
    const said: string[] = [];
    const again = await predict({ ...options, output, onMessage: (message) => said.push(message) });
    t.true(again.alreadyFinished);
    t.deepEqual(
      [again.rows, again.resumedRows, again.perClass, again.perStatus],
      [10, 10, first.perClass, first.perStatus],
    );
    t.true(said.some((message) => message.includes('finished already')));
    t.is((await stat(output, { bigint: true })).mtimeNs, before.mtimeNs);

    const refused = async (change: Partial<PredictOptions>, message: RegExp): Promise<void> => {
      const error = await t.throwsAsync(predict({ ...options, output, ...change }), {
        code: 'OUTPUT_EXISTS',
      });
      t.regex(error.message, message);
    };
    await refused({ batchSize: 5 }, /of another job: batchSize 4 and 5/);
    await refused({ tta: 'd4' }, /tta null and "d4"/);
    await refused({ shard: { index: 1, count: 2 } }, /the whole and shard 1\/2/);
    await writeMiniModel(join(root, 'mini.onnx'), { seed: 2 });
    await refused({}, /of another job: model/);
    await writeMiniModel(join(root, 'mini.onnx'));
    t.true((await predict({ ...options, output })).alreadyFinished);
    await writeFile(join(root, 'tiles', '3.jpeg'), await tileJpeg(33, 32));
    await refused({}, /of its 10 images some have changed/);
    await rm(join(root, 'tiles', '3.jpeg'));
    await refused({}, /made of 10 images, now there are 9/);
    const forced = await predict({ ...options, output, force: true });
    t.is(forced.rows, 9);
    t.true((await predict({ ...options, output })).alreadyFinished);
  });
}

for (const [name, flags] of [
  ['all.tar', '-cf'],
  ['all.tar.gz', '-czf'],
] as const) {
  test(`${name}: the rows of its folder, also after a stop; another archive is another job`, async (t) => {
    const { root, options } = await job(t, 30);
    const inputs = [join(root, name)];
    const names = Array.from({ length: 30 }, (_, i) => `${i}.jpeg`);
    execFileSync('tar', [flags, join(root, name), ...names], { cwd: join(root, 'tiles') });
    await predict({ ...options, output: join(root, 'folder.csv') });
    const expected = (await readFile(join(root, 'folder.csv'), 'utf8')).replaceAll(
      join(root, 'tiles/'),
      `${join(root, name)}/`,
    );
    const output = join(root, 'out.csv');
    await stopped({ ...options, inputs, output }, 12);
    const { resumedRows } = await predict({ ...options, inputs, output });
    t.true(resumedRows >= 12);
    t.is(await readFile(output, 'utf8'), expected);
    t.true((await predict({ ...options, inputs, output })).alreadyFinished);
    execFileSync('tar', [flags, join(root, name), ...names], { cwd: join(root, 'tiles') });
    await t.throwsAsync(predict({ ...options, inputs, output }), {
      code: 'OUTPUT_EXISTS',
      message: /some have changed/,
    });
  });
}

test('an archive that is cut off ends the job with its code and leaves no output', async (t) => {
  const { root, options } = await job(t, 30);
  const archive = join(root, 'all.tar.gz');
  execFileSync('tar', ['-czf', archive, 'tiles'], { cwd: root });
  const bytes = await readFile(archive);
  await writeFile(archive, bytes.subarray(0, bytes.length / 2));
  const output = join(root, 'out.parquet');
  await t.throwsAsync(predict({ ...options, inputs: [archive], output }), {
    code: 'TAR_DAMAGED',
    message: /all\.tar\.gz/,
  });
  await t.throwsAsync(stat(output));
  await writeFile(archive, bytes);
  t.is((await predict({ ...options, inputs: [archive], output })).rows, 30);
});

test('a list file is the inputs, or comes after them', async (t) => {
  const { root, options } = await job(t, 3);
  const listFile = join(root, 'names');
  const paths = [0, 1, 2].map((i) => join(root, 'tiles', `${i}.jpeg`));
  await writeFile(listFile, paths.toReversed().join('\n'));
  const output = join(root, 'out.jsonl');
  await predict({ ...options, inputs: [], listFile, output });
  t.deepEqual(
    (await rowsOf(output)).map(({ path }) => path),
    paths.toReversed(),
  );
  t.true((await predict({ ...options, inputs: [], listFile, output })).alreadyFinished);
  await t.throwsAsync(predict({ ...options, inputs: [], output }), { code: 'INVALID_OPTION' });
});

test('a result that was touched is no finished job', async (t) => {
  const { root, options } = await job(t, 4);
  const output = join(root, 'out.csv');
  await predict({ ...options, output });
  await writeFile(output, (await readFile(output, 'utf8')).replace('lung', 'lunG'));
  await t.throwsAsync(predict({ ...options, output }), {
    code: 'OUTPUT_EXISTS',
    message: /SHA-256/,
  });
  await rm(`${output}.job.json`);
  await t.throwsAsync(predict({ ...options, output }), {
    code: 'OUTPUT_EXISTS',
    message: /no result of a job/,
  });
});

test('rows go to a stream as lines of the format asked for', async (t) => {
  const { root, options } = await job(t, 6);
  let text = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  await predict({ ...options, output: sink, format: 'jsonl' });
  await predict({ ...options, output: join(root, 'out.jsonl') });
  t.is(text, await readFile(join(root, 'out.jsonl'), 'utf8'));
});

test('the shards of a job hold every image once, and merge to the file of the whole job', async (t) => {
  const { root, options } = await job(t);
  for (const format of FORMATS) {
    const whole = join(root, `whole.${format}`);
    await predict({ ...options, output: whole });
    const parts: string[] = [];
    for (let index = 1; index <= 3; index++) {
      const output = join(root, `part${index}.${format}`);
      const shard = { index, count: 3 };
      const { rows } = await predict({ ...options, output, shard });
      t.true(rows > 0 && rows < TILES);
      for (const { path } of await rowsOf(output)) t.is(shardOfPath(String(path), 3), index);
      parts.push(output);
    }
    const output = join(root, `merged.${format}`);
    const result = await merge({ parts: parts.toReversed(), output });
    t.deepEqual([result.rows, result.shards, result.perStatus['IMAGE_FORMAT']], [TILES, 3, 3]);
    t.deepEqual(await rowsOf(output), await rowsOf(whole));
    if (format !== 'parquet') t.is(await readFile(output, 'utf8'), await readFile(whole, 'utf8'));
    const other = join(root, `from-${format}.csv`);
    await merge({ parts, output: other });
    t.is(await readFile(other, 'utf8'), await readFile(join(root, 'whole.csv'), 'utf8'));
  }
});

test('a shard without an image is an empty file, and merges', async (t) => {
  const { root, options } = await job(t, 2);
  const parts: string[] = [];
  for (let index = 1; index <= 6; index++) {
    const output = join(root, `part${index}.parquet`);
    await predict({ ...options, output, shard: { index, count: 6 } });
    parts.push(output);
  }
  const counts: bigint[] = [];
  for (const part of parts) {
    counts.push((await parquetMetadataAsync(await asyncBufferFromFile(part))).num_rows);
  }
  t.true(counts.includes(0n));
  t.is((await merge({ parts, output: join(root, 'all.jsonl') })).rows, 2);
});

test('merge refuses what are not all the shards of one job, naming what it found', async (t) => {
  const { root, options } = await job(t, 20);
  const part = async (
    name: string,
    index: number,
    change: Partial<PredictOptions> = {},
    count = 3,
  ): Promise<string> => {
    const output = join(root, name);
    await predict({ ...options, output, shard: { index, count }, ...change });
    return output;
  };
  const [one, two, three] = [
    await part('1.csv', 1),
    await part('2.parquet', 2),
    await part('3.jsonl', 3),
  ];
  const output = join(root, 'all.csv');
  t.is((await merge({ parts: [one, two, three], output })).rows, 20, 'of several formats');
  const refused = async (
    parts: readonly string[],
    message: RegExp,
    code = 'SHARD_MISMATCH',
  ): Promise<void> => {
    const error = await t.throwsAsync(merge({ parts, output: join(root, 'no.csv') }), { code });
    t.regex(error.message, message);
    await t.throwsAsync(stat(join(root, 'no.csv')));
  };
  await refused([one, two], /expected 3 shards but 1 are missing: 3/);
  await refused([one, two, two, three], /2\.parquet and .*2\.parquet are both shard 2\/3/);
  const whole = join(root, 'whole.csv');
  await predict({ ...options, output: whole });
  await refused([one, two, whole], /whole\.csv is a whole/);
  await refused([one, two, await part('3-of-4.csv', 3, {}, 4)], /3 shards and 4 shards/);
  await refused([one, two, await part('b.csv', 3, { batchSize: 5 })], /batchSize 4 and 5/);
  await copyFile(join(root, 'tiles', '0.jpeg'), join(root, 'tiles', '99.jpeg'));
  await refused([one, two, await part('c.csv', 3)], /number of images 20 and 21/);
  await refused([one, two, join(root, 'gone.csv')], /gone\.csv/, 'INPUT_NOT_FOUND');
  await writeFile(join(root, 'x.csv'), 'path,label\n');
  await refused(
    [one, two, join(root, 'x.csv')],
    /x\.csv\.job\.json but there is none/,
    'RESULTS_INVALID',
  );
  const cut = await readFile(two);
  await writeFile(two, cut.subarray(0, cut.length - 5));
  await refused([one, two, three], /2\.parquet: expected a Parquet file/, 'RESULTS_INVALID');
  await writeFile(one, (await readFile(one, 'utf8')).replace(',ok,', ',no,'));
  await refused([one], /1\.csv: expected the file that .* describes/, 'RESULTS_INVALID');
  await t.throwsAsync(merge({ parts: [], output }), { code: 'INVALID_OPTION' });
  await t.throwsAsync(merge({ parts: [three], output }), { code: 'SHARD_MISMATCH' });
});

test('what a kill left beside a finished output is removed, work towards another stays', async (t) => {
  const { root, options } = await job(t, 12);
  const output = join(root, 'out.csv');
  const partial = `${output}.partial`;
  const remains = (): Promise<boolean> =>
    stat(partial).then(
      () => true,
      () => false,
    );
  // Its own: as it was before the rename, and with its first file gone already.
  await stopped({ ...options, output }, 4);
  await cp(partial, `${partial}.kept`, { recursive: true });
  await predict({ ...options, output });
  t.false(await remains());
  const again = async (): Promise<void> => {
    t.true((await predict({ ...options, output })).alreadyFinished);
  };
  await cp(`${partial}.kept`, partial, { recursive: true });
  await again();
  t.false(await remains());
  await cp(`${partial}.kept`, partial, { recursive: true });
  await rm(join(partial, 'partial.json'));
  await again();
  t.false(await remains());
  // Held by a living process: this one.
  await cp(`${partial}.kept`, partial, { recursive: true });
  const { fingerprint } = JSON.parse(await readFile(join(partial, 'partial.json'), 'utf8')) as {
    fingerprint: string;
  };
  const held = await openPartial(output, { fingerprint, force: true });
  await again();
  t.true(await remains());
  await held.release();
  // Of another job.
  await writeFile(join(partial, 'partial.json'), '{"fingerprint":"another"}');
  await again();
  t.true(await remains());
});

test('rows that are twice or nowhere are noticed, whatever the records say', async (t) => {
  const { root, options } = await job(t, 12);
  const parts: string[] = [];
  for (let index = 1; index <= 2; index++) {
    const output = join(root, `${index}.parquet`);
    await predict({ ...options, output, shard: { index, count: 2 } });
    parts.push(output);
  }
  // Both records are true; the rows of one file are those of the other.
  const [one = '', two = ''] = parts;
  const record = await readRecord(two, 'parquet');
  if (record === undefined) throw new Error('no record');
  const { columns } = new ResultLayout({ classes: record.model.classes, numbered: true });
  const rows = async function* (): AsyncGenerator<ResultFields> {
    for await (const chunk of readResultRows(two, 'parquet', columns)) yield* chunk;
  };
  const changed = { ...record, shard: { index: 1, count: 2 } };
  await writeParquet(one, columns, () => parquetTexts(changed), rows());
  await t.throwsAsync(merge({ parts, output: join(root, 'all.csv') }), {
    code: 'SHARD_MISMATCH',
    message: /row \d+ is in .* and in /,
  });
});
