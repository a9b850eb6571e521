/** The vector codes of the decoder: chosen by LUNGCLS_VECTOR, and all give the same bytes. */
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { loadAddon } from '#src/native/addon.js';
import { writeTiles } from '../fixtures/tiles.js';

const SCRIPT = `
  const [decoder, addon, ...files] = process.argv.slice(1);
  const { decodeTiles } = await import(decoder);
  const { loadAddon } = await import(addon);
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  const sources = files.map((file) => ({ path: file, file }));
  for await (const batch of decodeTiles(sources, { size: 85, batchSize: 4 })) {
    hash.update(batch.tiles).update(JSON.stringify(batch.statuses));
    batch.release();
  }
  console.log(JSON.stringify({ vector: loadAddon().vectorCode(), hash: hash.digest('hex') }));
`;

/** What a process of its own says, whose environment names this vector code. */
async function decoded(vector: string, files: readonly string[]): Promise<unknown> {
  const modules = ['#src/imaging/decoder.js', '#src/native/addon.js'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      SCRIPT,
      ...modules.map((name) => import.meta.resolve(name)),
      ...files,
    ],
    { env: { ...process.env, LUNGCLS_VECTOR: vector } },
  );
  return JSON.parse(stdout);
}

test('each vector code is used where it is named, and gives the same bytes', async (t) => {
  const files = await writeTiles(await mkdtemp(join(tmpdir(), 'lungcls-vector-')), 6);
  const [best = '', ...others] = loadAddon().vectorCodes();
  t.is(others.at(-1), 'scalar');
  const expected = (await decoded('', files)) as { vector: string; hash: string };
  t.is(expected.vector, best);
  for (const vector of others) t.deepEqual(await decoded(vector, files), { ...expected, vector });
});

test('a vector code that is not there is refused', async (t) => {
  const error = await t.throwsAsync(decoded('mmx', []));
  t.regex(error.message, /Expected one of .*scalar for LUNGCLS_VECTOR but received "mmx"/);
});
