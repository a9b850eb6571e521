/** Sources that change: between two runs, and while one is under way. */
import { appendFileSync, rmSync, utimesSync } from 'node:fs';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { preprocess, type PreprocessOptions } from '#src/dataset/preprocess.js';
import { parseCsv } from '#src/storage/csv.js';
import { jpeg, temporaryFolder } from '../fixtures/dataset/folders.js';
import { buildZip } from '../fixtures/dataset/zip-builder.js';

const SIZE = 16;
const PER_CLASS = 120;

async function makeImages(root: string): Promise<void> {
  for (const [k, name] of ['a', 'b'].entries()) {
    await mkdir(join(root, name), { recursive: true });
    for (let i = 0; i < PER_CLASS; i++) {
      await writeFile(join(root, name, `${String(i)}.jpeg`), await jpeg(i + k * 1000));
    }
  }
}

/** Runs until the first images are done, then does something; the run goes on, or is stopped. */
async function interrupted(
  options: PreprocessOptions,
  then: (stop: () => void) => void,
): ReturnType<typeof preprocess> {
  const stop = new AbortController();
  let acted = false;
  return await preprocess({
    ...options,
    signal: stop.signal,
    onProgress: ({ done }) => {
      if (done === 0 || acted) return;
      acted = true;
      then(() => {
        stop.abort();
      });
    },
  });
}

async function statuses(store: string): Promise<Map<string, string>> {
  const lines = parseCsv(await readFile(join(store, 'index.csv'), 'utf8')).slice(1);
  return new Map(lines.map(([, path = '', , , status = '']) => [path, status]));
}

async function stopped(t: ExecutionContext, options: PreprocessOptions): Promise<void> {
  await t.throwsAsync(
    interrupted(options, (stop) => {
      stop();
    }),
    { code: 'ABORTED' },
  );
}

/** Other bytes of the same length, under the same time. */
async function changeUnseen(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  const bytes = await readFile(path);
  const at = bytes.length - 20;
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
  await utimes(path, atime, mtime);
}

test('verify finds what size and time do not tell, and minds only content', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'in');
  const output = join(root, 'out');
  await makeImages(input);
  const image = join(input, 'a', '3.jpeg');
  const options = { input, output, size: SIZE, threads: 1 };

  // Whole seconds: utimes keeps no more than microseconds of what the file system may have.
  await utimes(image, 1e9, 1e9);
  await stopped(t, options);
  await changeUnseen(image);
  t.true((await preprocess(options)).resumed, 'size and time are the same');
  await rm(output, { recursive: true });

  await stopped(t, { ...options, verify: true });
  await utimes(image, 2e9, 2e9);
  const touched = await preprocess({ ...options, verify: true });
  t.true(touched.resumed, 'the content is the same');
  await rm(output, { recursive: true });

  await stopped(t, { ...options, verify: true });
  await changeUnseen(image);
  t.false((await preprocess({ ...options, verify: true })).resumed);
});

test('an image that changes after it was listed has a status and no tile', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'in');
  await makeImages(input);
  const late = join(input, 'b', `${String(PER_CLASS - 1)}.jpeg`);
  const gone = join(input, 'b', `${String(PER_CLASS - 2)}.jpeg`);
  for (const verify of [false, true]) {
    const output = join(root, `out-${String(verify)}`);
    const backup = await readFile(gone);
    // While the first images are looked at, the last two are still to come.
    const result = await interrupted({ input, output, size: SIZE, threads: 1, verify }, () => {
      // At once: whatever is awaited may come after the last images were looked at.
      appendFileSync(late, 'more');
      rmSync(gone);
    });
    t.is(result.errors, 2);
    t.deepEqual(
      result.failures.map(({ path, code }) => [path, code]).sort(),
      [
        [`b/${String(PER_CLASS - 1)}.jpeg`, 'INPUT_CHANGED'],
        [`b/${String(PER_CLASS - 2)}.jpeg`, 'INPUT_CHANGED'],
      ].sort(),
    );
    const found = await statuses(output);
    t.is(found.get('a/0.jpeg'), 'ok');
    t.is([...found.values()].filter((status) => status === 'ok').length, 2 * PER_CLASS - 2);
    await writeFile(gone, backup);
  }
});

test('an archive that changes while it is read ends the run; the next one starts anew', async (t) => {
  const root = await temporaryFolder(t);
  const input = join(root, 'tiles.zip');
  const output = join(root, 'out');
  const entries = [];
  for (let i = 0; i < 2 * PER_CLASS; i++) {
    entries.push({ name: `${i % 2 === 0 ? 'a' : 'b'}/${String(i)}.jpeg`, data: await jpeg(i) });
  }
  await writeFile(input, buildZip(entries));
  const options = { input, output, size: SIZE, threads: 1 };
  await t.throwsAsync(
    interrupted(options, () => {
      utimesSync(input, 1e9, 1e9);
    }),
    { code: 'INPUT_CHANGED', message: /tiles\.zip changed while it was being read/ },
  );
  const again = await preprocess(options);
  t.false(again.resumed);
  t.is(again.rows, 2 * PER_CLASS);

  await rm(output, { recursive: true });
  await stopped(t, { ...options, verify: true });
  await utimes(input, 2e9, 2e9);
  t.true((await preprocess({ ...options, verify: true })).resumed, 'the content is the same');
});
