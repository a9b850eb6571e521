/** evaluate and explain, the real program, on small tiles and a model with random weights. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { readCsv } from './csv.js';
import { run } from './program.js';
import { tileJpeg } from '../fixtures/tiles.js';
import { writeDomainBundle } from '../fixtures/domain/bundle.js';
import { tinyBundle } from '../fixtures/tiny-bundle.js';

/** The model's, in another order than its own, and one fewer. */
const CLASSES = ['lung_aca', 'lung_n'];
const PER_CLASS = 8;

let root = '';
let model = '';
const storeOf = (name: string): string => join(root, name);

async function makeStore(name: string, classes: readonly string[], size = '96'): Promise<string> {
  for (const [label, of] of classes.entries()) {
    await mkdir(join(root, `${name}-tiles`, of), { recursive: true });
    for (let i = 0; i < PER_CLASS; i++) {
      const path = join(root, `${name}-tiles`, of, `${of}${i}.jpeg`);
      await writeFile(path, await tileJpeg(100 * label + i));
    }
  }
  const flags = ['--size', size, '--classes', classes.join()];
  const made = await run([
    'preprocess',
    join(root, `${name}-tiles`),
    '-o',
    storeOf(name),
    ...flags,
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  return storeOf(name);
}

test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-evaluate-'));
  model = await tinyBundle();
  await makeStore('store', CLASSES);
});

