/** A second of bench/fuzz for each parser that is written in TypeScript. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { parseJson } from '#src/storage/json.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

const run = promisify(execFile);

interface Line {
  readonly target: string;
  readonly executions: number;
  readonly findings: readonly { iteration: number; what: string }[];
}

test('damaged files of every kind give a value or an error with a code', async (t) => {
  t.timeout(120_000);
  const program = join(repositoryRoot, 'build', 'bench', 'fuzz', 'run.js');
  const { stdout } = await run(process.execPath, [program, '--seconds', '1'], {
    cwd: repositoryRoot,
  }).catch((error: unknown) => error as { stdout: string });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  t.true(lines.length >= 14, stdout);
  for (const { target, executions, findings } of lines) {
    t.deepEqual(findings, [], target);
    t.true(executions >= 1, target);
  }
});

test('JSON is refused where it is nested deeper than any of ours', (t) => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  t.notThrows(() => parseJson(nested(64)));
  t.throws(() => parseJson(nested(65)), { instanceOf: SyntaxError });
  t.deepEqual(parseJson(`{"a]{[":"${'['.repeat(100)}\\"${'{'.repeat(100)}"}`), {
    'a]{[': `${'['.repeat(100)}"${'{'.repeat(100)}`,
  });
});
