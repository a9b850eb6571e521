import { execFileSync } from 'node:child_process';
import test from 'ava';
import { WatchedThread } from '#src/runtime/watched-thread.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

/** Answers a number with its double, `hang` and `exit` not at all, `throw` and `late` with a failure. */
const SOURCE = `
  import { parentPort } from 'node:worker_threads';
  let answered = 0;
  parentPort.on('message', (question) => {
    if (question === 'hang') for (;;);
    if (question === 'exit') process.exit(0);
    if (question === 'throw') throw new Error('it went wrong');
    if (question === 'late') setTimeout(() => Promise.reject(new Error('nobody waits')), 500);
    if (question === 'count') parentPort.postMessage(++answered);
    else parentPort.postMessage(2 * Number(question));
  });
`;
const MODULE = new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`);
const LONG = 30_000;

test('answers come in order, of one thread', async (t) => {
  const thread = new WatchedThread(MODULE, 'it');
  t.teardown(() => thread.close());
  const all = [1, 2, 3].map((question) => thread.ask(question, LONG));
  t.deepEqual(await Promise.all(all), [2, 4, 6]);
  t.is(await thread.ask('count', LONG), 1);
  t.is(await thread.ask('count', LONG), 2);
});

test('what has no answer fails alone, in time', async (t) => {
  const thread = new WatchedThread(MODULE, 'it');
  t.teardown(() => thread.close());
  const cases = [
    ['hang', 200, /^it has not come to an end in 0 s$/],
    ['exit', LONG, /^it has ended its thread$/],
    ['throw', LONG, /^it went wrong$/],
  ] as const;
  for (const [question, limit, message] of cases) {
    const waiting = [thread.ask(4, LONG), thread.ask(question, limit), thread.ask(5, LONG)];
    const [before, failed, after] = await Promise.allSettled(waiting);
    t.like(before, { value: 8 });
    t.like(after, { value: 10 }, 'of a new thread');
    t.regex(failed?.status === 'rejected' ? (failed.reason as Error).message : '', message);
  }
});

test('a promise that fails late ends the thread and nothing else', async (t) => {
  const thread = new WatchedThread(MODULE, 'it');
  t.teardown(() => thread.close());
  t.is(await thread.ask('count', LONG), 1);
  t.true(Number.isNaN(await thread.ask('late', LONG)));
  await new Promise((resolve) => setTimeout(resolve, 3000));
  t.is(await thread.ask('count', LONG), 1, 'a new thread');
});

test('an answer can be a thread’s last', async (t) => {
  const thread = new WatchedThread(MODULE, 'it');
  t.teardown(() => thread.close());
  t.is(await thread.ask('count', LONG, () => true), 1);
  t.is(await thread.ask('count', LONG, () => false), 1);
  t.is(await thread.ask('count', LONG), 2);
});

test('it keeps no process from ending', (t) => {
  const program = `
    const { WatchedThread } = await import('#src/runtime/watched-thread.js');
    console.log(await new WatchedThread(new URL(process.argv[1]), 'it').ask(21, 10000));
  `;
  const args = ['--input-type=module', '-e', program, MODULE.href];
  // Kept alive, it would be killed and fail.
  const options = { cwd: repositoryRoot, encoding: 'utf8', timeout: 60_000 } as const;
  const out = execFileSync(process.execPath, args, options);
  t.is(out.trim(), '42');
});
