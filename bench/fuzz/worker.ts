/** Runs one target in a thread of its own, for run.ts: see WorkerData and Report. */
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Dice, mutate } from '../safety/mutate.js';
import { isExpected, TARGETS, type Target } from './targets.js';

export interface WorkerData {
  readonly target: string;
  readonly seed: number;
  readonly seconds: number;
  /** Where to begin; a count to stop after, where one file is to be made again. */
  readonly from: number;
  readonly count: number;
  /** Where each file is kept before it is tried; nowhere for ''. */
  readonly save: string;
  /** Of two numbers: the file under way, and how far the clock was when it was begun, in ms. */
  readonly progress: SharedArrayBuffer;
}

export interface Finding {
  readonly iteration: number;
  readonly what: string;
}

export interface Report {
  readonly executions: number;
  readonly findings: readonly Finding[];
}

/** Growth of the resident set that is no parser's buffers any more. */
const MOST_BYTES = 1.5 * 2 ** 30;
const MOST_FINDINGS = 5;
/** A number in a text, and what it may become. */
const NUMBERS = ['0', '-1', '1e999', '1.5', '4294967296', '9007199254740993', '"1"', 'null', '[]'];

const data = workerData as WorkerData;

function changed(target: Target, files: readonly Buffer[], iteration: number): Buffer {
  const dice = new Dice(Math.imul(data.seed, 0x9e3779b1) + iteration);
  // Now and then a valid file as it is.
  const file = dice.of(files);
  if (dice.below(50) === 0) return Buffer.from(file);
  if (dice.below(4) > 0) return mutate(file, dice);
  // Text goes wrong by other numbers more than by other bits.
  let left = 1 + dice.below(4);
  const text = file
    .toString('latin1')
    .replace(/-?\d+(\.\d+)?/g, (number) =>
      left > 0 && dice.below(3) === 0 && left-- > 0 ? dice.of(NUMBERS) : number,
    );
  return Buffer.from(text, 'latin1');
}

async function run(): Promise<Report> {
  const target = TARGETS[data.target];
  if (target === undefined) throw new Error(`No target ${data.target}`);
  const files = await target.seeds();
  const progress = new Float64Array(data.progress);
  // In memory where that can be: most targets write each file before they read it.
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lungcls-'));
  const file = join(folder, 'input');
  const findings: Finding[] = [];
  const start = performance.now();
  const before = process.memoryUsage.rss();
  let iteration = data.from;
  try {
    while (performance.now() - start < data.seconds * 1000 && iteration - data.from < data.count) {
      const bytes = changed(target, files, iteration);
      if (data.save !== '') writeFileSync(data.save, bytes);
      progress[0] = iteration;
      progress[1] = Date.now();
      try {
        await target.run(bytes, file);
      } catch (error) {
        if (!isExpected(error)) findings.push({ iteration, what: wordsOf(error) });
      }
      const grown = process.memoryUsage.rss() - before;
      if (grown > MOST_BYTES) findings.push({ iteration, what: `took ${grown} bytes` });
      iteration++;
      if (findings.length >= MOST_FINDINGS) break;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { executions: iteration - data.from, findings };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

parentPort?.postMessage(await run());
