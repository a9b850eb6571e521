/** The temperature of a model: where it is applied, how it is refused, and what says so. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { calibrate, type Calibration } from '#src/bundle/calibration.js';
import { describeModel, parseDescription } from '#src/bundle/metadata.js';
import { openBundle } from '#src/bundle/read.js';
import { Classifier } from '#src/inference/image-classifier.js';
import { predict } from '#src/inference/predict.js';
import { parseCsv } from '#src/storage/csv.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { writeMiniModel } from '../fixtures/mini-model.js';
import { tileJpeg } from '../fixtures/tiles.js';

const CALIBRATION: Calibration = {
  ...{ method: 'temperature', temperature: 1.75, tiles: 400, heldBack: 'groups' },
  ...{ logLossBefore: 0.31, logLossAfter: 0.28 },
};
const CLASSES = 3;

async function rowsOf(path: string): Promise<{ label: string; p: Float32Array }[]> {
  const rows = parseCsv(await readFile(path, 'utf8')).slice(1);
  return rows.map(([, label = '', ...fields]) => ({
    label,
    p: Float32Array.from(fields.slice(0, CLASSES), Number),
  }));
}

test('predict applies it unless told not to, and labels stay', async (t) => {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'mini.onnx');
  await writeMiniModel(model, { calibration: CALIBRATION });
  const inputs: string[] = [];
  for (let i = 0; i < 5; i++) {
    inputs.push(join(folder, `${String(i)}.jpeg`));
    await writeFile(inputs[i] ?? '', await tileJpeg(i));
  }
  const run = async (name: string, options: { calibrated?: boolean; tta?: 'd4' }) => {
    const output = join(folder, name);
    const { temperature } = await predict({ model, inputs, output, ...options });
    return { temperature, rows: await rowsOf(output) };
  };
  const own = await run('own.csv', { calibrated: false });
  const scaled = await run('scaled.csv', {});
  t.is(own.temperature, null);
  t.is(scaled.temperature, 1.75);
  for (const [i, { label, p }] of scaled.rows.entries()) {
    const before = own.rows[i];
    t.is(label, before?.label ?? '');
    t.deepEqual(p, calibrate(before?.p ?? new Float32Array(), CLASSES, 1.75));
  }
  t.notDeepEqual(scaled.rows, own.rows);

  const record = JSON.parse(await readFile(join(folder, 'scaled.csv.job.json'), 'utf8')) as {
    settings: { temperature: number };
  };
  t.is(record.settings.temperature, 1.75);
  await t.throwsAsync(
    predict({ model, inputs, output: join(folder, 'scaled.csv'), calibrated: false }),
    { code: 'OUTPUT_EXISTS', message: /temperature 1\.75 and null/ },
  );

  // Of the mean over all symmetries the mean is calibrated.
  const mean = await run('mean.csv', { calibrated: false, tta: 'd4' });
  const scaledMean = await run('scaled-mean.csv', { tta: 'd4' });
  for (const [i, { label, p }] of scaledMean.rows.entries()) {
    const before = mean.rows[i];
    t.is(label, before?.label ?? '');
    const expected = calibrate(before?.p ?? new Float32Array(), CLASSES, 1.75);
    for (const [c, value] of p.entries()) {
      t.true(Math.abs(value - (expected[c] ?? NaN)) < 1e-6);
    }
  }

  const classifier = await Classifier.load(model);
  const [first] = await classifier.classify([inputs[0] ?? '']);
  t.is(classifier.temperature, 1.75);
  t.regex(classifier.description, /temperature 1\.750$/);
  t.deepEqual(first?.probabilities, scaled.rows[0]?.p);
  await classifier.close();
  const plain = await Classifier.load(model, { calibrated: false });
  t.is(plain.temperature, undefined);
  t.deepEqual((await plain.classify([inputs[0] ?? '']))[0]?.probabilities, own.rows[0]?.p);
  await plain.close();
});

test('a model without one is not calibrated, and says so when asked', async (t) => {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'mini.onnx');
  await writeMiniModel(model);
  const image = join(folder, 'tile.jpeg');
  await writeFile(image, await tileJpeg(1));
  const output = join(folder, 'out.csv');
  const asked = { model, inputs: [image], output, calibrated: true };
  const none = { code: 'INVALID_OPTION', message: /Expected a model with a temperature/ };
  await t.throwsAsync(predict(asked), none);
  await t.throwsAsync(Classifier.load(model, { calibrated: true }), none);
  t.is((await predict({ ...asked, calibrated: false })).temperature, null);
});

test('descriptions of version 1 are read on, and stay what they were', async (t) => {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'old.onnx');
  await writeMiniModel(model, { version: 1 });
  const { metadata } = await openBundle(model);
  t.is(metadata.version, 1);
  t.is(metadata.calibration, undefined);
  const text = describeModel(metadata);
  t.false(text.includes('calibration'));
  t.is(describeModel(parseDescription(text, 'here')), text);

  const withOne = describeModel({ ...metadata, version: 2, calibration: CALIBRATION });
  t.deepEqual(parseDescription(withOne, 'here').calibration, CALIBRATION);
  t.is(describeModel(parseDescription(withOne, 'here')), withOne);
  const broken = withOne.replace('1.75', '-1');
  t.throws(() => parseDescription(broken, 'here'), { message: /a temperature above 0/ });
  const newer = withOne.replace('"version":2', '"version":3');
  t.throws(() => parseDescription(newer, 'here'), { message: /expected 1 or 2.* but found 3/ });
});
