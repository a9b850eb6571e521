/** The parts of the trial that are measured, each in a process of its own, and kept once they are done. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseCsv } from '#src/storage/csv.js';
import { measure, type Measured } from '#src/bench/measure-process.js';

const CLI = 'dist/cli/main.js';

/** What every part says of itself. */
export interface Phase {
  seconds: number;
  peakPrivateMiB: number;
  peakRssMiB: number;
  /** Load of the machine when it began: 0 on a quiet one. */
  loadBefore: number;
  measuredAt: string;
}

/** Our training. */
export interface OwnRun extends Phase {
  args: string[];
  /** Of the steps, as metrics.json has them. */
  steps: { step: string; seconds: number }[];
  /** After each epoch. */
  valAccuracies: number[];
  /** Of the weights that were kept. */
  accuracy: number;
  stopReason: string;
  /** SHA-256 of the names of the validation tiles, in their order. */
  validation: string;
}

export interface KerasEpoch {
  seconds: number;
  trainSeconds: number;
  validationSeconds: number;
  /** Of the first: what building TensorFlow's graphs took. */
  graphSeconds: number;
  valAccuracy: number;
}

export interface KerasRun extends Phase {
  phases: Record<string, number>;
  epochs: KerasEpoch[];
  accuracy: number;
  validation: string;
  tiles: { train: number; validation: number };
  versions: Record<string, string>;
}

/** Keeps what is done in a folder, so that an interrupted trial goes on behind it. */
export class PhaseFolder {
  readonly #folder: string;
  readonly #key: string;

  /** @param key of everything that the figures depend on */
  constructor(folder: string, key: string) {
    this.#folder = folder;
    this.#key = key;
  }

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, `${name}.json`);
    const before = await readJson(path);
    if (before?.['key'] === this.#key) {
      console.error(`${name}: done already`);
      return before['value'] as T;
    }
    console.error(`${name} ...`);
    const value = await work();
    await mkdir(this.#folder, { recursive: true });
    await writeFile(path, `${JSON.stringify({ key: this.#key, value }, null, 2)}\n`);
    return value;
  }
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

async function measured(command: string, args: readonly string[]): Promise<Measured & Phase> {
  const loadBefore = loadavg()[0] ?? 0;
  const measuredAt = new Date().toISOString();
  const result = await measure(command, args);
  if (result.exitCode !== 0) {
    throw new Error(`${args.slice(0, 2).join(' ')} ended with ${String(result.exitCode)}`);
  }
  return { ...result, loadBefore, measuredAt };
}

function phaseOf({ seconds, peakPrivateMiB, peakRssMiB, loadBefore, measuredAt }: Phase): Phase {
  return { seconds, peakPrivateMiB, peakRssMiB, loadBefore, measuredAt };
}

export async function ownPreprocess(archive: string, store: string): Promise<Phase> {
  await rm(store, { recursive: true, force: true });
  return phaseOf(await measured(process.execPath, [CLI, 'preprocess', archive, '-o', store]));
}

/** Trains from the tiles: features that an earlier run left are removed first. */
export async function ownTrain(
  store: string,
  output: string,
  flags: readonly string[],
): Promise<OwnRun> {
  for (const name of await readdir(store)) {
    if (name.startsWith('features-')) await rm(join(store, name), { recursive: true });
  }
  for (const folder of [output, `${output}.partial`]) {
    await rm(folder, { recursive: true, force: true });
  }
  const words = ['train', store, '-o', output, ...flags];
  const run = await measured(process.execPath, [CLI, ...words, '--json']);
  const result = JSON.parse(run.stdout) as {
    history: { valAccuracy: number }[];
    validationAccuracy: number;
    stopReason: string;
  };
  const metrics = await readJson(join(output, 'metrics.json'));
  const predictions = parseCsv(await readFile(join(output, 'predictions.csv'), 'utf8')).slice(1);
  const names = predictions.map(([path = '']) => path.split('/').at(-1) ?? '');
  return {
    ...phaseOf(run),
    args: [...flags],
    steps: metrics?.['times'] as OwnRun['steps'],
    valAccuracies: result.history.map(({ valAccuracy }) => valAccuracy),
    accuracy: result.validationAccuracy,
    stopReason: result.stopReason,
    validation: createHash('sha256').update(names.join('\n')).digest('hex'),
  };
}

export async function kerasRecipe(options: {
  python: string;
  archive: string;
  weights: string;
  work: string;
  epochs: number;
}): Promise<KerasRun> {
  const { python, archive, weights, work, epochs } = options;
  const folder = join(work, 'unzipped');
  const out = join(work, 'keras.json');
  await rm(folder, { recursive: true, force: true });
  const started = String(Date.now() / 1000);
  const script = join('bench', 'train', 'keras_recipe.py');
  const run = await measured(python, [
    ...[script, archive, weights, folder, out, started, String(epochs)],
  ]);
  await rm(folder, { recursive: true, force: true });
  const result = (await readJson(out)) as unknown as Omit<KerasRun, keyof Phase>;
  return { ...result, ...phaseOf(run) };
}
