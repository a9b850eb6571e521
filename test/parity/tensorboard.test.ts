/** Curves as TensorBoard itself reads them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { TensorBoard } from '#src/training/tensorboard/board.js';
import { pythonReference, runPython } from '../fixtures/python.js';
import { record } from '../fixtures/training/records.js';

const python = pythonReference(['tensorboard', 'numpy']);
const withTensorBoard = python === undefined ? test.skip : test;

withTensorBoard('TensorBoard shows every curve of a run that was interrupted', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lungcls-board-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const options = { directory: join(directory, 'run'), run: 'one', force: false, everyBatches: 1 };
  const history = [1, 2, 3, 4].map(record);
  for (const epochs of [2, 4]) {
    await using board = await TensorBoard.open({ ...options, resumed: epochs > 2 });
    for (let step = 1; step <= 150 * epochs; step++) await board.batch(step, 1 / step, 0.5);
    await board.epochs(history.slice(0, epochs));
  }
  type Runs = Record<string, Record<string, [number, number][]>>;
  const output = runPython(python ?? '', 'tensorboard/read_scalars.py', [directory]);
  const runs = JSON.parse(output) as Runs;
  const f = Math.fround;
  const curve = (value: (e: (typeof history)[number]) => number): [number, number][] =>
    history.map((e) => [e.epoch - 1, f(value(e))]);
  const batches = Array.from({ length: 600 }, (_, i) => i + 1);
  t.deepEqual(runs, {
    'run/train': {
      epoch_loss: curve((e) => e.loss),
      epoch_accuracy: curve((e) => e.accuracy),
      epoch_learning_rate: curve((e) => e.learningRate),
      batch_loss: batches.map((step) => [step, f(1 / step)]),
      batch_accuracy: batches.map((step) => [step, 0.5]),
    },
    'run/validation': {
      epoch_loss: curve((e) => e.valLoss),
      epoch_accuracy: curve((e) => e.valAccuracy),
    },
  });
});
