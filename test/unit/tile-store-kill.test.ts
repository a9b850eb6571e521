/** Killed at any moment, preprocess goes on with the same command and gives the same bytes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { MersenneTwister } from '#src/dataset/random-state.js';
import { sha256File } from '#src/storage/hash.js';
import { jpeg, temporaryFolder } from '../fixtures/dataset/folders.js';

const CHILD = fileURLToPath(new URL('../fixtures/dataset/preprocess-child.js', import.meta.url));

interface Line {
  done?: number;
  error?: string;
  result?: { rows: number; resumed: boolean; alreadyDone: number };
}

/** Runs preprocess in a process of its own; kills it `afterMs` after its first progress. */
async function run(options: object, afterMs?: number): Promise<Line | undefined> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last: Line | undefined;
  let timer: NodeJS.Timeout | undefined;
  const closed = once(child, 'close');
  for await (const text of createInterface({ input: child.stdout })) {
    last = JSON.parse(text) as Line;
    if (afterMs !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
  }
  await closed;
  clearTimeout(timer);
  return last;
}

async function hashes(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const all = await Promise.all(names.map((name) => sha256File(join(folder, name))));
  return Object.fromEntries(names.map((name, i) => [name, all[i] ?? '']));
}

test('killed again and again, the store is that of an uninterrupted run', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'in');
  // Few different images, many files: about two seconds of work on one thread.
  await mkdir(join(root, 'kinds'));
  for (let i = 0; i < 8; i++) {
    await writeFile(join(root, 'kinds', String(i)), await jpeg(i, 700 + i, 700));
  }
  await writeFile(join(root, 'kinds', '8'), 'broken');
  for (const name of ['a', 'b']) {
    await mkdir(join(input, name), { recursive: true });
    for (let i = 0; i < 450; i++) {
      await copyFile(
        join(root, 'kinds', String((i * i) % 9)),
        join(input, name, `${String(i)}.jpeg`),
      );
    }
  }
  const options = { input, size: 128, threads: 1 };
  const whole = await run({ ...options, output: join(root, 'whole') });
  t.is(whole?.error, undefined);
  t.true((whole?.result?.rows ?? 0) > 500);

  // Seeded, so that a failure can be looked into; the machine adds chance of its own.
  const twister = new MersenneTwister(7);
  const output = join(root, 'killed');
  const progress: number[] = [];
  let last: Line | undefined;
  /** Images whose work had reached the disk when the process before was killed. */
  let left = 0;
  const journaled = async (): Promise<number> => {
    const text = await readFile(join(`${output}.partial`, 'journal'), 'utf8').catch(() => '');
    return text.split('\n').length - 1;
  };
  for (let kills = 0; kills < 20 && last?.result === undefined; kills++) {
    left = await journaled();
    last = await run({ ...options, output }, 20 + twister.random() * (400 + kills * 200));
    t.is(last?.error, undefined);
    if (last?.result === undefined) progress.push(last?.done ?? 0);
  }
  if (last?.result === undefined) {
    left = await journaled();
    last = await run({ ...options, output });
  }
  t.log(`done when killed: ${progress.join(', ')}`);
  t.true(progress.length > 0, 'it was killed at least once');
  // On a disk that is slow just then, that may be nothing.
  t.is(last?.result?.resumed, left > 0, 'work was found again');
  t.deepEqual(await hashes(output), await hashes(join(root, 'whole')));
  t.deepEqual((await readdir(root)).sort(), ['in', 'killed', 'kinds', 'whole']);
});
