/** The whole pipeline on synthetic tiles, to see that everything works and what comes out. */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TOOL_VERSION } from './config.js';
import { makeSampleTiles } from './dataset/sample/tiles.js';
import { preprocess } from './dataset/preprocess.js';
import { samples } from './dataset/samples.js';
import { LungclsError, readError, systemErrorCode, writeError } from './errors.js';
import { predict } from './inference/predict.js';
import { throwIfAborted } from './runtime/abort.js';
import type { Device } from './runtime/device.js';
import type { TaskOptions } from './runtime/progress.js';
import { writeFileAtomic } from './storage/atomic.js';
import { readCsvRows } from './storage/csv.js';
import { train } from './training/train.js';

export interface DemoOptions extends TaskOptions {
  /** The folder for everything it makes; `lungcls-demo` by default. */
  output?: string;
  device?: Device;
  threads?: number;
  /** Start anew where an earlier demo stands. Files that no demo made are left alone. */
  force?: boolean;
}

export interface DemoResult {
  output: string;
  report: string;
  model: string;
  predictions: string;
  validationAccuracy: number;
  /** On tiles from other originals than those of training. */
  heldOut: { rows: number; accuracy: number };
  seconds: number;
  /** True where an earlier call had done everything. */
  alreadyDone: boolean;
}

const DEFAULT_OUTPUT = 'lungcls-demo';
const STATE_FILE = 'demo.json';

/** Small enough for a minute or two on two cores, large enough that the head learns something. */
const SETTINGS = {
  toolVersion: TOOL_VERSION,
  training: { originalsPerClass: 10, variantsPerOriginal: 5, seed: 1 },
  /** Another seed draws other originals. */
  heldOut: { originalsPerClass: 6, variantsPerOriginal: 2, seed: 2 },
  epochs: 10,
  batchSize: 16,
} as const;

/** What it makes, by name inside the folder. */
const PARTS = {
  tiles: 'tiles',
  heldOut: 'held-out-tiles',
  store: 'store',
  samples: 'samples.png',
  run: 'run',
  predictions: 'predictions.csv',
} as const;

type Summary = Pick<DemoResult, 'validationAccuracy' | 'heldOut'>;

interface State {
  settings: unknown;
  summary?: Summary;
}

/**
 * Draws tiles, preprocesses them, shows samples, trains, exports, and classifies tiles from other
 * originals. Stopped at any moment, the same call continues; finished, it says so. The tiles are
 * drawn by a program: what comes out shows that the tool works, and nothing about real tissue.
 *
 * @throws LungclsError OUTPUT_EXISTS (a folder that no demo made, or an older demo's) and those of
 *   makeSampleTiles, preprocess, samples, train and predict
 */
