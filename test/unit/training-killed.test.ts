/** Killed while it trains and while it validates, again and again, training ends with the same weights. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { denseSupport } from '#src/native/addon.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { smallFit } from '../fixtures/training/small-fit.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/training/small-fit.js', import.meta.url));
const EPOCHS = 6;
const withKernel = denseSupport().available ? test : test.skip;

/** Trains in a process of its own that says a word, stands still and is killed; returns all it said. */
async function killedAt(folder: string, word: string, minutes: string): Promise<string> {
  const args = [PROGRAM, folder, 'wasm', 'native', 'recipe', String(EPOCHS), '20', minutes, word];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes(word)) break;
  }
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return said;
}

withKernel('killed in training and in validation, it ends with the same weights', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'lungcls-killed-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const tensorflow = await loadTensorflow('wasm');
  const settings = { epochs: EPOCHS, earlyStopping: false };
  const common = { tensorflow, native: true, settings };
  const whole = await smallFit({ ...common, folder: join(root, 'whole') });

  const folder = join(root, 'killed');
  /** What the checkpoint says: epochs done, batches of the next. */
  const stored = async (): Promise<[number, number]> => {
    const text = await readFile(join(folder, 'checkpoint', 'state.json'), 'utf8');
    const state = JSON.parse(text) as { epoch: number; underWay?: { batches: number } };
    return [state.epoch, state.underWay?.batches ?? 0];
  };
  // Four batches an epoch, two of validation. With a checkpoint after every batch, and after epochs alone.
  t.true((await killedAt(folder, 'at validate 1 1.', '1e-9')).includes('at validate 1 1.'));
  t.deepEqual(await stored(), [0, 3]);
  const second = await killedAt(folder, 'at train 3 3.', '1e-9');
  t.true(second.startsWith('Continuing in epoch 1 of 6, after batch 3\n'), second);
  t.is((await stored())[0], 2);
  t.true((await stored())[1] >= 2);
  t.true((await killedAt(folder, 'at validate 5 2.', '0')).includes('at validate 5 2.'));
  const [epochs, batches] = await stored();
  t.true(epochs === 4 || epochs === 5, String(epochs));
  t.is(batches, 0);

  const resumed = await smallFit({ ...common, folder });
  const bytes = ({ weights }: typeof whole): unknown =>
    [...weights].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('hex')]);
  t.deepEqual(bytes(resumed), bytes(whole));
  const withoutTime = ({ history }: typeof whole): unknown =>
    history.map((record) => ({ ...record, seconds: 0 }));
  t.deepEqual(withoutTime(resumed), withoutTime(whole));
});
