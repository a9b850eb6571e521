import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { decodeTiles, type DecodeOptions, type TileBatch } from '#src/imaging/decoder.js';
import type { ImageSource } from '#src/imaging/source.js';
import { writeTiles } from '../fixtures/tiles.js';

const SIZE = 16;
const TILE = SIZE * SIZE * 3;

const folder = await mkdtemp(join(tmpdir(), 'lungcls-decoder-'));
const files = await writeTiles(folder, 10);

function sources(count: number): ImageSource[] {
  return Array.from({ length: count }, (_, i) => ({
    path: String(i),
    file: files[i % files.length] ?? '',
  }));
}

/** The tile of each stored file, by a decoder of its own. */
const single: Buffer[] = [];
for (const source of sources(files.length)) {
  for await (const batch of decodeTiles([source], { size: SIZE, batchSize: 1 })) {
    single.push(Buffer.from(batch.tiles));
    batch.release();
  }
}

test.after.always(() => rm(folder, { recursive: true, force: true }));

test('batches come in input order, the last one short', async (t) => {
  const lengths: number[] = [];
  let seen = 0;
  for await (const batch of decodeTiles(sources(50), { size: SIZE, batchSize: 8, threads: 2 })) {
    lengths.push(batch.sources.length);
    t.is(batch.tiles.length, batch.sources.length * TILE);
    for (const [i, source] of batch.sources.entries()) {
      t.is(source.path, String(seen));
      t.is(batch.statuses[i]?.status, 'ok');
      const tile = batch.tiles.subarray(i * TILE, (i + 1) * TILE);
      t.true(single[seen % files.length]?.equals(tile));
      seen++;
    }
    batch.release();
  }
  t.deepEqual(lengths, [8, 8, 8, 8, 8, 8, 2]);
});

test('no sources give no batch', async (t) => {
  for await (const batch of decodeTiles([], { size: SIZE, batchSize: 8 })) {
    t.fail(`a batch of ${String(batch.sources.length)}`);
  }
  t.pass();
});

test('an asynchronous source is read as buffers come free, not further', async (t) => {
  let pulled = 0;
  async function* endless(): AsyncGenerator<ImageSource> {
    for (const source of sources(1000)) {
      await Promise.resolve();
      pulled++;
      yield source;
    }
  }
  const batches = decodeTiles(endless(), { size: SIZE, batchSize: 4, slots: 3 });
  const first = await batches.next();
  await sleep(50);
  t.true(pulled <= 3 * 4, `${String(pulled)} pulled for three slots`);
  const held = [first.value];
  held.push((await batches.next()).value, (await batches.next()).value);
  let fourth: TileBatch | undefined;
  const waiting = batches.next().then((result) => {
    if (result.done !== true) fourth = result.value;
  });
  await sleep(50);
  t.is(fourth, undefined, 'there is no fourth buffer');
  t.true(pulled <= 4 * 4);
  held[1]?.release();
  await waiting;
  t.is(fourth?.sources[0]?.path, '12');
  await batches.return(undefined);
});

test('a slow source does not hold back a batch that is ready', async (t) => {
  const stopped = new AbortController();
  async function* slow(): AsyncGenerator<ImageSource> {
    yield* sources(2);
    await sleep(60_000, undefined, { signal: stopped.signal });
  }
  const batches = decodeTiles(slow(), { size: SIZE, batchSize: 2 });
  const first = await batches.next();
  t.is(first.value?.sources.length, 2);
  stopped.abort();
  await t.throwsAsync(batches.next(), { name: 'AbortError' });
});

test('tiles cannot be used after release', async (t) => {
  for await (const batch of decodeTiles(sources(4), { size: SIZE, batchSize: 4 })) {
    const { tiles } = batch;
    batch.release();
    t.throws(() => batch.tiles, { instanceOf: LungclsError, code: 'CLOSED' });
    t.is(tiles.length, 0, 'what was kept is empty');
    t.throws(() => new Uint8Array(tiles.buffer), { instanceOf: TypeError });
    t.notThrows(() => {
      batch.release();
    });
  }
});

test('a released buffer is not shared with an earlier batch', async (t) => {
  const batches = decodeTiles(sources(8), { size: SIZE, batchSize: 2, slots: 1 });
  const first = (await batches.next()).value;
  const kept = first?.tiles;
  first?.release();
  const second = (await batches.next()).value;
  first?.release();
  t.is(kept?.length, 0);
  t.true(single[2]?.equals(second?.tiles.subarray(0, TILE) ?? new Uint8Array()));
  second?.release();
  await batches.return(undefined);
});

