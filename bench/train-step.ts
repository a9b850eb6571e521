/**
 * Seconds a training step of the recipe's head takes, by what computes its first layer: processes that
 * stay alive take turns, so that whatever else the machine does meets all alike. Features come from a
 * mapped file, as in `train`. Writes `train-step.json` and `train-step.md`.
 *
 *   npm run bench:train-step -- [--rounds 9] [--tiles 512] [--zeros 0.88 | --features FILE.npy]
 *                               [--note TEXT] [-o bench/results]
 *
 * Its speed depends on how many features are zero: `--features` takes tiles of a file that `train` wrote.
 */
import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RECIPE, type TfChoice } from '#src/config.js';
import { tensorflowProblem } from '#src/runtime/tensorflow.js';
import { describeMachine } from './machine.js';
import { copyFeatures, writeFeatures } from './train-step-features.js';

const child = fileURLToPath(new URL('./train-step-child.js', import.meta.url));
const LIBTENSORFLOW: TfChoice =
  tensorflowProblem('tfjs-node-gpu') === undefined ? 'tfjs-node-gpu' : 'tfjs-node';
/** The first is what the others are compared with. */
const VARIANTS = [
  { name: 'plain tfjs on libtensorflow', choice: LIBTENSORFLOW, layer: 'tfjs' },
  { name: 'native first layer, rest on libtensorflow', choice: LIBTENSORFLOW, layer: 'native' },
  { name: 'native first layer, rest on wasm', choice: 'wasm', layer: 'native' },
] as const;

interface Pass {
  secondsPerStep: number;
  privateMiB: number;
}

/** A child that does a pass when told to. */
class Runner {
  readonly #process;
  readonly #lines;

  constructor(args: readonly string[]) {
    this.#process = spawn(process.execPath, [child, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async read(): Promise<unknown> {
    const { done, value } = (await this.#lines.next()) as IteratorResult<string, undefined>;
    if (done === true) throw new Error('a process ended early');
    return JSON.parse(value);
  }

  async pass(): Promise<Pass> {
    this.#process.stdin.write('pass\n');
    return (await this.read()) as Pass;
  }

  end(): void {
    this.#process.stdin.end('end\n');
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    tiles: { type: 'string', default: '512' },
    /** Share of the made-up features that are zero; as in the lung half of LC25000. */
    zeros: { type: 'string', default: '0.88' },
    features: { type: 'string' },
    /** What a reader must know, such as what else the machine was doing. */
    note: { type: 'string', default: '' },
    work: { type: 'string', default: join('build', 'bench-train-step') },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
await mkdir(values.work, { recursive: true });
await mkdir(values.output, { recursive: true });
const features = join(values.work, 'features.f16');
const zeros =
  values.features === undefined
    ? await writeFeatures(features, Number(values.tiles), Number(values.zeros))
    : await copyFeatures(values.features, features, Number(values.tiles));
const machine = describeMachine();
const loadBefore = loadavg()[0] ?? 0;
const runners = VARIANTS.map(
  ({ choice, layer }) => new Runner([features, values.tiles, choice, layer]),
);
const passes: Pass[][] = VARIANTS.map(() => []);
const described: unknown[] = [];
try {
  for (const runner of runners) described.push(await runner.read());
  for (const runner of runners) await runner.pass(); // warms up
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [i, runner] of runners.entries()) passes[i]?.push(await runner.pass());
    console.error(
      passes.map((own) => ((own.at(-1)?.secondsPerStep ?? NaN) * 1000).toFixed(1)).join('  '),
    );
  }
} finally {
  for (const runner of runners) runner.end();
  await rm(values.work, { recursive: true, force: true });
}

const plain = passes[0] ?? [];
const results = VARIANTS.map(({ name }, i) => {
  const own = passes[i] ?? [];
  const seconds = own.map(({ secondsPerStep }) => secondsPerStep);
  return {
    name,
    ...(described[i] as object),
    medianSeconds: median(seconds),
    leastSeconds: Math.min(...seconds),
    // Of passes that followed on each other.
    timesFaster: median(own.map((p, k) => (plain[k]?.secondsPerStep ?? NaN) / p.secondsPerStep)),
    privateMiB: Math.round(Math.max(...own.map((p) => p.privateMiB))),
    seconds,
  };
});
const report = {
  machine,
  loadBefore,
  batchSize: RECIPE.batchSize,
  tiles: Number(values.tiles),
  rounds: Number(values.rounds),
  features: values.features === undefined ? 'made up' : 'stored by train',
  zeros,
  note: values.note,
  results,
};
await writeFile(join(values.output, 'train-step.json'), `${JSON.stringify(report, null, 2)}\n`);
const three = (value: number): string => value.toFixed(3);
await writeFile(
  join(values.output, 'train-step.md'),
  [
    '# A training step of the recipe’s head',
    '',
    'Made by `npm run bench:train-step`; every figure is in `train-step.json`.',
    '',
    `Machine: ${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.extensions.join(' ')}; ` +
      `${machine.os}; Node ${machine.node}; commit ${machine.commit}. Load before: ${loadBefore.toFixed(1)}.`,
    '',
    `Batches of ${String(RECIPE.batchSize)}, gathered from a mapped file while the batch before trains; ` +
      `medians of ${values.rounds} rounds in which the processes took turns. ` +
      `Features: ${report.features}, ${(zeros * 100).toFixed(1)} % of them zero.`,
    '',
    '| first layer, and what trains the rest | seconds a step | best round | times faster | memory, MiB (mapped files not counted) |',
    '| --- | --- | --- | --- | --- |',
    ...results.map(
      (r) =>
        `| ${r.name} | ${three(r.medianSeconds)} | ${three(r.leastSeconds)} | ${r.timesFaster.toFixed(2)} | ${String(r.privateMiB)} |`,
    ),
    '',
    ...(values.note === '' ? [] : [values.note, '']),
  ].join('\n'),
);
