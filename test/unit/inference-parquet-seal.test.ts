import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { jobRecord, parquetTexts, readRecord } from '#src/inference/job-record.js';
import { checkSeal } from '#src/inference/parquet-seal.js';
import { ResultLayout } from '#src/inference/result-columns.js';
import { ROW_GROUP, writeParquet } from '#src/inference/result-parquet.js';
import { readResultRows } from '#src/inference/result-rows.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const layout = new ResultLayout({ classes: ['a', 'b'], numbered: true });
const MARK = 'lungcls.sha256\x18\x40';

/** A file of so many rows; one path looks like the place of a seal. */
async function written(t: ExecutionContext, count: number): Promise<string> {
  const path = join(await temporaryFolder(t), 'rows.parquet');
  const record = jobRecord({
    ...{ toolVersion: '1', model: { classes: ['a', 'b'], fingerprint: 'abc' }, settings: {} },
    ...{ inputs: { images: count, paths: '' }, shard: null, rows: count, images: '' },
    ...{ perClass: {}, perStatus: {}, outOfDomain: null },
  });
  const rows = (async function* () {
    for (let row = 0; row < count; row++) {
      const name = row === 1 ? `${MARK}${'0'.repeat(64)}` : `x/${row}.jpeg`;
      const probabilities = Float32Array.of(1 / (row + 1), 1 - 1 / (row + 1));
      yield await Promise.resolve(layout.row({ path: name, status: 'ok', probabilities, row }));
    }
  })();
  await writeParquet(path, layout.columns, () => parquetTexts(record), rows);
  return path;
}

test('what is written is whole, over several row groups and with a path like a seal', async (t) => {
  for (const count of [0, 1, 3, ROW_GROUP, ROW_GROUP + 5]) {
    const path = await written(t, count);
    t.is(await checkSeal(path), 'whole');
    t.is((await readRecord(path, 'parquet'))?.rows, count);
    let rows = 0;
    for await (const chunk of readResultRows(path, 'parquet', layout.columns)) rows += chunk.length;
    t.is(rows, count);
  }
});

test('the same rows give the same bytes', async (t) => {
  const [one, two] = [await written(t, 5), await written(t, 5)];
  t.deepEqual(await readFile(one), await readFile(two));
});

test('a change of any byte is noticed', async (t) => {
  const path = await written(t, 3);
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    await writeFile(path, changed);
    const seal = await checkSeal(path);
    // In the key of the seal, in the length of the footer or in the last word there is none to be found.
    t.not(seal, 'whole', `byte ${at}`);
    if (seal === 'absent') {
      const outcome = await readRecord(path, 'parquet').catch((error: unknown) => error);
      if (outcome !== undefined) t.like(outcome, { code: 'RESULTS_INVALID' }, `byte ${at}`);
    } else {
      const message = /rows\.parquet: expected the file that was written/;
      if (at % 50 === 0)
        await t.throwsAsync(readRecord(path, 'parquet'), { code: 'RESULTS_INVALID', message });
    }
  }
});

test('a file that ends early, is longer or is another has no whole seal', async (t) => {
  const path = await written(t, 3);
  const bytes = await readFile(path);
  const others = [
    ...[Buffer.alloc(0), Buffer.from('PAR1'), bytes.subarray(0, -1), bytes.subarray(1)],
    ...[Buffer.concat([bytes, Buffer.from('x')]), Buffer.concat([Buffer.from('x'), bytes])],
    Buffer.from('\xff\xff\xff\xffPAR1', 'latin1'),
  ];
  for (const other of others) {
    await writeFile(path, other);
    t.not(await checkSeal(path), 'whole');
    await t.throwsAsync(readRecord(path, 'parquet'), { code: 'RESULTS_INVALID' });
  }
  await t.throwsAsync(checkSeal(`${path}.gone`), { code: 'INPUT_NOT_FOUND' });
});
