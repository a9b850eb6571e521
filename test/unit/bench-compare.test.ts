import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compareBenches, comparisonLines } from '#src/bench/compare.js';
import { benchProblem, readBench } from '#src/bench/read.js';
import type { BenchResults } from '#src/bench/results.js';
import { writeResults } from '#src/bench/write.js';
import { benchResults, madeTrial, type MadeTrial } from '../fixtures/bench/results.js';

const bench = (...trials: MadeTrial[]): BenchResults =>
  benchResults({ trials: trials.map(madeTrial) });
const one = (rate: number, more: Partial<MadeTrial> = {}): BenchResults =>
  bench({ workload: 'session', variant: 'onnx-fp32', rate, ...more });
const kind = (old: BenchResults, now: BenchResults): string | undefined =>
  compareBenches(old, now).changes[0]?.kind;

test('what changed by more than the noise is told, and by how much', (t) => {
  t.is(kind(one(100), one(150)), 'faster');
  t.is(kind(one(150), one(100)), 'slower');
  const [change] = compareBenches(one(100), one(150)).changes;
  t.true(Math.abs((change?.ratio ?? 0) - 1.5) < 1e-9);
});

test('the same again is the same, and so is what noise explains', (t) => {
  t.is(kind(one(100), one(100)), 'same');
  t.is(kind(one(100), one(102)), 'same');
  // The same step on a steady and on an unsteady machine.
  t.is(kind(one(100, { scatter: 0.001 }), one(110, { scatter: 0.001 })), 'faster');
  t.is(kind(one(100, { scatter: 0.1 }), one(110, { scatter: 0.1 })), 'same');
  const shaky = benchResults().noise;
  t.is(
    kind(one(100, { scatter: 0.001 }), {
      ...one(110, { scatter: 0.001 }),
      noise: { ...shaky, probe: 0.2 },
    }),
    'same',
  );
});

test('a right answer that became wrong is broken, however fast', (t) => {
  t.is(kind(one(100), one(900, { status: 'wrong' })), 'broken');
  t.is(kind(one(100), one(100, { status: 'failed' })), 'broken');
  t.is(kind(one(100, { status: 'wrong' }), one(90)), 'mended');
  t.is(kind(one(100, { status: 'missing' }), one(90, { status: 'missing' })), 'same');
});

test('trials of one side alone are named', (t) => {
  const other: MadeTrial = { workload: 'session', variant: 'onnx-int8', rate: 5 };
  const { changes } = compareBenches(one(100), bench(other));
  t.deepEqual(
    changes.map((change) => [change.variant, change.kind]),
    [
      ['onnx-int8', 'new'],
      ['onnx-fp32', 'gone'],
    ],
  );
});

test('another machine or other images are a warning', (t) => {
  const old = benchResults();
  const now = benchResults({
    machine: { ...old.machine, cpu: 'Another' },
    images: { ...old.images, what: 'others' },
  });
  const { warnings } = compareBenches(old, now);
  t.deepEqual(warnings, [
    'Another CPU: A processor, then Another',
    'Another images: tiles, then others',
  ]);
});

test('the lines begin with what is worst, and end with a count', (t) => {
  const old = bench(
    { workload: 'w', variant: 'a', rate: 100 },
    { workload: 'w', variant: 'b', rate: 100 },
    { workload: 'w', variant: 'c', rate: 100 },
  );
  const now = bench(
    { workload: 'w', variant: 'a', rate: 200 },
    { workload: 'w', variant: 'b', rate: 100 },
    { workload: 'w', variant: 'c', rate: 100, status: 'wrong', reason: 'its answer' },
  );
  const lines = comparisonLines(compareBenches(old, now));
  t.regex(lines[0] ?? '', /^broken .*w, batch 8, 2 threads: c \(wrong: its answer\)$/);
  t.regex(lines[1] ?? '', /^faster {2}2\.00 times .*: a \(100 to 200 tiles\/s; noise \d+ %\)$/);
  t.is(lines.at(-1), '1 faster, 0 slower, 1 broken, 1 the same within the noise');
});

test('what is written is read again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-bench-'));
  await writeResults(folder, benchResults());
  const read = await readBench(join(folder, 'bench.json'));
  t.is(read.trials.length, benchResults().trials.length);
  t.deepEqual(
    compareBenches(benchResults(), read).changes.filter(({ kind: k }) => k !== 'same'),
    [],
  );
});

const SPOILT: Record<string, (good: BenchResults) => unknown> = {
  'no object': () => [],
  'another format': (good) => ({ ...good, format: 'other' }),
  'a later version': (good) => ({ ...good, version: 2 }),
  'no machine': (good) => ({ ...good, machine: null }),
  'no noise': (good) => ({ ...good, noise: {} }),
  'no trials': (good) => ({ ...good, trials: {} }),
  'a trial without rounds': (good) => ({ ...good, trials: [{ ...good.trials[0], rounds: 3 }] }),
  'a round without seconds': (good) => ({
    ...good,
    trials: [{ ...good.trials[0], rounds: [{ round: 0, tiles: 3 }] }],
  }),
  'no comparisons': (good) => ({ ...good, comparisons: undefined }),
};

for (const [what, spoil] of Object.entries(SPOILT)) {
  test(`a bench.json is refused: ${what}`, async (t) => {
    t.is(benchProblem(benchResults()), undefined);
    t.is(typeof benchProblem(spoil(benchResults())), 'string');
    const path = join(await mkdtemp(join(tmpdir(), 'lungcls-bench-')), 'bench.json');
    await writeFile(path, JSON.stringify(spoil(benchResults())));
    await t.throwsAsync(readBench(path), { code: 'RESULTS_INVALID' });
  });
}

test('no file, and no JSON', async (t) => {
  const path = join(await mkdtemp(join(tmpdir(), 'lungcls-bench-')), 'bench.json');
  await t.throwsAsync(readBench(path), { code: 'INPUT_NOT_FOUND' });
  await writeFile(path, '{');
  await t.throwsAsync(readBench(path), { code: 'RESULTS_INVALID' });
});
