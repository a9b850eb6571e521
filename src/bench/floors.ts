/** What the machine can do, measured in the run, so that every figure stands beside its limit. */
import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { measureMachinePeak } from '../native/addon.js';
import { parseJson } from '../storage/json.js';
import { PACKAGE_ROOT } from './machine.js';
import type { Floors } from './results.js';

const execute = promisify(execFile);

const PEAK_SECONDS = 0.5;
const READ_SECONDS = 0.3;

export interface FloorOptions {
  readonly threads: number;
  /** Paths of the image files. */
  readonly files: readonly string[];
  /** A folder for what is compiled. */
  readonly folder: string;
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
  const read = await attempt('floor: file reading', () => fileReadGBs(options));
  const entropy = await attempt('floor: entropy decoding', () => entropyTilesPerSecond(options));
  return {
    floors: {
      memoryReadGBs: peak?.readGBs ?? null,
      memoryCopyGBs: peak?.copyGBs ?? null,
      fp32Gflops: peak?.fp32Gflops ?? null,
      int8Gops: peak?.int8Gops ?? null,
      entropyTilesPerSecond: entropy,
      fileReadGBs: read,
    },
    skipped,
  };
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? '';
}

/** Of files that the system has in its cache, as many at a time as there are threads. */
async function fileReadGBs({ files, threads }: FloorOptions): Promise<number> {
  for (const file of files) await readFile(file);
  const start = performance.now();
  let bytes = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    do bytes += (await readFile(files[next++ % files.length] ?? '')).byteLength;
    while (performance.now() - start < 1000 * READ_SECONDS);
  };
  await Promise.all(Array.from({ length: threads }, worker));
  return bytes / 1e9 / ((performance.now() - start) / 1000);
}

/**
 * libjpeg-turbo reading the coefficients of each file and nothing else, a process on each thread. The
 * program is compiled in the run; without a compiler or libjpeg's headers there is no figure.
 */
async function entropyTilesPerSecond({ files, threads, folder }: FloorOptions): Promise<number> {
  const source = join(PACKAGE_ROOT, 'bench', 'decode', 'libjpeg.cpp');
  if (!existsSync(source)) throw new Error('its source is not in this package');
  const other = files.find((file) => !/^\.jpe?g$/i.test(extname(file)));
  if (other !== undefined) throw new Error('only JPEG files have it');
  const program = join(folder, 'entropy');
  await execute('c++', ['-O3', '-std=c++20', source, '-ljpeg', '-o', program]);
  const images = join(folder, 'entropy-images');
  await mkdir(images);
  for (const [i, file] of files.entries()) {
    await symlink(resolve(file), join(images, `${String(i).padStart(6, '0')}.jpeg`));
  }
  const rates = await Promise.all(
    Array.from({ length: threads }, () => entropyRate(program, images, files.length)),
  );
  return rates.reduce((a, b) => a + b, 0);
}

/** Of one process; it warms up, then works for 0.4 s. */
async function entropyRate(program: string, images: string, files: number): Promise<number> {
  const child = spawn(program, ['entropy', images, '256'], { stdio: ['pipe', 'pipe', 'ignore'] });
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
