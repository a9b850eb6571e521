/** The whole command on a few small tiles and the tiny model: real trials in real processes. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { benchProblem } from '#src/bench/read.js';
import type { BenchResults } from '#src/bench/results.js';
import { tileJpeg } from '../fixtures/tiles.js';
import { tinyBundle } from '../fixtures/tiny-bundle.js';
import { run } from './program.js';

async function images(folder: string): Promise<string> {
  for (const [label, name] of ['lung_aca', 'lung_n'].entries()) {
    await mkdir(join(folder, 'tiles', name), { recursive: true });
    for (let i = 0; i < 4; i++) {
      await writeFile(join(folder, 'tiles', name, `${i}.jpeg`), await tileJpeg(100 * label + i));
    }
  }
  // One that is no image is left out.
  await writeFile(join(folder, 'tiles', 'lung_n', 'broken.jpeg'), 'no image');
  return join(folder, 'tiles');
}

test('bench measures, checks, writes three files, and compares', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-cli-bench-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await images(folder);
  const model = await tinyBundle();
  const args = [
    ...[
      'bench',
      '--suite',
      'decode,store,session,end-to-end,latency',
      '--images',
      'tiles',
      '--model',
      model,
    ],
    ...['--duration', '0.3', '--batch-sizes', '2', '--threads', '1', '--json', '-o', 'out'],
  ];
  const first = await run(args, { cwd: folder });
  t.is(first.code, 0, first.stderr);
  const results = JSON.parse(first.stdout) as BenchResults;
  t.is(benchProblem(results), undefined);
  const text = await readFile(join(folder, 'out', 'bench.json'), 'utf8');
  t.is(benchProblem(JSON.parse(text)), undefined);
  // No path of this machine: the images as they were given, the model, which was absolute, by its last part.
  t.is(results.images.what, 'tiles');
  t.is(results.images.files, 8);
  t.notRegex(text, /"[^"]*(?:\/tmp|\/home|\/root|\/work)\//);

  const of = (workload: string): BenchResults['trials'] =>
    results.trials.filter((trial) => trial.workload === workload);
  for (const workload of ['decode', 'store', 'session', 'end-to-end', 'latency']) {
    t.true(of(workload).length >= 2, workload);
    for (const trial of of(workload)) {
      t.is(trial.status, 'ok', `${workload}, ${trial.name}: ${trial.reason}`);
      t.is(trial.rounds.length, 3);
      t.true((trial.peakRssBytes ?? 0) > 10e6);
    }
    t.is(of(workload).filter(({ reference }) => reference).length, 1, workload);
  }
  t.is(of('decode').find(({ variant }) => variant === 'cv2-scalar')?.check?.maxDifference, 0);
  const kinds = new Set(of('session').map(({ kind }) => kind));
  t.true(kinds.has('onnx') && kinds.has('tfjs'));
  for (const trial of of('end-to-end')) {
    t.deepEqual(Object.keys(trial.stagesMs ?? {}), [
      'read',
      'decode and resize',
      'network',
      'write',
    ]);
    const [slowest] = Object.entries(trial.stagesMs ?? {}).sort(([, a], [, b]) => b - a);
    t.is(trial.bottleneck, slowest?.[0] ?? '');
  }
  t.true((of('latency')[0]?.latencyMs?.p99 ?? 0) > 0);
  t.true(results.comparisons.length > 5);
  t.regex(await readFile(join(folder, 'out', 'bench.md'), 'utf8'), /## end-to-end/);
  t.regex(await readFile(join(folder, 'out', 'bench.html'), 'utf8'), /^<!doctype html>/);

  const again = await run(args, { cwd: folder });
  t.is(again.code, 1);
  t.regex(again.stderr, /error\[OUTPUT_EXISTS\]/);

  const same = await run(['bench', '--compare', 'out/bench.json', 'out/bench.json'], {
    cwd: folder,
  });
  t.is(same.code, 0);
  t.regex(same.stdout, /^0 faster, 0 slower, 0 broken, \d+ the same within the noise\n$/);
});
