import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { openBundle } from '#src/bundle/read.js';
import type { DomainScores } from '#src/evaluation/domain-scores.js';
import { LungclsError } from '#src/errors.js';
import { halfToFloat } from '#src/native/addon.js';
import { parseCsv } from '#src/storage/csv.js';
import { readNpyHeader } from '#src/storage/npy.js';
import { clampInfinities } from '#src/training/feature-writer.js';
import type { TrainResult } from '#src/training/train.js';
import { CLASSES, prepare, smallTrain, TILES_PER_CLASS } from '../fixtures/training/small-run.js';

const program = fileURLToPath(new URL('../fixtures/training/small-run.js', import.meta.url));
const TILES = CLASSES.length * TILES_PER_CLASS;

let root = '';
let store = '';
let whole: TrainResult | undefined;

/**
 * A whole run in a process of its own, as a user's: libtensorflow reads its settings from the process's
 * environment, which a test's thread cannot change, and they decide the last digits.
 */
async function runProgram(of: string, output: string): Promise<TrainResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, of, output], {
    maxBuffer: 1 << 24,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as TrainResult;
}

test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-run-'));
  process.env['LUNGCLS_HOME'] = join(root, 'home');
  store = await prepare(root);
  whole = await runProgram(store, join(root, 'run'));
});
test.after.always(async () => {
  await rm(root, { recursive: true, force: true });
});

async function featuresFolder(of: string): Promise<string> {
  const name = (await readdir(of)).find((entry) => entry.startsWith('features-'));
  return join(of, name ?? 'none');
}

/** What of a run may not depend on how often it was interrupted. */
async function essence(run: string): Promise<Record<string, unknown>> {
  const read = (name: string): Promise<string> => readFile(join(run, name), 'utf8');
  const metadata = JSON.parse(await read('model/lungcls.json')) as Record<string, unknown>;
  const metrics = JSON.parse(await read('metrics.json')) as Record<string, unknown>;
  return {
    predictions: await read('predictions.csv'),
    history: parseCsv(await read('history.csv')).map((row) => row.slice(0, -1)),
    // With the hash of every file of the bundle.
    metadata,
    accuracy: metrics['accuracy'],
    confusionMatrix: metrics['confusionMatrix'],
    bestEpoch: metrics['bestEpoch'],
  };
}

test.serial('a run folder holds what was promised', async (t) => {
  const run = join(root, 'run');
  t.deepEqual((await readdir(run)).sort(), [
    'checkpoint',
    'history.csv',
    'metrics.json',
    'model',
    'predictions.csv',
    'report.html',
    'samples.png',
    'split.csv',
  ]);
  const predictions = parseCsv(await readFile(join(run, 'predictions.csv'), 'utf8'));
  t.deepEqual(predictions[0], ['path', 'label', 'predicted', ...CLASSES]);
  t.is(predictions.length - 1, TILES / 5);
  for (const [, label = '', predicted = '', ...numbers] of predictions.slice(1)) {
    t.true(CLASSES.includes(label));
    const largest = numbers.map(Number).indexOf(Math.max(...numbers.map(Number)));
    t.is(predicted, CLASSES[largest] ?? 'none');
  }
  const hits = predictions.slice(1).filter(([, label, predicted]) => label === predicted).length;
  t.is(whole?.validationAccuracy ?? NaN, hits / (TILES / 5));
  const history = parseCsv(await readFile(join(run, 'history.csv'), 'utf8'));
  t.deepEqual(history[0], [
    'epoch',
    'loss',
    'accuracy',
    'val_loss',
    'val_accuracy',
    'learning_rate',
    'seconds',
  ]);
  t.is(history.length - 1, 2);
  const bundle = await openBundle(join(run, 'model'));
  t.deepEqual(bundle.metadata.classes, CLASSES);
  const html = await readFile(join(run, 'report.html'), 'utf8');
  t.true(html.includes('blue &quot;é&quot;, b'));
  // Of noise no tile is a copy of another.
  t.like(whole?.split.sampledLeakage, { sampled: 100, tiles: 0, among: TILES - TILES / 5 });
  t.true(html.includes('none has a copy in'));
});

test.serial(
  'the model knows what its training tiles are like, and the report says so',
  async (t) => {
    const run = join(root, 'run');
    const { domain } = await openBundle(join(run, 'model'));
    t.is(domain?.tiles, (4 * TILES) / 5);
    t.is(domain?.validationTiles, TILES / 5);
    t.is(domain?.precision, 'fp32');
    const metrics = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as {
      accuracy: number;
      domain: DomainScores;
    };
    const { tiles, outside, outsidePerClass, fitted, largestScore } = metrics.domain;
    t.is(tiles, TILES / 5);
    t.true(fitted.rejected <= 1, 'of 120 tiles 1 % is one');
    const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
    t.is(sum(Object.values(outside)), fitted.rejected);
    t.is(sum(outsidePerClass), fitted.rejected);
    t.is(largestScore > 1, fitted.rejected > 0);
    // 1 is the farthest tile inside.
    if (fitted.rejected === 0) t.is(largestScore, 1);
    const html = await readFile(join(run, 'report.html'), 'utf8');
    t.true(html.includes('Tiles unlike those of training'));
  },
);

