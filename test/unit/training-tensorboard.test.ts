/** TensorBoard's event files: byte for byte what Keras's callback writes, and each point once. */
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { LungclsError } from '#src/errors.js';
import { crc32c, readTfRecords, tfRecord } from '#src/storage/tfrecord.js';
import { TensorBoard, type BoardOptions } from '#src/training/tensorboard/board.js';
import { readScalar, scalarEvent, versionEvent } from '#src/training/tensorboard/events.js';
import { repositoryRoot } from '../fixtures/shared-data.js';
import { record } from '../fixtures/training/records.js';

type Recorded = Record<string, { hex: string; scalars: [number, number, string, number][] }>;

const recorded = JSON.parse(
  readFileSync(join(repositoryRoot, 'test', 'fixtures', 'tensorboard', 'events.json'), 'utf8'),
) as Recorded;

/** The time in an event, its first field. */
function secondsOf(event: Uint8Array): number {
  return new DataView(event.buffer, event.byteOffset).getFloat64(1, true);
}

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lungcls-board-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return join(path, 'logs');
}

function open(directory: string, options: Partial<BoardOptions> = {}): Promise<TensorBoard> {
  return TensorBoard.open({
    directory,
    run: 'one',
    resumed: true,
    force: false,
    everyBatches: 0,
    ...options,
  });
}

/** Every point of a folder's files, in their order: `step tag`. */
async function points(directory: string, part: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(join(directory, part))).sort()) {
    for (const data of readTfRecords(await readFile(join(directory, part, name)))) {
      const scalar = readScalar(data);
      if (scalar !== undefined) found.push(`${String(scalar.step)} ${scalar.tag}`);
    }
  }
  return found;
}

for (const [part, { hex, scalars }] of Object.entries(recorded)) {
  test(`the bytes of ${part}/ are those of Keras's TensorBoard callback`, (t) => {
    const bytes = Buffer.from(hex, 'hex');
    const [first = new Uint8Array()] = readTfRecords(bytes);
    const events = [
      versionEvent(secondsOf(first), 'tensorflow.core.util.events_writer'),
      ...scalars.map(([seconds, step, tag, value]) => scalarEvent(seconds, { tag, step }, value)),
    ];
    t.is(Buffer.concat(events.map(tfRecord)).toString('hex'), hex);
    const read = Array.from(readTfRecords(bytes), readScalar).slice(1);
    t.deepEqual(
      read,
      scalars.map(([, step, tag]) => ({ tag, step })),
    );
  });
}

test('CRC-32C is that of RFC 3720, appendix B.4', (t) => {
  t.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  t.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  t.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

test('records are read up to the first that is cut off or damaged', (t) => {
  const file = Buffer.concat([tfRecord(Uint8Array.of(1, 2)), tfRecord(Uint8Array.of(3))]);
  const read = (bytes: Uint8Array): number[][] => Array.from(readTfRecords(bytes), (r) => [...r]);
  t.deepEqual(read(file), [[1, 2], [3]]);
  for (let length = 0; length < file.length; length++) {
    t.deepEqual(read(file.subarray(0, length)), length < 18 ? [] : [[1, 2]]);
  }
  for (let at = 0; at < file.length; at++) {
    const damaged = Uint8Array.from(file, (byte, i) => (i === at ? byte ^ 4 : byte));
    t.deepEqual(read(damaged), at < 18 ? [] : [[1, 2]]);
  }
});

test('a run that goes on adds what is missing, and nothing twice', async (t) => {
  const directory = await folder(t);
  {
    await using board = await open(directory, { resumed: false, everyBatches: 2 });
    for (let step = 1; step <= 5; step++) await board.batch(step, 1 / step, 0.5);
    await board.epochs([record(1)]);
  }
  // Killed in the middle of a record.
  const [name = ''] = await readdir(join(directory, 'train'));
  await appendFile(join(directory, 'train', name), tfRecord(Uint8Array.of(1)).subarray(0, 9));
  {
    await using board = await open(directory, { everyBatches: 2 });
    await board.epochs([record(1), record(2)]);
    // Trained again from a checkpoint within the epoch.
    for (let step = 3; step <= 6; step++) await board.batch(step, 1 / step, 0.5);
    await board.epochs([record(1), record(2), record(3)]);
  }
  const epoch = (step: number): string[] =>
    ['accuracy', 'loss', 'learning_rate'].map((what) => `${String(step)} epoch_${what}`);
  const batch = (step: number): string[] =>
    ['accuracy', 'loss'].map((what) => `${String(step)} batch_${what}`);
  t.deepEqual(await points(directory, 'train'), [
    ...[2, 4].flatMap(batch),
    ...epoch(0),
    ...epoch(1),
    ...batch(6),
    ...epoch(2),
  ]);
  t.deepEqual(
    await points(directory, 'validation'),
    [0, 1, 2].flatMap((step) => epoch(step).slice(0, 2)),
  );
  t.is((await readdir(join(directory, 'train'))).length, 2);
  {
    // Nothing new: no file.
    await using board = await open(directory);
    await board.epochs([record(1), record(2), record(3)]);
  }
  t.is((await readdir(join(directory, 'train'))).length, 2);
});

test('the same run begun anew begins its curves anew', async (t) => {
  const directory = await folder(t);
  for (const resumed of [true, false]) {
    await using board = await open(directory, { resumed });
    await board.epochs([record(1)]);
  }
  t.is((await readdir(join(directory, 'train'))).length, 1);
  t.is((await points(directory, 'train')).length, 3);
});

test('curves of another run are replaced by force alone, those of another program never', async (t) => {
  const directory = await folder(t);
  {
    await using board = await open(directory);
    await board.epochs([record(1), record(2)]);
  }
  const other = await t.throwsAsync(open(directory, { run: 'two' }), { instanceOf: LungclsError });
  t.is(other.code, 'OUTPUT_EXISTS');
  t.regex(other.message, /curves of another run; give --force/);
  t.is((await points(directory, 'train')).length, 6);
  {
    await using board = await open(directory, { run: 'two', resumed: false, force: true });
    await board.epochs([record(1)]);
  }
  t.is((await points(directory, 'train')).length, 3);

  const foreign = await folder(t);
  await mkdir(join(foreign, 'validation'), { recursive: true });
  await writeFile(join(foreign, 'validation', 'events.out.tfevents.1700000000.host.1.0.v2'), '');
  const error = await t.throwsAsync(open(foreign, { force: true }), { instanceOf: LungclsError });
  t.is(error.code, 'OUTPUT_EXISTS');
  t.regex(error.message, /event files of another program/);
});
