import { execFile, execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { decodeTiles } from '#src/imaging/decoder.js';
import { loadAddon } from '#src/native/addon.js';
import { repositoryRoot } from '../fixtures/shared-data.js';
import { writeTiles } from '../fixtures/tiles.js';

const run = promisify(execFile);
const DECODER = new URL('dist/imaging/decoder.js', `file://${repositoryRoot}/`).href;
const ROWS = new URL('dist/native/addon.js', `file://${repositoryRoot}/`).href;

const folder = await mkdtemp(join(tmpdir(), 'lungcls-threads-'));
const files = await writeTiles(folder, 8);
test.after.always(() => rm(folder, { recursive: true, force: true }));

const sources = (count: number): { path: string; file: string }[] =>
  Array.from({ length: count }, (_, i) => ({ path: String(i), file: files[i % 8] ?? '' }));

/** A module that decodes for `rounds` batches of the files in `work`, then does `end`. */
function script(rounds: number, end: string): string {
  return `
    import { decodeTiles } from ${JSON.stringify(DECODER)};
    import { createHash } from 'node:crypto';
    import { parentPort } from 'node:worker_threads';
    const files = ${JSON.stringify(files)};
    const sources = Array.from({ length: 4000 }, (_, i) => ({ path: '', file: files[i % 8] }));
    const hash = createHash('sha256');
    let rounds = 0;
    for await (const batch of decodeTiles(sources, { size: 64, batchSize: 16, slots: 4 })) {
      hash.update(batch.tiles);
      batch.release();
      if (++rounds === ${String(rounds)}) break;
    }
    ${end}`;
}

function startWorker(source: string): Worker {
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
}

async function messageFrom(worker: Worker): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => {
      reject(new Error(`exit ${String(code)}`));
    });
  });
}

async function exitOf(worker: Worker): Promise<number> {
  return await new Promise((resolve) => worker.once('exit', resolve));
}

test('worker threads decode at the same time, with the same pixels', async (t) => {
  const workers = Array.from({ length: 4 }, () =>
    startWorker(script(30, `parentPort.postMessage(hash.digest('hex'));`)),
  );
  const hashes = await Promise.all(workers.map(messageFrom));
  t.is(new Set(hashes).size, 1);
  t.regex(String(hashes[0]), /^[0-9a-f]{64}$/);
});

test.serial('decoders in worker threads share one CPU budget, the size of the pool', async (t) => {
  const addon = loadAddon();
  const budget = addon.threads();
  addon.takeThreadPeak();
  // Three decoders in each of four worker threads, each of which would take the whole pool.
  const decoder = script(12, '').replace('import { parentPort }', 'export {}; import { parentPort }');
  const worker = `
    ${decoder.slice(0, decoder.indexOf('const hash ='))}
    await Promise.all([1, 2, 3].map(async () => {
      let rounds = 0;
      const options = { size: 64, batchSize: 16, slots: 4, threads: ${String(budget)} };
      for await (const batch of decodeTiles(sources, options)) {
        batch.release();
        if (++rounds === 12) break;
      }
    }));
    parentPort.postMessage('done');`;
  const workers = Array.from({ length: 4 }, () => startWorker(worker));
  t.deepEqual(await Promise.all(workers.map(messageFrom)), ['done', 'done', 'done', 'done']);
  const peak = addon.takeThreadPeak();
  t.true(peak >= 1 && peak <= budget, `${String(peak)} threads of ${String(budget)}`);
  t.is(addon.threads(), budget);
});

test.serial('a worker thread may end with work in flight', async (t) => {
  const bytes = loadAddon().nativeBytes();
  for (let i = 0; i < 10; i++) {
    const worker = startWorker(
      `import { decodeTiles } from ${JSON.stringify(DECODER)};
       const files = ${JSON.stringify(files)};
       const sources = Array.from({ length: 512 }, (_, i) => ({ path: '', file: files[i % 8] }));
       void decodeTiles(sources, { size: 256, batchSize: 256, slots: 2 }).next();
       setTimeout(() => { process.exit(7); }, ${String(i)});`,
    );
    t.is(await exitOf(worker), 7);
  }
  const terminated = startWorker(script(1e6, ''));
  await new Promise((resolve) => terminated.once('online', resolve));
  await terminated.terminate();
  // What is left of it is the working memory of the pool's threads.
  t.true(loadAddon().nativeBytes() - bytes < 64 << 20);
  for await (const batch of decodeTiles(sources(8), { size: 16, batchSize: 8 })) {
    t.true(batch.statuses.every((result) => result.status === 'ok'));
    batch.release();
  }
});

const endings: [string, string, number][] = [
  ['process.exit()', 'process.exit(3);', 3],
  ['an uncaught error', `throw new Error('on purpose');`, 1],
];
for (const [what, ending, code] of endings) {
  test(`a process ends by ${what} with work in flight`, async (t) => {
    for (let i = 0; i < 5; i++) {
      const source = script(i + 1, '').replace('batch.release();', `batch.release(); ${ending}`);
      const error: unknown = await run(process.execPath, ['--input-type=module', '-e', source]).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      t.like(error, { code, signal: null });
    }
  });
}

test('a process ends by itself once the work is done, or when nobody waits for it', (t) => {
  const done = execFileSync(
    process.execPath,
    ['--input-type=module', '-e', script(5, `console.log('done');`)],
    { encoding: 'utf8', timeout: 60_000 },
  );
  t.is(done, 'done\n');
});

test('a process whose only user of the addon was a worker thread goes on', (t) => {
  const source = `
    import { Worker } from 'node:worker_threads';
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(
        ${JSON.stringify(script(3, 'process.exit(0);'))})));
      const code = await new Promise((resolve) => worker.once('exit', resolve));
      if (code !== 0) process.exit(code);
    }
    console.log('alive');`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.is(out, 'alive\n');
});

test('a worker thread may end while rows are gathered', async (t) => {
  const file = join(folder, 'rows');
  await cp(files[0] ?? '', file);
  const worker = startWorker(`
    import { MappedRows } from ${JSON.stringify(ROWS)};
    const rows = MappedRows.open(${JSON.stringify(file)}, { offset: 0, rowBytes: 500, rows: 1 });
    for (let i = 0; i < 50; i++) {
      void rows.gatherBytes(new Uint32Array(20000), new Uint8Array(20000 * 500));
    }
    process.exit(5);`);
  t.is(await exitOf(worker), 5);
});

test.serial('native memory is flat over thousands of decodes', async (t) => {
  const decode = async (count: number): Promise<void> => {
    for await (const batch of decodeTiles(sources(count), { size: 64, batchSize: 32 })) {
      batch.release();
    }
  };
  await decode(64);
  const heldBefore = loadAddon().nativeBytes();
  const rssBefore = process.memoryUsage.rss();
  for (let i = 0; i < 100; i++) await decode(40);
  // A decoder that leaked would hold its three buffers, a hundred times; what the pool's threads keep
  // as working memory is far less than ten. Detached views let go when Node comes to it.
  const oneDecoder = 3 * 32 * 64 * 64 * 3;
  const held = (): number => loadAddon().nativeBytes() - heldBefore;
  for (let i = 0; i < 100 && held() > 10 * oneDecoder; i++) await sleep(100);
  t.true(held() <= 10 * oneDecoder, `${String(held())} bytes more than before`);
  await decode(64);
  t.true(process.memoryUsage.rss() - rssBefore < 256 << 20);
});
