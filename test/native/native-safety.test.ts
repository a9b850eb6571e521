/** A sample of what bench/safety.ts does at length. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { repositoryRoot, sharedData } from '../fixtures/shared-data.js';

const run = promisify(execFile);

/** Rejects where the program ends with anything but 0: memory that grew, a wrong pixel, a crash. */
async function safety(...args: string[]): Promise<Record<string, unknown>> {
  const program = join(repositoryRoot, 'build', 'bench', 'safety.js');
  const archive = sharedData('lc25000-lung-224.zip') ?? 'none';
  const { stdout } = await run(process.execPath, [program, ...args, '--archive', archive], {
    cwd: repositoryRoot,
  });
  const [results] = Object.values(JSON.parse(stdout) as Record<string, { result: unknown }>);
  return results?.result as Record<string, unknown>;
}

test('mutated tiles have the right pixels, or a status and none', async (t) => {
  const result = await safety('mutants', '--count', '640', '--seed', '7');
  t.is(result['mutants'], 640);
  t.deepEqual([result['otherStatus'], result['otherPixels'], result['stalePixels']], [0, 0, 0]);
  const statuses = result['statuses'] as Record<string, number>;
  t.true((statuses['ok'] ?? 0) > 50 && (statuses['damaged'] ?? 0) > 100, JSON.stringify(statuses));
});

test('thousands of decodes of every kind leave the memory as it was', async (t) => {
  const result = await safety('leak', '--decodes', '6000');
  t.is(result['decodes'], 6000);
  t.true(((result['statuses'] as Record<string, number>)['ok'] ?? 0) > 5900);
});