test.serial('a labelled store is judged by the probabilities that predict gives', async (t) => {
  const output = join(root, 'evaluation');
  const groups = join(root, 'groups.csv');
  const paths = (await readCsv(join(storeOf('store'), 'index.csv')))
    .slice(1)
    .map(([, path]) => path);
  const lines = paths.map((path = '', i) => `${path},patient${Math.floor(i / 2)}`);
  await writeFile(groups, `path,group\n${lines.join('\n')}\n`);
  const args = ['evaluate', model, storeOf('store'), '-o', output, '--groups', groups];
  const { code, stdout, stderr } = await run(args);
  t.is(code, 0, stderr);
  t.regex(stdout, /^16 tiles in .*; 95% intervals over 8 groups\nAccuracy \d\.\d{4} \(/);
  t.deepEqual((await readdir(output)).sort(), ['metrics.json', 'predictions.csv', 'report.html']);

  const predicted = join(root, 'predicted.csv');
  t.is((await run(['predict', model, storeOf('store'), '-o', predicted])).code, 0);
  const theirs = (await readCsv(predicted)).slice(1);
  const [head, ...ours] = await readCsv(join(output, 'predictions.csv'));
  t.deepEqual(head, [
    ...['path', 'label', 'predicted', 'lung_n', 'lung_aca', 'lung_scc'],
    ...['in_domain', 'domain_score', 'domain_reason'],
  ]);
  t.is(ours.length, 2 * PER_CLASS);
  let hits = 0;
  for (const [i, [path = '', label = '', given = '', ...numbers]] of ours.entries()) {
    const [otherPath, otherLabel, ...others] = theirs[i] ?? [];
    t.is(path, otherPath ?? '');
    t.true(path.includes(`${label}/`), 'the true class, by name');
    t.is(given, otherLabel ?? '');
    if (given === label) hits++;
    for (const [c, p] of numbers.slice(0, 3).entries())
      t.true(Math.abs(Number(p) - Number(others[c])) < 1e-6);
  }
  const metrics = JSON.parse(await readFile(join(output, 'metrics.json'), 'utf8')) as {
    kind: string;
    accuracy: number;
    classes: string[];
    store: { perClass: number[] };
    scores: { resampled: string; units: number };
  };
  t.is(metrics.kind, 'evaluation');
  t.is(metrics.accuracy, hits / ours.length);
  t.deepEqual(metrics.classes, ['lung_n', 'lung_aca', 'lung_scc']);
  t.deepEqual(metrics.store.perClass, [PER_CLASS, PER_CLASS, 0]);
  t.is(metrics.scores.resampled, 'groups');
  t.is(metrics.scores.units, 8);
  const html = await readFile(join(output, 'report.html'), 'utf8');
  t.regex(html, /evaluation report/);
  t.regex(html, /For research use only/);
  t.true(html.includes('data:image/jpeg'), 'heat maps');

  const again = await run(args);
  t.is(again.code, 1);
  t.regex(again.stderr, /^error\[OUTPUT_EXISTS\]/);
});

test.serial('tiles unlike those of training are counted', async (t) => {
  const knowing = join(root, 'knowing');
  await writeDomainBundle(knowing);
  const tiles = join(root, 'store-tiles', 'lung_n');
  const images = join(root, 'blank-tiles');
  await cp(join(root, 'store-tiles'), images, { recursive: true });
  await rm(join(images, 'lung_n', (await readdir(tiles))[0] ?? ''));
  const side = { width: 96, height: 96, channels: 3 } as const;
  const white = sharp({ create: { ...side, background: 'white' } });
  await white.png().toFile(join(images, 'lung_n', 'white.png'));
  const store = storeOf('blank');
  t.is((await run(['preprocess', images, '-o', store, '--size', '96'])).code, 0);
  const output = join(root, 'counted');
  const { code, stdout, stderr } = await run(['evaluate', knowing, store, '-o', output]);
  t.is(code, 0, stderr);
  t.regex(stdout, /\n1 tiles are unlike the training tiles \(blank 1\): see in_domain\n/);
  const metrics = JSON.parse(await readFile(join(output, 'metrics.json'), 'utf8')) as {
    domain: { tiles: number; outside: object; outsidePerClass: number[]; accuracyOutside: number };
  };
  t.is(metrics.domain.tiles, 2 * PER_CLASS);
  t.deepEqual(metrics.domain.outside, { blank: 1, colour: 0, content: 0 });
  t.deepEqual(metrics.domain.outsidePerClass, [1, 0, 0]);
  t.true([0, 1].includes(metrics.domain.accuracyOutside));
  const [head = [], ...rows] = await readCsv(join(output, 'predictions.csv'));
  const at = head.indexOf('domain_reason');
  t.deepEqual(
    rows
      .filter((row) => row[at - 2] === 'false')
      .map((row) => [row[0]?.endsWith('white.png'), row[at]]),
    [[true, 'blank']],
  );
  const html = await readFile(join(output, 'report.html'), 'utf8');
  t.true(html.includes('Tiles unlike those of training'));
});

test.serial('a lone .onnx is judged without heat maps', async (t) => {
  const output = join(root, 'lone');
  const { code, stderr } = await run([
    ...['evaluate', join(model, 'model.onnx'), storeOf('store'), '-o', output],
  ]);
  t.is(code, 0, stderr);
  t.regex(stderr, /No heat maps/);
  t.regex(stderr, /warning: Which tiles come from one original or patient is not known/);
  t.false((await readFile(join(output, 'report.html'), 'utf8')).includes('Grad-CAM at mixed7'));
});

test.serial(
  'a store of other classes or another preprocessing is refused, naming both',
  async (t) => {
    const refused: [string, RegExp][] = [
      [
        await makeStore('other', ['colon_n', 'lung_n']),
        /^error\[UNKNOWN_CLASS\]: .*lung_n, lung_aca, lung_scc.*colon_n\n$/,
      ],
      [
        await makeStore('small', CLASSES, '80'),
        /^error\[PREPROCESSING_MISMATCH\]: .*96 x 96.*80 x 80.*\n$/,
      ],
    ];
    for (const [store, words] of refused) {
      const output = join(root, 'refused');
      const { code, stderr } = await run(['evaluate', model, store, '-o', output]);
      t.is(code, 1);
      t.regex(stderr, words);
      await t.throwsAsync(stat(output));
    }
    const asked = await run([
      'evaluate',
      model,
      storeOf('store'),
      '-o',
      join(root, 'no'),
      '--calibrated',
    ]);
    t.is(asked.code, 2);
    t.regex(asked.stderr, /Expected a model with a temperature/);
  },
);

interface Explained {
  images: {
    path: string;
    status: string;
    picture?: string;
    label?: string;
    explained?: string;
    probabilities?: Record<string, number>;
    heat?: number[][];
  }[];
}

test.serial('one tile is explained in a picture, with the probabilities of predict', async (t) => {
  const image = join(root, 'store-tiles', 'lung_n', 'lung_n3.jpeg');
  const picture = join(root, 'heat.png');
  const { code, stdout, stderr } = await run(['explain', model, image, '-o', picture, '--json']);
  t.is(code, 0, stderr);
  const [result] = (JSON.parse(stdout) as Explained).images;
  const { format, width, height } = await sharp(picture).metadata();
  t.is(format, 'png');
  t.true(width > 800 && height > 400);
  const predicted = join(root, 'one.csv');
  await run(['predict', model, image, '-o', predicted]);
  const [, row] = await readCsv(predicted);
  t.is(result?.label, row?.[1]);
  t.is(result?.explained, row?.[1]);
  for (const [c, p] of Object.values(result?.probabilities ?? {}).entries()) {
    t.true(Math.abs(p - Number(row?.[2 + c])) < 1e-4);
  }
  t.true((result?.heat ?? []).flat().every((value) => value >= 0 && value <= 1));
  t.is((await run(['explain', model, image, '-o', picture])).code, 1, 'nothing is overwritten');

  const other = join(root, 'other.png');
  const asked = await run(['explain', model, image, '-o', other, '--class', 'lung_scc']);
  t.is(asked.code, 0, asked.stderr);
  t.regex(asked.stdout, /lung_n3\.jpeg: lung_\w+ \d\.\d{4}(; shown: lung_scc \d\.\d{4})? -> /);
  const unknown = await run([
    'explain',
    model,
    image,
    '-o',
    join(root, 'no.png'),
    '--class',
    'cat',
  ]);
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /^error\[UNKNOWN_CLASS\]: .*lung_n, lung_aca, lung_scc.*cat\n$/);
});

test.serial('several go into a folder; what cannot be read has a reason', async (t) => {
  const broken = join(root, 'lung_n1.jpeg');
  await writeFile(broken, 'no image');
  const folder = join(root, 'heat');
  const good = ['lung_n', 'lung_aca'].map((of) => join(root, 'store-tiles', of, `${of}1.jpeg`));
  const { code, stdout, stderr } = await run([
    'explain',
    model,
    ...good,
    broken,
    good[0] ?? '',
    '-o',
    folder,
  ]);
  t.is(code, 1, stderr);
  t.regex(stdout, /lung_n1\.jpeg: no picture, IMAGE_FORMAT/);
  t.deepEqual((await readdir(folder)).sort(), ['lung_aca1.png', 'lung_n1-3.png', 'lung_n1.png']);
  const one = await run(['explain', model, ...good, '-o', join(root, 'two.png')]);
  t.is(one.code, 2);
  t.regex(one.stderr, /^error\[INVALID_OPTION\]: Expected the name of a folder/);
});
