import { appendFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { appendJournal, readJournal } from '#src/imaging/tile-journal.js';
import { TileRecords, type TileRecord } from '#src/imaging/tile-records.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';

const many = Array.from({ length: 30_000 }, (_, i): TileRecord => {
  if (i % 1000 === 3) return ['DECODE_FAILED', null, `größe ${i}`];
  if (i % 1000 === 4) return ['ABORTED', null];
  return [i % 7 === 0 ? 'damaged' : 'ok', (i * 2_654_435_761) % 2 ** 32];
});

test('records come back as they went in', (t) => {
  const records = new TileRecords();
  for (const record of many) records.push(record);
  t.is(records.length, many.length);
  t.deepEqual(records.from(0), many);
  t.deepEqual(records.from(29_990), many.slice(29_990));
  t.is(records.tiles, many.filter(([, checksum]) => checksum !== null).length);
  t.true(records.hasTile(2));
  t.false(records.hasTile(3));
  t.is(records.status(7), 'damaged');
  t.deepEqual(records.failures(3), [
    { index: 3, status: 'DECODE_FAILED', message: 'größe 3' },
    { index: 4, status: 'ABORTED', message: '' },
    { index: 1003, status: 'DECODE_FAILED', message: 'größe 1003' },
  ]);
  t.throws(() => records.at(many.length), { instanceOf: RangeError });
});

test('a journal of any length is read to where it is whole', async (t) => {
  const path = join(await temporaryFolder(t), 'journal');
  const file = await open(path, 'w+');
  t.teardown(() => file.close());
  let end = 0;
  // Lines from some bytes to some hundred thousand: longer than what is read at once.
  for (const [from, to] of [
    [0, 1],
    [1, 20],
    [20, 20_000],
    [20_000, 20_001],
    [20_001, 30_000],
  ]) {
    end += await appendJournal(file, end, many.slice(from, to));
  }
  const whole = await readJournal(file);
  t.is(whole.validBytes, end);
  t.deepEqual(whole.records.from(0), many);
  await file.truncate(end - 1);
  const cut = await readJournal(file);
  t.deepEqual(cut.records.from(0), many.slice(0, 20_001));
  await file.truncate(cut.validBytes);
  await appendFile(path, '00000000 [["ok",1]]\n');
  t.is((await readJournal(file)).validBytes, cut.validBytes, 'a line with a wrong checksum');
});