export async function demo(options: DemoOptions = {}): Promise<DemoResult> {
  const startedAt = performance.now();
  const output = options.output ?? DEFAULT_OUTPUT;
  const { onProgress, onMessage, signal, device, threads } = options;
  const task = {
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onMessage === undefined ? {} : { onMessage }),
    ...(signal === undefined ? {} : { signal }),
  };
  const resources = {
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
  };
  const state = await openFolder(output, options.force ?? false);
  const path = (part: keyof typeof PARTS): string => join(output, PARTS[part]);
  const result = (summary: Summary, alreadyDone: boolean): DemoResult => ({
    output,
    report: join(path('run'), 'report.html'),
    model: join(path('run'), 'model'),
    predictions: path('predictions'),
    ...summary,
    seconds: (performance.now() - startedAt) / 1000,
    alreadyDone,
  });
  if (state.summary !== undefined) return result(state.summary, true);

  /** Every part is whole or absent, so one that is there needs no second thought. */
  const step = async (
    part: keyof typeof PARTS,
    what: string,
    make: () => Promise<unknown>,
  ): Promise<void> => {
    throwIfAborted(signal);
    if (await exists(path(part))) return;
    onMessage?.(what, 'info');
    await make();
  };
  await step('tiles', 'Drawing tiles to train on', () =>
    makeSampleTiles({ ...task, ...SETTINGS.training, output: path('tiles') }),
  );
  await step('heldOut', 'Drawing tiles from other originals, to classify later', () =>
    makeSampleTiles({ ...task, ...SETTINGS.heldOut, output: path('heldOut') }),
  );
  await step('store', 'Decoding and resizing', () =>
    preprocess({
      ...task,
      ...(threads === undefined ? {} : { threads }),
      input: path('tiles'),
      output: path('store'),
    }),
  );
  await step('samples', 'Three tiles a class as one picture', () =>
    samples({ ...task, store: path('store'), output: path('samples') }),
  );
  const { epochs, batchSize } = SETTINGS;
  await step('run', 'Training the head on the frozen base, and exporting the model', () =>
    train({ ...task, ...resources, store: path('store'), output: path('run'), epochs, batchSize }),
  );
  await step('predictions', 'Classifying the tiles from other originals', () =>
    predict({
      ...task,
      ...resources,
      model: join(path('run'), 'model'),
      inputs: [path('heldOut')],
      output: path('predictions'),
    }),
  );
  const summary = {
    validationAccuracy: await validationAccuracy(path('run')),
    heldOut: await judge(path('predictions')),
  };
  await writeState(output, { settings: SETTINGS, summary });
  return result(summary, false);
}

/** Makes the folder, or takes up the one of an earlier call. */
async function openFolder(output: string, force: boolean): Promise<State> {
  const names = await readdir(output).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw readError(error, output, 'folder');
  });
  const fresh: State = { settings: SETTINGS };
  if (names !== undefined && names.length > 0) {
    const state = names.includes(STATE_FILE) ? await readState(output) : undefined;
    if (state === undefined) {
      throw new LungclsError(
        'OUTPUT_EXISTS',
        `Expected an empty folder or one of an earlier demo but ${output} holds other files`,
        { path: output },
      );
    }
    if (!force) {
      if (JSON.stringify(state.settings) === JSON.stringify(SETTINGS)) return state;
      throw new LungclsError(
        'OUTPUT_EXISTS',
        `${output} holds the demo of another version; give --force to replace it, or another name`,
        { path: output },
      );
    }
    for (const part of Object.values(PARTS)) {
      await rm(join(output, part), { recursive: true, force: true });
      await rm(join(output, `${part}.partial`), { recursive: true, force: true });
    }
  }
  try {
    await mkdir(output, { recursive: true });
  } catch (error) {
    throw writeError(error, output);
  }
  await writeState(output, fresh);
  return fresh;
}

async function readState(output: string): Promise<State | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(output, STATE_FILE), 'utf8'));
    return typeof value === 'object' && value !== null && 'settings' in value ? value : undefined;
  } catch (error) {
    throw readError(error, join(output, STATE_FILE));
  }
}

async function writeState(output: string, state: State): Promise<void> {
  await writeFileAtomic(join(output, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw readError(error, path);
  }
}

/** How many predictions name the folder that the tile stands in. */
async function judge(path: string): Promise<DemoResult['heldOut']> {
  let rows = -1; // the header is none
  let right = 0;
  for await (const [tile = '', label = ''] of readCsvRows(path)) {
    rows++;
    if (rows > 0 && tile.split('/').at(-2) === label) right++;
  }
  return { rows, accuracy: right / rows };
}

/** What the run's metrics.json says about the kept weights. */
async function validationAccuracy(run: string): Promise<number> {
  const path = join(run, 'metrics.json');
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (
      typeof value === 'object' &&
      value !== null &&
      'accuracy' in value &&
      typeof value.accuracy === 'number'
    ) {
      return value.accuracy;
    }
  } catch (error) {
    throw readError(error, path);
  }
  throw new LungclsError('INTERNAL', `Expected a number for accuracy in ${path}`, { path });
}
