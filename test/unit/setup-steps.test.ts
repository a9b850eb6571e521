import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createSandbox, stepsDone } from '../fixtures/setup-sandbox.js';

test('set-up does what is missing, and nothing when run again', async (t) => {
  const sandbox = await createSandbox();
  t.teardown(sandbox.remove);

  const check = await sandbox.setup('--check');
  t.is(check.code, 1);
  t.regex(check.output, /^lacks {2}native addon: not built$/m);
  t.false(existsSync(join(sandbox.root, 'build')), 'it only looks');

  const first = await sandbox.setup();
  t.is(first.code, 0, first.output);
  t.deepEqual(stepsDone(first.output), ['native addon', 'TypeScript', 'default base']);
  const built = await stat(sandbox.addon);

  const again = await sandbox.setup('--quiet');
  t.deepEqual(again, { code: 0, output: '' });
  t.is((await stat(sandbox.addon)).mtimeMs, built.mtimeMs);
  t.is((await sandbox.setup('--check')).code, 0);

  // One source changes: one step runs.
  await sandbox.write('src/cli/main.ts', 'export const answer = 43;\n');
  t.deepEqual(stepsDone((await sandbox.setup('--quiet')).output), ['TypeScript']);
  await sandbox.write('native/core/addon.c', 'int answer(void) { return 43; }\n');
  t.deepEqual(stepsDone((await sandbox.setup('--quiet')).output), ['native addon']);

  // What was removed by hand comes back, although the compiler's own records say that it is there.
  await rm(join(sandbox.root, 'dist'), { recursive: true });
  t.deepEqual(stepsDone((await sandbox.setup('--quiet')).output), ['TypeScript']);
  t.regex(await readFile(join(sandbox.root, 'dist', 'cli', 'main.js'), 'utf8'), /43/);
});

test('set-up goes on after it was killed, and a failed step is no success', async (t) => {
  const sandbox = await createSandbox();
  t.teardown(sandbox.remove);
  const child = sandbox.start();
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.includes('doing  native addon')) child.kill('SIGKILL');
  });
  await once(child, 'close');
  t.is(child.signalCode, 'SIGKILL');
  t.true(existsSync(join(sandbox.root, 'build', 'setup.lock')), 'its lock is left');

  await sandbox.write('src/cli/main.ts', 'export const answer: string = 42;\n');
  const wrong = await sandbox.setup();
  t.is(wrong.code, 1);
  t.regex(wrong.output, /^failed TypeScript: .*\n.*main\.ts.*Type 'number' is not assignable/m);

  await sandbox.write('src/cli/main.ts', 'export const answer: number = 42;\n');
  const good = await sandbox.setup();
  t.is(good.code, 0, good.output);
  t.false(existsSync(join(sandbox.root, 'build', 'setup.lock')));
});

test('two set-ups at once: one works, the other waits and finds everything done', async (t) => {
  const sandbox = await createSandbox();
  t.teardown(sandbox.remove);
  const outcomes = await Promise.all([sandbox.setup(), sandbox.setup()]);
  for (const { code, output } of outcomes) t.is(code, 0, output);
  const done = outcomes.flatMap(({ output }) => stepsDone(output));
  t.deepEqual(done.sort(), ['TypeScript', 'default base', 'native addon']);
  t.is(outcomes.filter(({ output }) => output.startsWith('waiting for another')).length, 1);
});

test('a flag that is not known is refused, with the flags that are', async (t) => {
  const sandbox = await createSandbox();
  t.teardown(sandbox.remove);
  const { code, output } = await sandbox.setup('--everything');
  t.is(code, 1);
  t.regex(output, /^Unknown argument: --everything\nUsage: /);
});
