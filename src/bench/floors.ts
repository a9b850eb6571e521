/** What the machine can do, measured in the run, so that every figure stands beside its limit. */
import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { measureMachinePeak } from '../native/addon.js';
import { parseJson } from '../storage/json.js';
import { PACKAGE_ROOT } from './machine.js';
import type { Floors } from './results.js';

const execute = promisify(execFile);

const PEAK_SECONDS = 0.5;

export interface FloorOptions {
  readonly threads: number;
  /** Paths of the image files. */
  readonly files: readonly string[];
  readonly meanBytes: number;
  /** A folder for what is compiled. */
  readonly folder: string;
}

interface Reader {
  readonly program: string;
  /** A folder of links to the files. */
  readonly images: string;
}

/** Measures everything that can be measured here; the rest is null, with why. */
export async function measureFloors(
  options: FloorOptions,
): Promise<{ floors: Floors; skipped: { what: string; why: string }[] }> {
  const skipped: { what: string; why: string }[] = [];
  const attempt = async <T>(what: string, measure: () => Promise<T>): Promise<T | null> => {
    try {
      return await measure();
    } catch (error) {
      skipped.push({ what, why: reasonOf(error) });
      return null;
    }
  };
  const { threads } = options;
  const peak = await attempt('floors: memory and arithmetic peaks', () =>
    measureMachinePeak({ threads, seconds: PEAK_SECONDS }),
  );
  const reader = await attempt('floors: file reading and entropy decoding', () =>
    compileReader(options),
  );
  const rate = (what: string, mode: 'read' | 'entropy'): Promise<number | null> =>
    reader === null
      ? Promise.resolve(null)
      : attempt(what, () => filesPerSecond(reader, mode, options));
  const read = await rate('floor: file reading', 'read');
  const entropy = await rate('floor: entropy decoding', 'entropy');
  return {
    floors: {
      memoryReadGBs: peak?.readGBs ?? null,
      memoryCopyGBs: peak?.copyGBs ?? null,
      fp32Gflops: peak?.fp32Gflops ?? null,
      int8Gops: peak?.int8Gops ?? null,
      entropyTilesPerSecond: entropy,
      fileReadGBs: read === null ? null : (read * options.meanBytes) / 1e9,
    },
    skipped,
  };
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? '';
}

/**
 * A program that reads files, or the coefficients in them by libjpeg-turbo and nothing else. It is compiled in the run;
 * without a compiler or libjpeg's headers there are no figures.
 */
async function compileReader({ files, folder }: FloorOptions): Promise<Reader> {
  const source = join(PACKAGE_ROOT, 'bench', 'decode', 'libjpeg.cpp');
  if (!existsSync(source)) throw new Error('its source is not in this package');
  const program = join(folder, 'reader');
  await execute('c++', ['-O3', '-std=c++20', source, '-ljpeg', '-o', program]);
  const images = join(folder, 'reader-images');
  await mkdir(images);
  for (const [i, file] of files.entries()) {
    await symlink(resolve(file), join(images, `${String(i).padStart(6, '0')}.jpeg`));
  }
  return { program, images };
}

/** Files a second, from the system's cache, by a process on each thread. */
async function filesPerSecond(
  { program, images }: Reader,
  mode: 'read' | 'entropy',
  { files, threads }: FloorOptions,
): Promise<number> {
  const other = files.find((file) => !/^\.jpe?g$/i.test(extname(file)));
  if (mode === 'entropy' && other !== undefined) throw new Error('only JPEG files have it');
  const rates = await Promise.all(
    Array.from({ length: threads }, () => rateOf(program, [mode, images, '256'], files.length)),
  );
  return rates.reduce((a, b) => a + b, 0);
}

/** Of one process; it warms up, then works for 0.4 s. */
async function rateOf(program: string, args: readonly string[], files: number): Promise<number> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => undefined);
  child.on('error', () => undefined);
  for await (const line of createInterface(child.stdout)) {
    if (line === 'ready') {
      child.stdin.end('run\n');
      continue;
    }
    const { passes, seconds } = parseJson(line) as { passes: number; seconds: number };
    return (passes * files) / seconds;
  }
  throw new Error('it cannot read one of the files');
}
