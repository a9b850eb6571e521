/** Fetching a base through npm, with an npm of our own that needs no network. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DEFAULT_BASE } from '#src/config.js';
import { fetchBase } from '#src/network/bases.js';

const home = await mkdtemp(join(tmpdir(), 'lungcls-fetch-'));
const npm = join(home, 'npm-cli.js');
process.env['LUNGCLS_HOME'] = home;
process.env['npm_execpath'] = npm;
test.after.always(() => rm(home, { recursive: true, force: true }));

/** Nothing of a failed fetch stays: no base, no half of one, no temporary folder. */
async function leftovers(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['bases', 'tmp']) {
    if (existsSync(join(home, folder))) found.push(...(await readdir(join(home, folder))));
  }
  return found;
}

test.serial('what npm says when it fails is in the message', async (t) => {
  await writeFile(npm, `console.error('npm error code E404'); process.exit(1);`);
  const error = await t.throwsAsync(fetchBase(DEFAULT_BASE), { code: 'DOWNLOAD_FAILED' });
  t.regex(error.message, /nsfwjs@4\.4\.0 with npm: npm error code E404/);
  t.deepEqual(await leftovers(), []);
});

test.serial('a tarball of another content is refused', async (t) => {
  await writeFile(
    npm,
    `const fs = require('node:fs'), path = require('node:path');
     const args = process.argv.slice(2);
     if (args[0] !== 'pack' || args[1] !== 'nsfwjs@4.4.0' || !args.includes('--ignore-scripts')) process.exit(2);
     const folder = args[args.indexOf('--pack-destination') + 1];
     fs.writeFileSync(path.join(folder, 'nsfwjs-4.4.0.tgz'), 'something else');`,
  );
  const error = await t.throwsAsync(fetchBase(DEFAULT_BASE), { code: 'HASH_MISMATCH' });
  t.regex(error.message, /Expected nsfwjs@4\.4\.0 to have integrity sha512-krC1/);
  t.deepEqual(await leftovers(), []);
});

test.serial('stopped in the middle, it ends npm and leaves nothing', async (t) => {
  const started = join(home, 'started');
  await writeFile(
    npm,
    `require('node:fs').writeFileSync(${JSON.stringify(started)}, ''); setInterval(() => {}, 1000);`,
  );
  const controller = new AbortController();
  const fetching = fetchBase(DEFAULT_BASE, { signal: controller.signal });
  const poll = setInterval(() => {
    if (existsSync(started)) controller.abort();
  }, 20);
  await t.throwsAsync(fetching, { code: 'ABORTED' });
  clearInterval(poll);
  t.deepEqual(await leftovers(), []);
});

test.serial('a base that nobody knows is refused', async (t) => {
  await t.throwsAsync(fetchBase('resnet'), {
    code: 'BASE_UNKNOWN',
    message: /nsfwjs-inception-v3/,
  });
});
