/** in_domain from the model file to the results: both engines, all precisions, the library, every format. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { Domain, type DomainModel } from '#src/domain/domain.js';
import { loadClassifier } from '#src/inference/classifier.js';
import { Classifier } from '#src/inference/image-classifier.js';
import { merge } from '#src/inference/merge.js';
import { predict, type PredictResult } from '#src/inference/predict.js';
import { turnTiles, withTta } from '#src/inference/tta.js';
import { withTemperature } from '#src/inference/temperature.js';
import { readCsv, readTable } from '../cli/csv.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { drawnTiles, writeDomainBundle } from '../fixtures/domain/bundle.js';
import { writeMiniModel } from '../fixtures/mini-model.js';
import { writeTiles } from '../fixtures/tiles.js';
import { TINY_SIZE } from '../fixtures/tiny-bundle.js';

const BYTES = TINY_SIZE * TINY_SIZE * 3;

/** Two tiles as in training, one white, one of another colour. */
async function four(): Promise<Uint8Array> {
  const tiles = new Uint8Array(4 * BYTES);
  tiles.set(await drawnTiles(2, 5000));
  tiles.fill(255, 2 * BYTES, 3 * BYTES);
  const [first] = [tiles.slice(0, BYTES)];
  tiles.set(
    first.map((value, i) => (i % 3 === 1 ? value : value >> 2)),
    3 * BYTES,
  );
  return tiles;
}

test('both engines and all precisions judge alike, whatever the batch', async (t) => {
  const model = join(await temporaryFolder(t), 'model');
  await writeDomainBundle(model);
  const tiles = await four();
  const scores: number[][] = [];
  for (const options of [
    { batchSize: 4 },
    { batchSize: 3 },
    { engine: 'tfjs', batchSize: 3 },
    { precision: 'fp16' },
    { precision: 'int8' },
  ] as const) {
    const classifier = await loadClassifier(model, options);
    t.true(classifier.judgesDomain);
    const buffer = tiles.slice();
    const promise = classifier.judgeTiles(buffer, 4);
    buffer.fill(7); // the caller's again as soon as the call has returned
    const { probabilities, domain } = await promise;
    t.deepEqual(probabilities, await classifier.classifyTiles(tiles, 4));
    t.deepEqual(
      domain?.map(({ inDomain, reason }) => [inDomain, reason]),
      [
        [true, undefined],
        [true, undefined],
        [false, 'blank'],
        [false, 'colour'],
      ],
    );
    scores.push(domain?.map(({ score }) => score) ?? []);
    t.deepEqual((await classifier.judgeTiles(tiles, 0)).domain, []);
    await classifier.close();
    await t.throwsAsync(classifier.judgeTiles(tiles, 4), { code: 'CLOSED' });
  }
  const [reference = [], ...others] = scores;
  // float32 twice, tfjs, halves, 8 bits.
  for (const [i, allowed] of [1e-5, 1e-3, 2e-2, 0.2].entries()) {
    others[i]?.forEach((score, k) => {
      const expected = reference[k] ?? NaN;
      t.true(Math.abs(score - expected) <= allowed * expected, `${i}: ${score}, not ${expected}`);
    });
  }
});

test('flips and the temperature go around it', async (t) => {
  const model = join(await temporaryFolder(t), 'model');
  await writeDomainBundle(model);
  const tiles = await four();
  const plain = await loadClassifier(model);
  const { domain } = await plain.judgeTiles(tiles, 4);
  const both = withTemperature(withTta(plain, 'd4'), 2);
  t.true(both.judgesDomain);
  const found = await both.judgeTiles(tiles, 4);
  t.deepEqual(found.domain, domain);
  t.deepEqual(found.probabilities, await both.classifyTiles(tiles, 4));
  const turned = new Uint8Array(tiles.length);
  turnTiles(tiles, 4, TINY_SIZE, 3, turned);
  const other = await both.judgeTiles(turned, 4);
  other.probabilities.forEach((p, i) => {
    t.true(Math.abs(p - (found.probabilities[i] ?? NaN)) < 1e-5);
  });
  await both.close();
});

async function imagesIn(root: string): Promise<string> {
  const folder = join(root, 'tiles');
  await writeTiles(folder, 6);
  const side = { width: 224, height: 224, channels: 3 } as const;
  const white = sharp({ create: { ...side, background: 'white' } });
  await white.jpeg().toFile(join(folder, 'white.jpeg'));
  await writeFile(join(folder, 'zz.jpeg'), 'no image');
  return folder;
}