test('a batch outlives its decoder until it is released', async (t) => {
  const batches = decodeTiles(sources(2), { size: SIZE, batchSize: 2 });
  const batch = (await batches.next()).value;
  await batches.return(undefined);
  t.true(single[1]?.equals(batch?.tiles.subarray(TILE) ?? new Uint8Array()));
  batch?.release();
});

test('an abort ends the iteration with ABORTED', async (t) => {
  const aborted = AbortSignal.abort();
  const never = decodeTiles(sources(4), { size: SIZE, batchSize: 2, signal: aborted });
  await t.throwsAsync(never.next(), { instanceOf: LungclsError, code: 'ABORTED' });

  const stop = new AbortController();
  const batches = decodeTiles(sources(500), { size: SIZE, batchSize: 4, signal: stop.signal });
  (await batches.next()).value?.release();
  stop.abort();
  await t.throwsAsync(batches.next(), { instanceOf: LungclsError, code: 'ABORTED' });
  t.true((await batches.next()).done);
});

test('an abort ends a wait for a source, and for a buffer', async (t) => {
  let closed = false;
  const silent: AsyncIterable<ImageSource> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: () => {
        closed = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const first = new AbortController();
  const waiting = decodeTiles(silent, { size: SIZE, batchSize: 2, signal: first.signal }).next();
  setTimeout(() => {
    first.abort();
  }, 20);
  await t.throwsAsync(waiting, { code: 'ABORTED' });
  t.true(closed, 'the source was closed');

  const second = new AbortController();
  const held = decodeTiles(sources(9), {
    size: SIZE,
    batchSize: 2,
    slots: 1,
    signal: second.signal,
  });
  await held.next();
  setTimeout(() => {
    second.abort();
  }, 20);
  await t.throwsAsync(held.next(), { code: 'ABORTED' });
});

test('leaving the loop early closes the source', async (t) => {
  let closed = false;
  function* watched(): Generator<ImageSource> {
    try {
      yield* sources(1000);
    } finally {
      closed = true;
    }
  }
  for await (const batch of decodeTiles(watched(), { size: SIZE, batchSize: 2 })) {
    batch.release();
    break;
  }
  t.true(closed);
});

test('an error of the source reaches the caller', async (t) => {
  function* broken(): Generator<ImageSource> {
    yield* sources(3);
    throw new LungclsError('ZIP_DAMAGED', 'the list broke');
  }
  const batches = decodeTiles(broken(), { size: SIZE, batchSize: 2 });
  await t.throwsAsync(
    async () => {
      for await (const batch of batches) batch.release();
    },
    { code: 'ZIP_DAMAGED' },
  );
});

test('several decoders at once do not disturb one another', async (t) => {
  const right = async (size: number): Promise<number> => {
    const bytes = size * size * 3;
    const alone: Buffer[] = [];
    let count = 0;
    // The first round over the files gives what every later one must give again.
    for await (const batch of decodeTiles(sources(60), { size, batchSize: files.length })) {
      for (let i = 0; i < files.length; i++) {
        const tile = batch.tiles.subarray(i * bytes, (i + 1) * bytes);
        alone[i] ??= Buffer.from(tile);
        if (alone[i]?.equals(tile)) count++;
      }
      if (size === SIZE) t.deepEqual(alone, single);
      batch.release();
    }
    return count;
  };
  t.deepEqual(await Promise.all([SIZE, 20, 64, 31].map(right)), [60, 60, 60, 60]);
});

const invalid: [string, Partial<Record<keyof DecodeOptions, unknown>>][] = [
  ['size', { size: 0 }],
  ['size', { size: 20_000 }],
  ['size', { size: '256' }],
  ['resize', { resize: 'nearest' }],
  ['batchSize', { batchSize: 1.5 }],
  ['batchSize', { batchSize: -1 }],
  ['slots', { slots: 65 }],
  ['threads', { threads: 0 }],
  ['maxPixels', { maxPixels: Number.NaN }],
  ['maxMemory', { maxMemory: 0 }],
  ['maxSeconds', { maxSeconds: 0 }],
];
for (const [name, options] of invalid) {
  test(`the option ${JSON.stringify(options)} is refused by name`, async (t) => {
    const given = { size: SIZE, batchSize: 2, ...options } as DecodeOptions;
    await t.throwsAsync(decodeTiles(sources(1), given).next(), {
      code: 'INVALID_OPTION',
      message: new RegExp(`for ${name} but received`),
    });
  });
}

test('buffers that do not fit into memory are refused, not begun', async (t) => {
  const options = { size: 16_384, batchSize: 65_536, slots: 64 };
  await t.throwsAsync(decodeTiles(sources(1), options).next(), {
    code: 'INVALID_OPTION',
    message: /no room for the buffers/,
  });
});
