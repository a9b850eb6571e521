/**
 * Classifying tiles: both engines and all precisions of this tool beside Keras's `model.predict` and
 * Python's onnxruntime fed by OpenCV, in one run, round by round in turn: the network alone, decoding
 * alone, from JPEG files to the result, one tile alone, peak memory. Writes inference.json and
 * inference.md.
 *
 *   npm run bench:inference -- --model run/model [--archive lc25000-lung-224.zip] [--rounds 3]
 *     [--tiles 224|768-420|768-444] [--python PYTHON] [--note TEXT] [-o bench/results]
 *
 * The tiles are those of the archive as they are; the larger ones are made from them.
 *
 * PYTHON needs opencv-python, onnxruntime and tensorflow (default: .venv's, LUNGCLS_PYTHON's). Also
 * needed: a C++ compiler, and the default base.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEFAULT_BASE } from '#src/config.js';
import { baseDirectory } from '#src/network/base-store.js';
import { availableThreads } from '#src/runtime/threads.js';
import { writeTileSets } from './decode/tiles.js';
import {
  inferenceTable,
  MODES,
  type Contender,
  type InferenceResults,
  type Mode,
} from './inference/results.js';
import { gigaflopPerTile } from '#src/bench/work.js';
import { describeMachine } from './machine.js';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join('bench', 'inference');
const FILES = 128;
const LATENCY_RUNS = 40;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    archive: { type: 'string', default: join('..', 'shared', 'data', 'lc25000-lung-224.zip') },
    tiles: { type: 'string', default: '224' },
    rounds: { type: 'string', default: '3' },
    python: { type: 'string' },
    note: { type: 'string', default: '' },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
if (values.model === undefined) throw new Error('Expected --model BUNDLE');
const model = values.model;

function findPython(): string {
  const candidates = [values.python, process.env['LUNGCLS_PYTHON'], join('.venv', 'bin', 'python')];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error('No Python with Keras: give one by --python');
  return found;
}

interface Answer {
  tilesPerSecond?: number;
  milliseconds?: number[];
  peakMiB: number;
}

/** A process that does what a line on its stdin says. */
class Runner {
  readonly #process;
  readonly #lines;

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async #read(): Promise<unknown> {
    const { done, value } = (await this.#lines.next()) as IteratorResult<string, undefined>;
    if (done === true) throw new Error('a process ended early');
    return JSON.parse(value);
  }

  async ready(): Promise<string> {
    return ((await this.#read()) as { ready: string }).ready;
  }

  async ask(mode: string, passes: number): Promise<Answer> {
    this.#process.stdin.write(`${mode} ${String(passes)}\n`);
    return (await this.#read()) as Answer;
  }

  end(): void {
    this.#process.stdin.end();
  }
}

function contenders(folder: string, threads: number, python: string): [string, Runner][] {
  const common = [folder, String(FILES), String(threads)];
  const ours = (kind: string): Runner =>
    new Runner(process.execPath, [join(here, 'inference', 'ours.js'), kind, ...common, model]);
  const peer = (kind: string, file: string): Runner =>
    new Runner(python, [join(sources, 'peer.py'), kind, ...common, file]);
  return [
    ['tfjs', ours('tfjs')],
    ['fp32', ours('fp32')],
    ['fp16', ours('fp16')],
    ['int8', ours('int8')],
    ['Keras', peer('keras', join(baseDirectory(DEFAULT_BASE), 'weights.safetensors'))],
    ['onnxruntime, fp32', peer('onnxruntime', join(model, 'model.onnx'))],
    ['onnxruntime, int8', peer('onnxruntime', join(model, 'model.int8.onnx'))],
  ];
}

/**
 * Fast work is done several times over, so that it can be measured; from files the more often, so that the
 * first batch, for which nothing is decoded ahead, and the last one, behind which nothing runs, weigh little.
 */
function passes(name: string, mode: Mode): number {
  if (mode === 'decode') return name.startsWith('onnxruntime') || name === 'Keras' ? 2 : 4;
  const fast = name.includes('int8');
  return mode === 'files' ? (fast ? 9 : 3) : fast ? 3 : 1;
}

await mkdir(values.output, { recursive: true });
const folder = await mkdtemp(join(tmpdir(), 'lungcls-inference-'));
const program = join(folder, 'fma_peak');
execFileSync(
  'c++',
  ['-O3', '-march=native', '-std=c++20', '-pthread', join(sources, 'fma_peak.cpp'), '-o', program],
  { stdio: 'inherit' },
);
const threads = availableThreads();
const peak = (): number => Number(execFileSync(program, [String(threads)], { encoding: 'utf8' }));
async function record(contenders: Contender[], fmaPeak: number[], what: string): Promise<void> {
  const results: InferenceResults = {
    machine: describeMachine(),
    date: new Date().toISOString().slice(0, 10),
    threads,
    files: FILES,
    what,
    gigaflopPerTile: gigaflopPerTile(),
    fmaPeak,
    note: values.note,
    contenders,
  };
  await writeFile(join(values.output, 'inference.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(join(values.output, 'inference.md'), inferenceTable(results));
}

const runners: [string, Runner][] = [];
try {
  const set = (await writeTileSets(values.archive, folder)).find(({ id }) => id === values.tiles);
  if (set === undefined) throw new Error(`No such tiles: ${values.tiles}`);
  const fmaPeak = [peak()];
  const found: Contender[] = [];
  for (const [name, runner] of contenders(set.folder, threads, findPython())) {
    runners.push([name, runner]);
    found.push({
      name,
      runsOn: await runner.ready(),
      rounds: { session: [], decode: [], files: [] },
      milliseconds: [],
      peakMiB: 0,
    });
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const mode of [...MODES, 'latency'] as const) {
      for (const [i, [name, runner]] of runners.entries()) {
        const own = found[i];
        if (own === undefined) continue;
        const times = mode === 'latency' ? LATENCY_RUNS : passes(name, mode);
        const answer = await runner.ask(mode, times);
        if (mode === 'latency') own.milliseconds.push(...(answer.milliseconds ?? []));
        else own.rounds[mode].push(answer.tilesPerSecond ?? NaN);
        own.peakMiB = Math.max(own.peakMiB, answer.peakMiB);
        console.error(`${mode} ${name}: ${answer.tilesPerSecond?.toFixed(1) ?? ''}`);
      }
    }
    fmaPeak.push(peak());
    // After every round, so that a run that is stopped leaves those that are whole.
    await record(found, fmaPeak, set.what);
  }
} finally {
  for (const [, runner] of runners) runner.end();
  await rm(folder, { recursive: true, force: true });
}