test.serial('features are a float16 array in the order of the store', async (t) => {
  const folder = await featuresFolder(store);
  const header = await readNpyHeader(join(folder, 'features.npy'));
  t.is(header.dtype, '<f2');
  t.is(header.shape[0], TILES);
  t.is(header.shape[3], 768);
});

test.serial('features are used again, and computed again where they are damaged', async (t) => {
  const copy = join(root, 'copy');
  await cp(store, copy, { recursive: true });
  const messages: string[] = [];
  const options = { epochs: 1, onMessage: (message: string) => void messages.push(message) };
  await smallTrain(copy, join(root, 'again'), options);
  t.true(messages.some((m) => m.startsWith('Features are there already')));
  t.true(messages.some((m) => m.startsWith('The split is random')));
  t.true(messages.some((m) => m.startsWith('Training on ')));
  t.true(messages.some((m) => /^The head's first layer: (native kernel|tfjs)/.test(m)));

  const features = join(await featuresFolder(copy), 'features.npy');
  const before = await readFile(features);
  await truncate(features, 1000);
  messages.length = 0;
  await smallTrain(copy, join(root, 'again'), { ...options, force: true });
  t.true(messages.some((m) => /^Computing the features in .* anew: 1000 bytes/.test(m)));
  t.true(before.equals(await readFile(features)));
});

test.serial('8-bit features stand beside those of float32 and are near them', async (t) => {
  const copy = join(root, 'int8');
  await cp(store, copy, { recursive: true });
  const float = await featuresFolder(copy);
  const messages: string[] = [];
  const onMessage = (message: string): void => void messages.push(message);
  const result = await smallTrain(copy, join(root, 'int8-run'), {
    epochs: 1,
    features: 'int8',
    threads: 2,
    onMessage,
  });
  t.true(
    messages.some((m) => /sessions x 1 thread.*, int8$/.test(m)),
    messages.join('\n'),
  );
  const folders = (await readdir(copy)).filter((name) => name.startsWith('features-'));
  t.is(folders.length, 2);
  const int8 = join(copy, folders.find((name) => !float.endsWith(name)) ?? 'none');
  t.deepEqual((await readdir(int8)).sort(), [
    'base.int8.onnx',
    'calibration.json',
    'features.json',
    'features.npy',
    'journal.json',
  ]);
  const metrics = JSON.parse(await readFile(join(result.output, 'metrics.json'), 'utf8')) as {
    settings: Record<string, unknown>;
  };
  t.is(metrics.settings['features'], 'int8');

  const read = async (folder: string): Promise<Float32Array> => {
    const bytes = Uint8Array.from(await readFile(join(folder, 'features.npy'))).subarray(128);
    const half = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    const values = new Float32Array(half.length);
    halfToFloat(half, values);
    return values;
  };
  const [a, b] = [await read(float), await read(int8)];
  const dot = (x: Float32Array, y: Float32Array): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? NaN), 0);
  const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  t.log(`cosine ${cosine.toFixed(5)}`);
  t.true(cosine > 0.99 && cosine < 1 - 1e-7);
});

for (const stage of ['features 64', 'train 10', 'export 2']) {
  test.serial(`killed at "${stage}", the same call ends with the same files`, async (t) => {
    const copy = join(root, `store-${stage}`);
    await cp(store, copy, { recursive: true });
    await rm(await featuresFolder(copy), { recursive: true });
    const output = join(root, `run-${stage}`);
    const child = spawn(process.execPath, [program, copy, output], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (text.includes(stage)) break;
    }
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    t.true(text.includes(stage));
    await t.throwsAsync(readdir(output), { code: 'ENOENT' });
    const result = await runProgram(copy, output);
    t.true(result.resumed);
    t.deepEqual(await essence(output), await essence(join(root, 'run')));
  });
}

test.serial('an output that is there is kept unless force is given', async (t) => {
  const error = await t.throwsAsync(smallTrain(store, join(root, 'run')), {
    instanceOf: LungclsError,
  });
  t.is(error.code, 'OUTPUT_EXISTS');
});

test.serial('an abort while features are computed leaves them to be continued', async (t) => {
  const copy = join(root, 'aborted');
  await cp(store, copy, { recursive: true });
  const clean = join(await featuresFolder(copy), 'features.npy');
  const expected = await readFile(clean);
  await rm(await featuresFolder(copy), { recursive: true });
  const stop = new AbortController();
  await t.throwsAsync(
    smallTrain(copy, join(root, 'run-aborted'), {
      signal: stop.signal,
      onProgress: ({ stage, done }) => {
        if (stage === 'features' && done >= 544) stop.abort();
      },
    }),
    { code: 'ABORTED' },
  );
  const progress: number[] = [];
  await smallTrain(copy, join(root, 'run-aborted'), {
    epochs: 1,
    onProgress: ({ stage, done }) => {
      if (stage === 'features') progress.push(done);
    },
  });
  t.true((progress[0] ?? 0) > 512, 'it continued where the journal ended');
  t.true(expected.equals(await readFile(clean)));
});

