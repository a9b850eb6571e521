/** The library's Classifier, on a model that runs in no time. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { LungclsError } from '#src/errors.js';
import { SlotDecoder } from '#src/imaging/slot-decoder.js';
import { Classifier, type ImageClassifierOptions } from '#src/inference/image-classifier.js';
import { predict } from '#src/inference/predict.js';
import { readTable } from '../cli/csv.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { MINI_CLASSES, writeMiniModel } from '../fixtures/mini-model.js';
import { writeTiles } from '../fixtures/tiles.js';

interface Setting {
  readonly root: string;
  readonly model: string;
  readonly paths: string[];
  readonly load: (options?: ImageClassifierOptions) => Promise<Classifier>;
}

async function setting(t: ExecutionContext, count: number): Promise<Setting> {
  const root = await temporaryFolder(t);
  const model = join(root, 'mini.onnx');
  await writeMiniModel(model);
  const paths = await writeTiles(join(root, 'tiles'), count);
  return {
    ...{ root, model, paths },
    load: async (options) => {
      const classifier = await Classifier.load(model, options);
      t.teardown(() => classifier.close());
      return classifier;
    },
  };
}

test('paths and bytes, alone and together: what predict writes', async (t) => {
  const { root, model, paths, load } = await setting(t, 11);
  const output = join(root, 'out.csv');
  await predict({ model, inputs: paths, output });
  const rows = await readTable(output);
  const classifier = await load({ batchSize: 4 });
  t.deepEqual(classifier.classes, MINI_CLASSES);
  t.regex(classifier.description, /ONNX Runtime/);
  const byPath = await classifier.classify(paths);
  const byBytes = await classifier.classify(await Promise.all(paths.map((path) => readFile(path))));
  for (const [i, row] of rows.entries()) {
    for (const result of [byPath[i], byBytes[i]]) {
      t.is(result?.status, 'ok');
      t.is(result?.label, row.get('label'));
      MINI_CLASSES.forEach((name, c) => {
        t.true(Math.abs(Number(row.get(name)) - (result?.probabilities?.[c] ?? NaN)) < 1e-6);
      });
      t.true(Math.abs(Number(row.get('entropy_nats')) - (result?.entropy ?? NaN)) < 1e-6);
      t.is(result?.maxProbability, Math.max(...(result?.probabilities ?? [])));
    }
    t.is(byPath[i]?.path, paths[i]);
    t.is(byBytes[i]?.path, undefined);
  }
  t.deepEqual(await classifier.classify([]), []);
});

test('an image that cannot be read has a status; its neighbours are not disturbed', async (t) => {
  const { root, paths, load } = await setting(t, 2);
  await writeFile(join(root, 'text.jpeg'), 'no image');
  const classifier = await load();
  const [one, text, missing, bytes, empty, two] = await classifier.classify([
    paths[0] ?? '',
    join(root, 'text.jpeg'),
    join(root, 'missing.jpeg'),
    Buffer.from('no image either'),
    new Uint8Array(0),
    paths[1] ?? '',
  ]);
  t.deepEqual(
    [one, text, missing, bytes, empty, two].map((result) => result?.status),
    ['ok', 'IMAGE_FORMAT', 'INPUT_NOT_FOUND', 'IMAGE_FORMAT', 'IMAGE_EMPTY', 'ok'],
  );
  t.is(text?.label, undefined);
  t.is(text?.probabilities, undefined);
  t.not(text?.message, '');
  const only = await classifier.classify([join(root, 'text.jpeg')]);
  t.is(only[0]?.status, 'IMAGE_FORMAT');
});

test('threshold and tta; options and images that are wrong are refused', async (t) => {
  const { model, paths, load } = await setting(t, 1);
  const sure = await load({ threshold: 0.99 });
  t.is((await sure.classify(paths))[0]?.label, 'uncertain');
  const tta = await load({ tta: 'd4' });
  t.regex(tta.description, /8 flips/);
  t.is((await tta.classify(paths))[0]?.status, 'ok');
  const wrong = [{ batchSize: 0 }, { batchSize: 1.5 }, { threshold: 2 }, { maxPixels: 0 }];
  for (const options of wrong) {
    await t.throwsAsync(Classifier.load(model, options), { code: 'INVALID_OPTION' });
  }
  for (const image of ['', 3, undefined, 'a\0b'] as string[]) {
    await t.throwsAsync(sure.classify([image]), { code: 'INVALID_OPTION', message: /for images/ });
  }
  await t.throwsAsync(Classifier.load(join(model, 'nowhere')), { instanceOf: LungclsError });
});

test.serial('calls at the same time share batches; one alone does not wait', async (t) => {
  const { paths, load } = await setting(t, 1);
  const [path = ''] = paths;
  const classifier = await load({ batchSize: 8 });
  const sizes: number[] = [];
  // eslint's unbound-method has a point: the original is called on its own object.
  const original = Object.getOwnPropertyDescriptor(SlotDecoder.prototype, 'decode');
  const decode = original?.value as SlotDecoder['decode'];
  t.teardown(() => {
    Object.defineProperty(SlotDecoder.prototype, 'decode', original ?? {});
  });
  Object.defineProperty(SlotDecoder.prototype, 'decode', {
    ...original,
    value(this: SlotDecoder, sources: Parameters<SlotDecoder['decode']>[0]) {
      sizes.push(sources.length);
      return decode.call(this, sources);
    },
  });
  await Promise.all(Array.from({ length: 32 }, () => classifier.classify([path])));
  t.deepEqual(sizes.splice(0), [8, 8, 8, 8]);
  await classifier.classify([path]);
  t.deepEqual(sizes.splice(0), [1]);
  await Promise.all([classifier.classify([path, path, path]), classifier.classify([path])]);
  t.deepEqual(sizes, [4]);
});

test('a stream keeps the order, and asks only some images ahead', async (t) => {
  const { paths, load } = await setting(t, 5);
  const classifier = await load({ batchSize: 2 });
  let asked = 0;
  async function* endless(): AsyncGenerator<string> {
    for (;;) yield await Promise.resolve(paths[asked++ % paths.length] ?? '');
  }
  let seen = 0;
  for await (const { path, status } of classifier.stream(endless())) {
    t.is(path, paths[seen++ % paths.length]);
    t.is(status, 'ok');
    t.true(asked - seen <= 8, `${asked - seen} ahead`);
    if (seen === 100) break;
  }
  const all: unknown[] = [];
  for await (const { path } of classifier.stream(paths)) all.push(path);
  t.deepEqual(all, paths);
});

test('abort ends one call; close answers what was asked for, then refuses', async (t) => {
  const { paths, load } = await setting(t, 3);
  const classifier = await load({ batchSize: 2 });
  await t.throwsAsync(classifier.classify(paths, { signal: AbortSignal.abort() }), {
    code: 'ABORTED',
  });
  const stop = new AbortController();
  const stopped = classifier.classify(paths, { signal: stop.signal });
  const other = classifier.classify(paths);
  stop.abort();
  await t.throwsAsync(stopped, { code: 'ABORTED' });
  t.is((await other).length, 3);
  const last = classifier.classify([...paths, ...paths, ...paths]);
  const closed = classifier.close();
  await t.throwsAsync(classifier.classify(paths), { code: 'CLOSED' });
  t.deepEqual(new Set((await last).map(({ status }) => status)), new Set(['ok']));
  await closed;
  await classifier.close();
  await t.throwsAsync(classifier.stream(paths).next(), { code: 'CLOSED' });
});

test.serial(
  '10,000 calls leave the memory as it was, and close gives back what is held',
  async (t) => {
    const { paths, load } = await setting(t, 4);
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const measure = async (): Promise<{ heap: number; external: number }> => {
      for (let i = 0; i < 3; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const { heapUsed, external } = process.memoryUsage();
      return { heap: heapUsed, external };
    };
    const bytes = await Promise.all(paths.map((path) => readFile(path)));
    const images = [...paths, ...bytes, 'missing.jpeg', Buffer.from('no image')];
    const before = await measure();
    const classifier = await load();
    const calls = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, (_, j) =>
            classifier.classify([images[(i + j) % images.length] ?? '']),
          ),
        );
      }
    };
    await calls(1000);
    const early = await measure();
    await calls(10_000);
    const late = await measure();
    t.true(late.heap - early.heap < 2 << 20, `heap ${early.heap} to ${late.heap}`);
    t.true(
      late.external - early.external < 1 << 20,
      `external ${early.external} to ${late.external}`,
    );
    await classifier.close();
    const after = await measure();
    t.true(
      after.external - before.external < 1 << 20,
      `external ${before.external} to ${after.external}`,
    );
    t.log(
      `10,000 calls: heap ${late.heap - early.heap} bytes more, outside ${late.external - early.external}`,
    );
  },
);
