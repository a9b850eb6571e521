/**
 * The pipeline on more and more tiles: `preprocess` and, with a model, `predict`, and what it takes to list
 * them, each in a fresh process. What must come out is time that grows as the number of tiles does, and memory
 * that does not grow.
 */
import { mkdir, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBundle } from '../bundle/read.js';
import { RECIPE } from '../config.js';
import { LungclsError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { availableThreads } from '../runtime/threads.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { refuseExisting } from '../storage/existing.js';
import { measure } from './measure-process.js';
import { fitScale, type ScaleFit, type ScaleRun } from './scale-fit.js';
import { scaleImages } from './scale-images.js';
import { scaleLines } from './scale-text.js';

export const DEFAULT_SIZES: readonly number[] = [1000, 10_000, 100_000];
export const SCALE_FORMAT = 'lungcls-scale';

export interface ScaleOptions extends TaskOptions {
  /** Numbers of tiles; 1,000, 10,000 and 100,000 by default. */
  sizes?: readonly number[];
  /** A folder for scale.json, scale.md and, meanwhile, the scratch: a tile store of the largest size. */
  output: string;
  /** A folder or an archive of images; tiles that a program draws by default. */
  images?: string;
  /** A model bundle; without one `predict` is left out. */
  model?: string;
  precision?: 'fp32' | 'fp16' | 'int8';
  threads?: number;
  /** Replace earlier results there. */
  force?: boolean;
}

export interface ScaleStep {
  /** `list`: a `predict` that reads all names, of a shard with next to no image in it. */
  readonly command: 'preprocess' | 'predict' | 'list';
  /** By growing number of tiles. */
  readonly runs: readonly ScaleRun[];
  readonly fit: ScaleFit;
}

export interface ScaleResults {
  readonly format: typeof SCALE_FORMAT;
  readonly version: 1;
  readonly date: string;
  readonly threads: number;
  /** Side of a tile in pixels. */
  readonly size: number;
  readonly precision: string | null;
  /** Different images, repeated under other names, and their mean size. */
  readonly images: { readonly different: number; readonly meanBytes: number };
  readonly steps: readonly ScaleStep[];
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

/** What the command prints, and the same for programs. */
export interface ScaleResult {
  readonly lines: readonly string[];
  readonly value: ScaleResults;
}

const PROGRAM = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const MAX_TILES = 10_000_000;
const MIB = 2 ** 20;
/** One of so many has next to no image in it. */
const SMALL_SHARD = '1/1000000';
/** Of the room that a store takes, what must be free. */
const ROOM = 1.2;

/**
 * Runs the suite and writes scale.json and scale.md.
 * @throws LungclsError INVALID_OPTION, OUTPUT_EXISTS, ABORTED, INTERNAL (a command failed), and those of
 * openBundle and scaleImages
 */
export async function runScale(options: ScaleOptions): Promise<ScaleResult> {
  const sizes = checkedSizes(options.sizes ?? DEFAULT_SIZES);
  const { output, images, model, precision = 'fp32', signal } = options;
  const threads = options.threads ?? availableThreads();
  const bundle = model === undefined ? undefined : await openBundle(model, { precision });
  const size = bundle?.metadata.preprocessing.size ?? RECIPE.imgSize;
  await mkdir(output, { recursive: true });
  const file = join(output, 'scale.json');
  if (options.force !== true) await refuseExisting(file);
  const scratch = await mkdtemp(join(output, 'scratch-'));
  try {
    const input = await scaleImages(images, scratch, signal);
    const runs: Record<ScaleStep['command'], ScaleRun[]> = {
      ...{ preprocess: [], predict: [], list: [] },
    };
    const skipped: { what: string; why: string }[] = [];
    if (model === undefined) skipped.push({ what: 'predict', why: 'no model was given' });
    for (const tiles of sizes) {
      await input.grow(tiles);
      const common = ['--threads', String(threads), '--quiet'];
      const room = ROOM * tiles * size * size * 3;
      if (await fits(output, room)) {
        const store = join(scratch, 'store');
        const args = ['preprocess', input.folder, '-o', store, '--size', String(size), ...common];
        runs.preprocess.push(await measured(tiles, args, store, options));
      } else {
        const what = `preprocess of ${tiles} tiles`;
        skipped.push({ what, why: `a store of them needs ${(room / 1e9).toFixed(1)} GB of disk` });
      }
      if (model === undefined) continue;
      const results = join(scratch, 'results');
      const args = ['predict', model, input.folder, '-o', join(results, 'all.csv'), ...common];
      const all = [...args, '--precision', precision];
      for (const [command, how] of [
        ['predict', all],
        ['list', [...all, '--shard', SMALL_SHARD]],
      ] as const) {
        await mkdir(results);
        runs[command].push(await measured(tiles, how, results, options));
      }
    }
    const steps = (['preprocess', 'predict', 'list'] as const)
      .map((command) => ({ command, runs: runs[command] }))
      .filter((step) => step.runs.length > 0)
      .map((step) => ({ ...step, fit: fitScale(step.runs) }));
    const value: ScaleResults = {
      ...({ format: SCALE_FORMAT, version: 1 } as const),
      date: new Date().toISOString(),
      ...{ threads, size },
      precision: model === undefined ? null : precision,
      images: { different: input.different, meanBytes: Math.round(input.meanBytes) },
      ...{ steps, skipped },
    };
    const lines = scaleLines(value);
    await writeFileAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`);
    await writeFileAtomic(join(output, 'scale.md'), `# Scale\n\n${lines.join('\n')}\n`);
    return { lines, value };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function checkedSizes(sizes: readonly number[]): number[] {
  const wrong = sizes.find((n) => !Number.isInteger(n) || n < 2 || n > MAX_TILES);
  if (sizes.length === 0 || wrong !== undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected whole numbers from 2 to ${MAX_TILES} for sizes but received ${String(wrong)}`,
    );
  }
  return [...new Set(sizes)].sort((a, b) => a - b);
}

async function fits(folder: string, bytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize >= bytes;
}

/** Runs a command of ours on so many tiles, measures what it wrote, and removes that. */
async function measured(
  tiles: number,
  args: readonly string[],
  written: string,
  { signal, onProgress }: ScaleOptions,
): Promise<ScaleRun> {
  throwIfAborted(signal);
  onProgress?.({ stage: args[0] ?? '', done: 0, total: tiles, unit: 'tiles' });
  const run = await measure(process.execPath, [PROGRAM, ...args], signal);
  throwIfAborted(signal);
  if (run.exitCode !== 0) {
    throw new LungclsError(
      'INTERNAL',
      `${args[0] ?? ''} of ${tiles} tiles ended with exit code ${String(run.exitCode)}`,
    );
  }
  const used = await onDisk(written);
  await rm(written, { recursive: true, force: true });
  return {
    tiles,
    seconds: run.seconds,
    peakRssBytes: run.peakRssMiB * MIB,
    peakPrivateBytes: run.peakPrivateMiB * MIB,
    ...used,
  };
}

async function onDisk(folder: string): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files++;
    bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return { files, bytes };
}
