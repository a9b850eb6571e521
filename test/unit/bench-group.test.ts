/** Groups of trials that only pretend to work: fast, wrong, missing, crashing, hanging. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { runGroup, type Contender, type GroupJob, type GroupResult } from '#src/bench/group-run.js';
import { TrialProcess } from '#src/bench/trial-process.js';

const FAKE = fileURLToPath(new URL('../fixtures/bench/fake-trial.js', import.meta.url));

function contender(mode: string, variant: string): Contender {
  return {
    plan: {
      variant,
      name: `the ${variant}`,
      kind: 'onnx',
      check: { kind: 'within', maxDifference: 1e-4 },
    },
    command: { program: process.execPath, args: [FAKE, mode] },
    spec: {
      ...{ workload: 'fake', variant, files: 'none', tiles: null, model: null, onnx: null },
      ...{ size: 8, batch: 1, threads: 1, checkTiles: 2 },
    },
  };
}

async function group(
  t: ExecutionContext,
  contenders: readonly Contender[],
  changes: Partial<GroupJob> = {},
): Promise<GroupResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-group-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return await runGroup({
    ...{ suite: 'fake', workload: 'fake', group: 'one', contenders, folder },
    ...{ rounds: 3, roundSeconds: 0.01, environment: {}, signal: undefined },
    ...changes,
  });
}

test('trials are measured in turns, and compared round by round', async (t) => {
  const order: string[] = [];
  const { trials, comparisons } = await group(
    t,
    [contender('right', 'slow 100'), contender('noisy', 'fast 250')],
    { onRound: (_done, _total, name) => order.push(name) },
  );
  t.deepEqual(order, [
    'the slow 100',
    'the fast 250',
    'the fast 250',
    'the slow 100',
    'the slow 100',
    'the fast 250',
  ]);
  const [slow, fast] = trials;
  t.is(slow?.status, 'ok');
  t.true(slow?.reference);
  t.is(slow?.tilesPerSecond?.median, 100);
  t.is(fast?.status, 'ok');
  t.is(fast?.check?.against, 'the slow 100');
  t.true(fast?.check?.ok);
  t.deepEqual(fast?.latencyMs, { p50: 15, p95: 20, p99: 20, count: 6 });
  t.deepEqual(fast?.stagesMs, { decode: 1, network: 3 });
  t.is(fast?.bottleneck, 'network');
  t.is(fast?.peakRssBytes, 123_000_000);
  t.deepEqual(fast?.versions, { fake: '1.0' });
  t.is(comparisons.length, 1);
  t.deepEqual(comparisons[0]?.ratios, [2.5, 2.5, 2.5]);
  t.is(comparisons[0]?.against, 'slow 100');
});

for (const mode of ['wrong', 'nan', 'shape']) {
  test(`a fast trial with a wrong answer is wrong, not fast: ${mode}`, async (t) => {
    const { trials, comparisons } = await group(t, [
      contender('right', 'slow 100'),
      contender(mode, 'fast 900'),
    ]);
    t.is(trials[1]?.status, 'wrong');
    t.regex(trials[1]?.reason ?? '', /^its answer: /);
    t.deepEqual(comparisons, []);
    // Its rounds are kept: every raw sample is.
    t.is(trials[1]?.rounds.length, 3);
  });
}

test('what is missing is named, and the others go on; the reference is the first with an answer', async (t) => {
  const { trials, comparisons } = await group(t, [
    contender('missing', 'peer'),
    contender('right', 'slow 100'),
    contender('right', 'fast 200'),
  ]);
  t.is(trials[0]?.status, 'missing');
  t.is(trials[0]?.reason, 'a-package');
  t.is(trials[0]?.tilesPerSecond, null);
  t.true(trials[1]?.reference);
  t.is(comparisons[0]?.ratio.median, 2);
});

test('a crash, before or in a round, ends that trial alone', async (t) => {
  const { trials } = await group(t, [
    contender('early', 'a'),
    contender('crash', 'b'),
    contender('broken', 'c'),
    contender('right', 'd 100'),
  ]);
  t.deepEqual(
    trials.map(({ status }) => status),
    ['failed', 'failed', 'failed', 'ok'],
  );
  t.is(trials[0]?.reason, 'it ended with exit code 3: ImportError: no module named nothing');
  t.is(trials[1]?.reason, 'it ended with exit code 7');
  t.regex(trials[2]?.reason ?? '', /broke the protocol/);
  t.is(trials[1]?.rounds.length, 1);
});

test('a program that is not there is a failed trial', async (t) => {
  const { trials } = await group(t, [
    { ...contender('right', 'a'), command: { program: 'lungcls-no-such-program', args: [] } },
  ]);
  t.is(trials[0]?.status, 'failed');
  t.regex(trials[0]?.reason ?? '', /ENOENT/);
});

test('a trial that says nothing is given up, and killed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-hang-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const trial = new TrialProcess({
    program: process.execPath,
    args: ['-e', 'setInterval(() => {}, 1000)'],
  });
  await t.throwsAsync(trial.expect(['ready'], 300), { code: 'INTERNAL', message: /said nothing/ });
  await trial.close();
});

test('stopping ends every process', async (t) => {
  const stop = new AbortController();
  const running = group(t, [contender('hang', 'a'), contender('right', 'b 100')], {
    signal: stop.signal,
    onRound: () => {
      stop.abort();
    },
  });
  await t.throwsAsync(running, { code: 'ABORTED' });
});
