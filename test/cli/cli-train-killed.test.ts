/**
 * train, killed while it trains, while it writes a checkpoint, and stopped by Ctrl-C: the same command ends with what
 * an uninterrupted run gives, bit for bit. With the native first layer on the wasm backend.
 */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MersenneTwister } from '#src/dataset/random-state.js';
import { denseSupport } from '#src/native/addon.js';
import { sha256File } from '#src/storage/hash.js';
import { readTfRecords } from '#src/storage/tfrecord.js';
import { readScalar } from '#src/training/tensorboard/events.js';
import { readCsv } from './csv.js';
import { run, start, type Finished } from './program.js';
import { writeTiles } from '../fixtures/tiles.js';
import { RANDOM_BASE, tinyHome } from '../fixtures/tiny-home.js';

const EPOCHS = 4;
const BATCHES = 4;
const withKernel = denseSupport().available ? test : test.skip;

let root = '';
let env: Record<string, string> = {};

test.before(async (t) => {
  root = await mkdtemp(join(tmpdir(), 'lungcls-killed-'));
  env = { LUNGCLS_HOME: await tinyHome(), LUNGCLS_TF: 'wasm' };
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    await writeTiles(join(root, 'tiles', name), 12, 100 * i);
  }
  const { code, stderr } = await run([
    ...['preprocess', join(root, 'tiles'), '-o', join(root, 'store'), '--size', '96'],
  ]);
  t.is(code, 0, stderr);
});
test.after.always(async () => {
  await rm(root, { recursive: true, force: true });
});

function trainArgs(name: string): string[] {
  return [
    ...['train', join(root, 'store'), '-o', join(root, name), '--base', RANDOM_BASE],
    ...['--epochs', String(EPOCHS), '--batch-size', '8', '--target-accuracy', '1'],
    ...['--no-early-stopping', '--first-layer', 'native', '--checkpoint-minutes', '1e-9'],
    ...['--tensorboard', join(root, `${name}-curves`), '--tensorboard-batches', '1', '--json'],
  ];
}

const checkpointOf = (name: string): string => join(root, `${name}.partial`, 'checkpoint');

/** Where a run is, from its checkpoint; undefined before the first. */
function position(name: string): { epoch: number; batches: number } | undefined {
  try {
    const text = readFileSync(join(checkpointOf(name), 'state.json'), 'utf8');
    const state = JSON.parse(text) as { epoch: number; underWay?: { batches: number } };
    return { epoch: state.epoch, batches: state.underWay?.batches ?? 0 };
  } catch {
    return undefined;
  }
}

/** Whether a file of the checkpoint is half written. */
function writing(name: string): boolean {
  try {
    return readdirSync(checkpointOf(name)).some((file) =>
      /^\.(weights|optimizer).*\.tmp$/.test(file),
    );
  } catch {
    return false;
  }
}

/** Starts the run and sends it a signal once it has gone on by some batches and `moment` has come. */
async function interrupt(
  name: string,
  batches: number,
  signal: NodeJS.Signals,
  moment: () => boolean = () => true,
): Promise<Finished> {
  const count = (): number => {
    const { epoch, batches: more } = position(name) ?? { epoch: 0, batches: 0 };
    return epoch * BATCHES + more;
  };
  const target = count() + batches;
  const running = start(trainArgs(name), { env });
  const over = (): boolean => running.child.exitCode !== null;
  while (!over() && !(count() >= target && moment())) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  running.child.kill(signal);
  return await running.finished;
}

/** What may not depend on how often a run was interrupted. */
async function essence(name: string): Promise<unknown> {
  const model = join(root, name, 'model');
  const files = (await readdir(model, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return {
    model: await Promise.all(
      paths.map(async (path) => [path.slice(model.length), await sha256File(path)]),
    ),
    predictions: await readFile(join(root, name, 'predictions.csv'), 'utf8'),
    history: (await readCsv(join(root, name, 'history.csv'))).map((row) => row.slice(0, -1)),
  };
}

/** Points of the curves, sorted: `step tag`. */
async function points(name: string): Promise<string[]> {
  const folder = join(root, `${name}-curves`, 'train');
  const found: string[] = [];
  for (const file of await readdir(folder)) {
    for (const data of readTfRecords(await readFile(join(folder, file)))) {
      const scalar = readScalar(data);
      if (scalar !== undefined) found.push(`${String(scalar.step).padStart(3)} ${scalar.tag}`);
    }
  }
  return found.sort();
}

withKernel('killed or stopped at any moment, train ends with the same weights', async (t) => {
  const whole = await run(trainArgs('whole'), { env });
  t.is(whole.code, 0, whole.stderr);

  // Seeded, so that a failure can be looked into; the machine adds chance of its own.
  const random = new MersenneTwister(11);
  const within = await interrupt('killed', 1 + Math.floor(random.random() * 3), 'SIGKILL');
  t.is(within.signal, 'SIGKILL', within.stderr);
  const written = await interrupt('killed', 1, 'SIGKILL', () => writing('killed'));
  t.is(written.signal, 'SIGKILL', written.stderr);
  t.regex(written.stderr, /Continuing (in|after) epoch 1/);
  t.true(writing('killed'), 'it was killed while it wrote');
  const stopped = await interrupt('killed', 2, 'SIGINT');
  t.is(stopped.code, 130, stopped.stderr);
  t.regex(stopped.stderr, /error\[ABORTED\]: .*same command/);
  await t.throwsAsync(stat(join(root, 'killed')), { code: 'ENOENT' });

  const finished = await run(trainArgs('killed'), { env });
  t.is(finished.code, 0, finished.stderr);
  t.true((JSON.parse(finished.stdout) as { resumed: boolean }).resumed);
  t.regex(finished.stderr, /Continuing (in|after) epoch [123]/);
  t.deepEqual(await essence('killed'), await essence('whole'));
  // Trained twice in part, drawn once.
  const all = await points('killed');
  t.is(all.length, 2 * EPOCHS * BATCHES + 3 * EPOCHS);
  t.deepEqual(all, await points('whole'));
});