test.serial('a store of one class is refused', async (t) => {
  const folder = join(root, 'one');
  const one = await prepare(folder, ['only']).catch((error: unknown) => error);
  const error =
    one instanceof Error ? one : await t.throwsAsync(smallTrain(String(one), join(folder, 'run')));
  t.true(error instanceof LungclsError && error.code === 'TOO_FEW_CLASSES', String(error));
});

test('features beyond float16 count as its largest number', (t) => {
  const half = Uint16Array.of(0x7c00, 0x3c00, 0x7bff, 0x7c00);
  t.is(clampInfinities(half), 2);
  t.deepEqual([...half], [0x7bff, 0x3c00, 0x7bff, 0x7bff]);
});

test.serial('options are checked, each with its name', async (t) => {
  const cases: [Parameters<typeof smallTrain>[2], RegExp][] = [
    [
      { epochs: 0 },
      /^Expected a positive integer up to 1000000 for epochs but received 0 of type number$/,
    ],
    [{ batchSize: 1.5 }, /for batchSize but received 1.5/],
    [{ learningRate: -1 }, /for learningRate but received -1/],
    [{ learningRate: NaN }, /for learningRate but received NaN/],
    [{ head: 'big' as 'gap' }, /^Expected one of recipe, gap for head but received "big"/],
    [{ beta1: 1 }, /for beta1 but received 1/],
    [{ beta2: -0.1 }, /for beta2 but received -0.1/],
    [{ epsilon: 0 }, /a positive number for epsilon but received 0/],
    [{ classWeights: 'equal' as 'none' }, /for classWeights but received "equal"/],
    [{ classWeights: { red: -1 } }, /for classWeights/],
    [
      { classWeights: { violet: 2 } },
      /names of classes \(.*green, red\) for classWeights .*"violet"/,
    ],
    [{ earlyStoppingMinDelta: -1 }, /for earlyStoppingMinDelta/],
    [{ reduceLrMinDelta: NaN }, /for reduceLrMinDelta/],
    [{ reduceLrCooldown: 0.5 }, /for reduceLrCooldown/],
    [{ reduceLrMinLr: -1e-9 }, /for reduceLrMinLr/],
    [
      { split: 1 },
      /^Expected random, grouped, a file, or a share above 0 and below 1 for split but received 1 of type number$/,
    ],
    [{ validationShare: 0 }, /above 0 and below 1 for validationShare but received 0/],
    [
      { split: 0.3, validationShare: 0.3 },
      /no value beside a number for split for validationShare/,
    ],
    [{ split: 'x.csv', folds: 3 }, /no value beside a file of the split for folds/],
    [{ splitSeed: -1 }, /for splitSeed/],
    [{ splitTolerance: 1 }, /for splitTolerance/],
    [{ folds: 1 }, /an integer from 2 to 100 for folds/],
    [{ groups: '' }, /a path for groups/],
    [{ seed: 0.5 }, /for seed/],
    [{ dropout: 1 }, /for dropout/],
    [{ targetAccuracy: 2 }, /for targetAccuracy/],
    [{ reduceLrFactor: 1 }, /for reduceLrFactor/],
    [{ threads: 0 }, /for threads/],
    [{ checkpointMinutes: -1 }, /at least 0 for checkpointMinutes/],
    [{ tensorboard: '' }, /a path for tensorboard/],
    [{ tensorboardBatches: 0.5 }, /at least 0 for tensorboardBatches/],
    [{ firstLayer: 'gpu' as 'auto' }, /one of auto, native, tfjs for firstLayer/],
    [{ base: '' }, /for base/],
    [
      { pixels: 'bgr' as 'recipe' },
      /^Expected one of inception, recipe for pixels but received "bgr" of type string$/,
    ],
    [{ device: 'tpu' as 'cpu' }, /for device but received "tpu"/],
    [{ earlyStopping: 'no' as unknown as boolean }, /for earlyStopping but received "no"/],
  ];
  for (const [options, message] of cases) {
    const error = await t.throwsAsync(smallTrain(store, join(root, 'never'), options), {
      instanceOf: LungclsError,
    });
    t.is(error.code, 'INVALID_OPTION');
    t.regex(error.message, message);
  }
  await t.throwsAsync(smallTrain(store, join(root, 'never'), { base: 'nobody' }), {
    code: 'BASE_UNKNOWN',
  });
  const file = join(root, 'file');
  await writeFile(file, '');
  await t.throwsAsync(smallTrain(store, join(file, 'run')), { code: 'OUTPUT_UNWRITABLE' });
});
