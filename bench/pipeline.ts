/**
 * The whole pipeline on a real archive, each command in a fresh process: figures, time and peak
 * memory. Writes `pipeline.json` (every figure) and `pipeline.md` (a table made from it).
 *
 *   npm run bench:pipeline -- --images archive.zip [--work DIR] [-o bench/results]
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, type Machine } from './machine.js';
import { measure, type Measured } from '#src/bench/measure-process.js';

interface Step {
  name: string;
  /** What the step has to show. */
  what: string;
  args: string[];
}

interface StepResult extends Step, Omit<Measured, 'stdout' | 'command'> {
  /** What the command said with --json. */
  result: unknown;
}

const CLI = 'dist/cli/main.js';

function steps(images: string, work: string): Step[] {
  const store = join(work, 'store');
  const recipe = join(work, 'run-recipe');
  const epochs = join(work, 'run-5-epochs');
  return [
    {
      name: 'preprocess',
      what: 'every tile decoded, resized to 256 x 256 and stored',
      args: ['preprocess', images, '-o', store],
    },
    {
      name: 'train (recipe)',
      what: 'features at mixed7 once, then the head; stops once validation accuracy is above 0.90',
      args: ['train', store, '-o', recipe],
    },
    {
      name: 'train (5 epochs)',
      what: 'the features are there already; five whole epochs, no early stop',
      args: ['train', store, '-o', epochs, '--epochs', '5', '--target-accuracy', '1'],
    },
    {
      name: 'predict',
      what: 'the archive itself, read straight from the .zip, fp32',
      args: ['predict', join(epochs, 'model'), images, '-o', join(work, 'predictions.csv')],
    },
  ];
}

function parseResult(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return null;
  }
}

function markdown(machine: Machine, results: readonly StepResult[], notes: string[]): string {
  const rows = results.map(
    (step) =>
      `| ${step.name} | ${step.what} | ${step.seconds.toFixed(1)} | ${step.peakPrivateMiB} | ${step.peakRssMiB} |`,
  );
  return [
    '# The pipeline on a real archive',
    '',
    'Made by `npm run bench:pipeline`; every figure is in `pipeline.json`.',
    '',
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.extensions.join(' ')}; ` +
      `${machine.os}; Node ${machine.node}; commit ${machine.commit}.`,
    '',
    '| step | what | seconds | peak memory, MiB (mapped files not counted) | peak resident, MiB |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...notes,
    '',
  ].join('\n');
}

/** Validation accuracy after each epoch, from a run's history.csv. */
async function accuracies(run: string): Promise<string> {
  const lines = (await readFile(join(run, 'history.csv'), 'utf8')).trim().split('\n');
  const column = (lines[0] ?? '').split(',').indexOf('val_accuracy');
  return lines
    .slice(1)
    .map((line) => Number(line.split(',')[column]).toFixed(4))
    .join(', ');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      images: { type: 'string' },
      /** What the images are, for the reader of the results. */
      archive: { type: 'string', default: 'an archive' },
      /** What else a reader must know, such as what else the machine was doing. */
      note: { type: 'string', default: '' },
      work: { type: 'string', default: join('build', 'bench-pipeline') },
      output: { type: 'string', short: 'o', default: join('bench', 'results') },
    },
  });
  const images = values.images;
  if (images === undefined || !existsSync(images)) {
    throw new Error('Give --images: the archive or folder to run on');
  }
  await rm(values.work, { recursive: true, force: true });
  await mkdir(values.work, { recursive: true });
  await mkdir(values.output, { recursive: true });
  const withoutPaths = (text: string): string =>
    text.replaceAll(images, '<images>').replaceAll(values.work, '<work>');
  const machine = describeMachine();
  const results: StepResult[] = [];
  for (const step of steps(images, values.work)) {
    console.error(`${step.name} ...`);
    const { stdout, ...measured } = await measure(process.execPath, [CLI, ...step.args, '--json']);
    if (measured.exitCode !== 0) throw new Error(`${step.name} failed`);
    results.push({
      ...step,
      args: step.args.map(withoutPaths),
      exitCode: measured.exitCode,
      seconds: measured.seconds,
      peakRssMiB: measured.peakRssMiB,
      peakPrivateMiB: measured.peakPrivateMiB,
      result: JSON.parse(withoutPaths(JSON.stringify(parseResult(stdout)))) as unknown,
    });
  }
  const predictions = await readFile(join(values.work, 'predictions.csv'), 'utf8');
  const notes = [
    `Validation accuracy after each epoch, recipe: ${await accuracies(join(values.work, 'run-recipe'))}; ` +
      `five epochs: ${await accuracies(join(values.work, 'run-5-epochs'))}.`,
    '',
    `Rows written by predict: ${predictions.trim().split('\n').length - 1}.`,
    ...(values.note === '' ? [] : ['', values.note]),
  ];
  await writeFile(
    join(values.output, 'pipeline.json'),
    `${JSON.stringify({ machine, archive: values.archive, notes: notes.filter((note) => note !== ''), steps: results }, null, 2)}\n`,
  );
  await writeFile(join(values.output, 'pipeline.md'), markdown(machine, results, notes));
  console.error(`Wrote ${join(values.output, 'pipeline.md')}`);
}

await main();