test('a file of every format, its shards and the library say the same', async (t) => {
  const root = await temporaryFolder(t);
  const model = join(root, 'model');
  await writeDomainBundle(model);
  const inputs = [await imagesIn(root)];
  const csv = join(root, 'out.csv');
  const messages: string[] = [];
  const onMessage = (text: string): number => messages.push(text);
  const result = await predict({ model, inputs, output: csv, onMessage });
  t.deepEqual(result.outOfDomain, { blank: 1, colour: 0, content: 0 });
  t.false(messages.some((text) => text.includes('in_domain')));
  const rows = await readTable(csv);
  const said = rows.map((row) => [row.get('in_domain'), row.get('domain_reason')]);
  t.deepEqual(said, [
    ...Array.from({ length: 6 }, () => ['true', '']),
    ['false', 'blank'],
    ['', ''],
  ]);
  t.true(rows.slice(0, 6).every((row) => Number(row.get('domain_score')) <= 1));
  t.true(Number(rows[6]?.get('domain_score')) > 1);

  const again = await predict({ model, inputs, output: csv });
  t.true(again.alreadyFinished);
  t.deepEqual(again.outOfDomain, result.outOfDomain);

  const shards: PredictResult[] = [];
  const parts = [1, 2].map((index) => join(root, `part${index}.jsonl`));
  for (const [i, output] of parts.entries()) {
    shards.push(await predict({ model, inputs, output, shard: { index: i + 1, count: 2 } }));
  }
  const merged = join(root, 'merged.parquet');
  t.deepEqual((await merge({ parts, output: merged })).outOfDomain, result.outOfDomain);
  const back = join(root, 'back.csv');
  const fromParquet = join(root, 'p.parquet');
  await predict({ model, inputs, output: fromParquet, shard: { index: 1, count: 1 } });
  await merge({ parts: [fromParquet], output: back });
  t.deepEqual(await readCsv(back), await readCsv(csv), 'through Parquet and back');
  t.is(
    shards.reduce((sum, { outOfDomain }) => sum + (outOfDomain?.['blank'] ?? 0), 0),
    1,
  );

  const classifier = await Classifier.load(model);
  const answers = await classifier.classify(rows.map((row) => row.get('path') ?? ''));
  answers.forEach(({ inDomain, domainScore, domainReason }, i) => {
    t.is(inDomain === undefined ? '' : String(inDomain), rows[i]?.get('in_domain') ?? 'none');
    t.is(domainReason ?? '', rows[i]?.get('domain_reason') ?? 'none');
    const score = Number(rows[i]?.get('domain_score'));
    if (domainScore !== undefined) t.true(Math.abs(domainScore - score) < 1e-4 * score);
  });
  await classifier.close();
});

test('a model of an earlier version: empty columns, and it says so once', async (t) => {
  const root = await temporaryFolder(t);
  const model = join(root, 'mini.onnx');
  await writeMiniModel(model);
  const inputs = await writeTiles(join(root, 'tiles'), 70);
  const messages: string[] = [];
  const onMessage = (text: string): number => messages.push(text);
  const output = join(root, 'out.csv');
  const result = await predict({ model, inputs, output, onMessage });
  t.is(result.outOfDomain, null);
  t.is(messages.filter((text) => text.includes('in_domain')).length, 1);
  for (const row of await readTable(output)) {
    for (const name of ['in_domain', 'domain_score', 'domain_reason']) t.is(row.get(name), '');
  }
  const classifier = await Classifier.load(model);
  const [answer] = await classifier.classify(inputs.slice(0, 1));
  t.is(answer?.status, 'ok');
  t.is(answer?.inDomain, undefined);
  await classifier.close();
});

test('statistics of other features than the model has are refused', async (t) => {
  const root = await temporaryFolder(t);
  const model = join(root, 'model');
  const domain = await writeDomainBundle(model);
  const { content } = domain;
  const narrow: DomainModel = {
    ...domain,
    content: {
      ...content,
      width: 3,
      mean: content.mean.slice(0, 3),
      axes: content.axes.slice(0, 6),
    },
  };
  t.is(new Domain(narrow).width, 3);
  await rm(model, { recursive: true });
  await mkdir(model);
  await writeDomainBundle(model, narrow);
  const classifier = await loadClassifier(model);
  const error = await t.throwsAsync(classifier.judgeTiles(await four(), 4), {
    code: 'MODEL_INVALID',
  });
  t.regex(error.message, /3 pooled features.*gives 768/);
  t.is(
    (await classifier.classifyTiles(await four(), 4)).length,
    12,
    'classes are not touched by it',
  );
  await classifier.close();
});
