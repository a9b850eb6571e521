/**
 * From the archive to a trained, evaluated model: ours beside the recipe in Python Keras, in one run on one machine, one
 * after the other. Twice: with the recipe's stop at 0.90, and for ten whole epochs. Writes `train.json`
 * (every figure) and `train.md` after each part; an interrupted trial goes on (--fresh: begins anew).
 *
 *   npm run bench:train -- --images archive.zip [--keras-epochs 10] [--tiles 600] [--variants fp32,int8]
 *     [--python PYTHON] [--work DIR] [--note TEXT] [-o bench/results] [--fresh]
 *
 * PYTHON needs the packages of test/fixtures/requirements.txt (default: LUNGCLS_PYTHON's, .venv's). Keras takes
 * minutes an epoch: with fewer than ten measured, the rest is counted like those, and the results say so.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_BASE } from '#src/config.js';
import { baseDirectory } from '#src/network/base-store.js';
import { loadBase } from '#src/network/bases.js';
import { describeMachine } from './machine.js';
import { EPOCHS, type Scenario } from './train/compare.js';
import { kerasRecipe, ownPreprocess, ownTrain, PhaseFolder } from './train/phases.js';
import { writeResults, type Trial } from './train/results.js';

const CLI = 'dist/cli/main.js';

interface Variant {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Ours, by how the features are computed. */
const VARIANTS: readonly Variant[] = [
  { name: 'fp32', flags: ['--features', 'fp32'] },
  { name: 'int8', flags: ['--features', 'int8'] },
];

/** Without a temperature, nothing fitted to tell other tissue by, no search for copies: Keras does none of it. */
const RECIPE_ALONE = ['--calibration-share', '0', '--no-domain', '--no-leak-sample'];

/** Ours once with the recipe's rules as they are, once for all epochs. */
const SCENARIOS: Readonly<Record<Scenario, readonly string[]>> = {
  stop: RECIPE_ALONE,
  epochs: [
    ...[...RECIPE_ALONE, '--epochs', String(EPOCHS)],
    ...['--target-accuracy', '1', '--no-early-stopping'],
  ],
};

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    /** Most epochs of Keras that are measured. */
    'keras-epochs': { type: 'string', default: String(EPOCHS) },
    /** So many tiles of the archive; 0: all. */
    tiles: { type: 'string', default: '0' },
    variants: { type: 'string', default: VARIANTS.map(({ name }) => name).join(',') },
    python: { type: 'string' },
    /** What a reader must know, such as what else the machine was doing. */
    note: { type: 'string', default: '' },
    work: { type: 'string', default: join('build', 'bench-train') },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
    fresh: { type: 'boolean', default: false },
  },
});

function findPython(): string {
  const candidates = [values.python, process.env['LUNGCLS_PYTHON'], join('.venv', 'bin', 'python')];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error('No Python with Keras: give one by --python');
  return found;
}

/** The flags of a variant; where train does not know --features, it computes float32 ones. */
function flagsOf({ name, flags }: Variant, known: boolean): readonly string[] | undefined {
  if (known) return flags;
  return name === 'fp32' ? [] : undefined;
}

async function main(): Promise<void> {
  const images = values.images;
  if (images === undefined || !existsSync(images)) {
    throw new Error('Give --images: the archive to run on');
  }
  const kerasEpochs = Number(values['keras-epochs']);
  if (!Number.isSafeInteger(kerasEpochs) || kerasEpochs < 1 || kerasEpochs > EPOCHS) {
    throw new Error(`Give --keras-epochs from 1 to ${String(EPOCHS)}`);
  }
  const names = values.variants.split(',');
  const chosen = VARIANTS.filter(({ name }) => names.includes(name));
  const python = findPython();
  await loadBase(DEFAULT_BASE);
  if (values.fresh) await rm(values.work, { recursive: true, force: true });
  await mkdir(values.work, { recursive: true });
  await mkdir(values.output, { recursive: true });

  const machine = describeMachine();
  const key = `${machine.commit} ${String((await stat(images)).size)} ${values.tiles} ${String(kerasEpochs)}`;
  const phases = new PhaseFolder(join(values.work, 'phases'), key);
  let archive = images;
  if (values.tiles !== '0') {
    archive = join(values.work, 'subset.zip');
    execFileSync(python, ['bench/train/subset.py', images, values.tiles, archive]);
  }
  const help = execFileSync(process.execPath, [CLI, 'train', '--help'], { encoding: 'utf8' });
  const store = join(values.work, 'store');

  const trial: Trial = { machine, note: values.note, kerasEpochs, own: [], complete: false };
  const record = (): Promise<boolean> => writeResults(values.output, trial);
  trial.preprocess = await phases.run('preprocess', () => ownPreprocess(archive, store));
  await record();
  trial.keras = await phases.run('keras', () =>
    kerasRecipe({
      python,
      archive,
      weights: join(baseDirectory(DEFAULT_BASE), 'weights.safetensors'),
      work: values.work,
      epochs: kerasEpochs,
    }),
  );
  await record();
  for (const variant of chosen) {
    const flags = flagsOf(variant, help.includes('--features'));
    for (const scenario of ['stop', 'epochs'] as const) {
      const name = `${variant.name}-${scenario}`;
      if (flags === undefined) {
        trial.own.push({ variant: variant.name, scenario, failed: 'train has no --features' });
        continue;
      }
      try {
        const run = await phases.run(name, () =>
          ownTrain(store, join(values.work, name), [...flags, ...SCENARIOS[scenario]]),
        );
        trial.own.push({ variant: variant.name, scenario, run });
      } catch (error) {
        const failed = error instanceof Error ? error.message : String(error);
        trial.own.push({ variant: variant.name, scenario, failed });
      }
      await record();
    }
  }
  trial.complete = true;
  if (!(await record())) process.exitCode = 1;
  console.error(`Wrote ${join(values.output, 'train.md')}`);
}

await main();
