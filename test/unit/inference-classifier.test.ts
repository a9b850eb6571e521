/** The library's Classifier on a real (small) model. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { loadClassifier, type Classifier } from '#src/inference/classifier.js';
import { predict } from '#src/inference/predict.js';
import { writeTiles } from '../fixtures/tiles.js';
import { TINY_CLASSES, TINY_SIZE, tinyBundle } from '../fixtures/tiny-bundle.js';

const TILE_BYTES = TINY_SIZE * TINY_SIZE * 3;

function tiles(count: number): Uint8Array {
  return Uint8Array.from({ length: count * TILE_BYTES }, (_, i) => (i * i) % 251);
}

async function one(classifier: Classifier, all: Uint8Array, i: number): Promise<Float32Array> {
  return await classifier.classifyTiles(all.subarray(i * TILE_BYTES, (i + 1) * TILE_BYTES), 1);
}

for (const engine of ['onnx', 'tfjs'] as const) {
  test.serial(`${engine}: any number of tiles, each with the result it has alone`, async (t) => {
    const classifier = await loadClassifier(await tinyBundle(), { engine, batchSize: 4 });
    t.is(classifier.engine, engine);
    t.deepEqual(classifier.classes, TINY_CLASSES);
    const all = tiles(9);
    const together = await classifier.classifyTiles(all, 9);
    t.is(together.length, 9 * TINY_CLASSES.length);
    for (const i of [0, 3, 4, 8]) {
      const alone = await one(classifier, all, i);
      alone.forEach((value, c) => {
        t.true(Math.abs(value - (together[i * TINY_CLASSES.length + c] ?? NaN)) < 1e-5);
      });
    }
    t.is((await classifier.classifyTiles(all, 0)).length, 0);
    await classifier.close();
  });

  test.serial(`${engine}: a buffer may be reused before the promise settles`, async (t) => {
    const classifier = await loadClassifier(await tinyBundle(), { engine, batchSize: 2 });
    const all = tiles(3);
    const expected = await classifier.classifyTiles(all, 3);
    const promise = classifier.classifyTiles(all, 3);
    all.fill(0);
    t.deepEqual(await promise, expected);
    await classifier.close();
  });

  test.serial(
    `${engine}: calls at once do not mix; close waits for them, then refuses`,
    async (t) => {
      const classifier = await loadClassifier(await tinyBundle(), { engine, batchSize: 2 });
      const all = tiles(4);
      const expected = await Promise.all([0, 1, 2, 3].map((i) => one(classifier, all, i)));
      const running = [3, 2, 1, 0].map((i) => one(classifier, all, i));
      const closed = classifier.close();
      t.deepEqual((await Promise.all(running)).reverse(), expected);
      await closed;
      await classifier.close();
      const error = await t.throwsAsync(classifier.classifyTiles(all, 1), {
        instanceOf: LungclsError,
      });
      t.is(error.code, 'CLOSED');
    },
  );
}

test.serial('too few bytes are refused', async (t) => {
  const classifier = await loadClassifier(await tinyBundle());
  const error = await t.throwsAsync(classifier.classifyTiles(new Uint8Array(TILE_BYTES), 2), {
    instanceOf: LungclsError,
  });
  t.is(error.code, 'INVALID_OPTION');
  t.regex(error.message, /27648 bytes for each of 2 tiles but received 27648/);
  await classifier.close();
});

test.serial('predict as a library: a stream in, a stream out, progress, abort', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'lungcls-library-'));
  const paths = await writeTiles(join(root, 'tiles'), 10);
  let text = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const done: number[] = [];
  const common = { model: await tinyBundle(), inputs: ['-'], batchSize: 4 };
  const result = await predict({
    ...common,
    list: Readable.from([paths.join('\n')]),
    output: sink,
    onProgress: (progress) => done.push(progress.done),
  });
  t.deepEqual(done, [0, 4, 8, 10]);
  t.is(result.output, undefined);
  t.is(result.rows, 10);

  const file = join(root, 'out.csv');
  await predict({ ...common, list: Readable.from([paths.join('\n')]), output: file });
  t.is(text, await readFile(file, 'utf8'));

  const aborted = await t.throwsAsync(
    predict({
      ...common,
      list: Readable.from([paths.join('\n')]),
      output: join(root, 'aborted.csv'),
      signal: AbortSignal.abort(),
    }),
    { instanceOf: LungclsError },
  );
  t.is(aborted.code, 'ABORTED');
});

test.serial('rows of an image that changed in between are made again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-changed-'));
  const files = await writeTiles(join(folder, 'tiles'), 40);
  const options = {
    model: await tinyBundle(),
    inputs: [join(folder, 'tiles')],
    output: join(folder, 'out.csv'),
    batchSize: 4,
  };
  // Which image changes, and how many rows before it are kept, at most.
  for (const [changed, most] of [
    [undefined, 40],
    [5, 4],
  ] as const) {
    const stop = new AbortController();
    await t.throwsAsync(
      predict({
        ...options,
        signal: stop.signal,
        onProgress: ({ done }) => {
          if (done >= 12) stop.abort();
        },
      }),
      { code: 'ABORTED' },
    );
    if (changed !== undefined) {
      // The same name, and the bytes of another image.
      await writeFile(files[changed] ?? '', await readFile(files[changed + 10] ?? ''));
    }
    const { resumedRows } = await predict(options);
    t.true(resumedRows >= (changed === undefined ? 12 : 0) && resumedRows <= most);
    const fresh = join(folder, 'fresh.csv');
    await predict({ ...options, output: fresh, force: true });
    t.is(await readFile(options.output, 'utf8'), await readFile(fresh, 'utf8'));
    await rm(options.output);
  }
});

test.serial('predict refuses wrong options, naming what it expected and what came', async (t) => {
  const options = { model: 'm', inputs: ['x'], output: 'y' };
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ model: '' }, /Expected a path for model but received "" of type string/],
    [{ inputs: [] }, /Expected at least one path for inputs but received \[\]/],
    [{ inputs: [3] }, /Expected paths for inputs but received 3 of type number/],
    [
      { output: undefined },
      /Expected a path or a writable stream for output but received undefined/,
    ],
    [{ inputs: ['-'] }, /Expected a readable stream .* for list but received undefined/],
    [
      { batchSize: 1.5 },
      /positive integer up to 4096 for batchSize but received 1.5 of type number/,
    ],
    [{ batchSize: 5000 }, /for batchSize but received 5000/],
    [{ engine: 'torch' }, /Expected one of onnx, tfjs for engine but received "torch"/],
    [{ device: 'tpu' }, /Expected one of auto, cpu, cuda, .* for device but received "tpu"/],
    [{ maxPixels: 0 }, /for maxPixels but received 0/],
    [{ threads: 0 }, /for threads but received 0/],
  ];
  for (const [change, message] of wrong) {
    const error = await t.throwsAsync(predict({ ...options, ...change }), {
      instanceOf: LungclsError,
      message,
    });
    t.is(error.code, 'INVALID_OPTION');
  }
});

test.serial('precision chooses the file of the bundle', async (t) => {
  const results = new Map<string, Float32Array>();
  for (const precision of ['fp32', 'fp16', 'int8'] as const) {
    const classifier = await loadClassifier(await tinyBundle(), { precision, batchSize: 4 });
    t.true(classifier.description.endsWith(`, ${precision}`));
    results.set(precision, await classifier.classifyTiles(tiles(4), 4));
    await classifier.close();
  }
  const reference = results.get('fp32') ?? new Float32Array();
  for (const precision of ['fp16', 'int8']) {
    const largest = reference.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (results.get(precision)?.[i] ?? NaN))),
      0,
    );
    t.true(largest > 0 && largest < 0.2, `${precision}: ${largest}`);
  }
});

test('a precision that cannot be had is refused in words', async (t) => {
  const tfjs = { engine: 'tfjs', precision: 'int8' } as const;
  const error = await t.throwsAsync(loadClassifier(await tinyBundle(), tfjs), {
    code: 'INVALID_OPTION',
  });
  t.regex(error.message, /engine onnx for precision int8 but received tfjs/);
  const options = { model: await tinyBundle(), inputs: ['x'], output: 'out.csv' };
  await t.throwsAsync(predict({ ...options, ...tfjs }), { code: 'INVALID_OPTION' });
  const unknown = { ...options, precision: 'int4' as 'int8' };
  const wrong = await t.throwsAsync(predict(unknown), { code: 'INVALID_OPTION' });
  t.regex(wrong.message, /one of fp32, fp16, int8 for precision but received "int4"/);
  const lone = join(await tinyBundle(), 'model.onnx');
  const refused = await t.throwsAsync(loadClassifier(lone, { precision: 'int8' }), {
    code: 'MODEL_INVALID',
  });
  t.regex(refused.message, /lone file, which runs as it is/);
});
