/** The fewest and the most classes, from a store to predictions. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openBundle } from '#src/bundle/read.js';
import { predict } from '#src/inference/predict.js';
import { MAX_CLASSES, MIN_CLASSES } from '#src/network/head.js';
import { parseCsv } from '#src/storage/csv.js';
import { prepare, smallTrain } from '../fixtures/training/small-run.js';

let root = '';
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-classes-'));
  process.env['LUNGCLS_HOME'] = join(root, 'home');
});
test.after.always(async () => {
  await rm(root, { recursive: true, force: true });
});

for (const { count, head, tilesPerClass } of [
  { count: MIN_CLASSES, head: 'recipe', tilesPerClass: 20 },
  { count: MAX_CLASSES, head: 'gap', tilesPerClass: 3 },
] as const) {
  test.serial(
    `${count} classes: training, model, report and predictions, head ${head}`,
    async (t) => {
      const folder = join(root, String(count));
      const classes = Array.from(
        { length: count },
        (_, c) => `class ${String(c).padStart(3, '0')}`,
      );
      const store = await prepare(folder, classes, tilesPerClass);
      const run = join(folder, 'run');
      const messages: string[] = [];
      await smallTrain(store, run, {
        head,
        classWeights: { [classes[0] ?? '']: 2 },
        onMessage: (message) => messages.push(message),
      });
      t.true(
        messages.some((message) => message.startsWith('Class weights: class 000 2, class 001 1')),
      );
      const { metadata } = await openBundle(join(run, 'model'));
      t.deepEqual(metadata.classes, classes);
      t.true(metadata.head.endsWith(`Dense ${String(count)} softmax`), metadata.head);
      const metrics = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as {
        confusionMatrix: number[][];
        settings: Record<string, unknown>;
        head: string;
      };
      t.deepEqual(
        metrics.confusionMatrix.map((row) => row.length),
        classes.map(() => count),
      );
      t.is(metrics.settings['classWeights'], 'class 000=2');
      t.is(metrics.head, metadata.head);
      t.true((await readFile(join(run, 'report.html'), 'utf8')).includes(metadata.head));

      const output = join(folder, 'predictions.csv');
      const inputs = [join(folder, 'images', classes.at(-1) ?? '')];
      await predict({ model: join(run, 'model'), inputs, output });
      const [names = [], ...rows] = parseCsv(await readFile(output, 'utf8'));
      t.is(rows.length, tilesPerClass);
      const columns = classes.map((name) => names.indexOf(name));
      t.false(columns.includes(-1), names.join());
      for (const row of rows) {
        const sum = columns.reduce((total, column) => total + Number(row[column]), 0);
        t.true(Math.abs(sum - 1) < 1e-4, String(sum));
      }
    },
  );
}
