/** The tile store: written from files, as `preprocess` does it, and read back in batches. */
import { rm, symlink, mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { preprocess } from '../../dataset/preprocess.js';
import { TileStore } from '../../imaging/tile-store.js';
import { sourcesOf } from '../inputs.js';
import type { TrialSpec } from '../protocol.js';
import type { Trial, Workload } from '../workload.js';

const BATCH = 64;
/** Of a tile of 256 x 256: read and written. */
const COPIED_GB = (2 * 256 * 256 * 3) / 1e9;

export const store: Workload = {
  name: 'store',
  suite: 'store',
  what: 'From JPEG files to a tile store on disk, synced; and its tiles read back in random order.',
  needsModel: false,
  peerCheck: { kind: 'picture', meanDifference: 6 },
  plan: (found) => [
    {
      group: `${found.threads} threads`,
      batch: BATCH,
      threads: found.threads,
      variants: [
        {
          variant: 'write',
          name: 'preprocess: files to a store',
          kind: 'native',
          check: { kind: 'exact' },
          floors: [{ floor: 'entropyTilesPerSecond', perTile: 1 }],
        },
        {
          variant: 'read',
          name: 'store to batches, random order',
          kind: 'native',
          check: { kind: 'exact' },
          floors: [{ floor: 'memoryCopyGBs', perTile: COPIED_GB }],
        },
      ],
    },
  ],
  async open(spec) {
    const input = join(spec.out, 'images');
    const place = join(spec.out, 'store');
    const { size, threads } = spec;
    await linkImages(spec, input);
    const write = async (): Promise<number> =>
      (await preprocess({ input, output: place, size, threads, force: true })).rows;
    await write();
    return spec.variant === 'read'
      ? await openReading(spec, place)
      : openWriting(spec, place, write);
  },
};

/** One class of the very images, in the order of the list. */
async function linkImages(spec: TrialSpec, folder: string): Promise<void> {
  for (const [i, { file }] of (await sourcesOf(spec)).entries()) {
    // Two classes, since one folder alone is no data set.
    const own = join(folder, i % 2 === 0 ? 'even' : 'odd');
    await mkdir(own, { recursive: true });
    const name = `${String(i).padStart(6, '0')}-${basename(file)}`;
    await symlink(resolve(file), join(own, name));
  }
}

/** The first tiles of the list: in the store, those of even places come first. */
async function firstTiles(
  spec: TrialSpec,
  place: string,
): Promise<Awaited<ReturnType<Trial['answers']>>> {
  const opened = await TileStore.open(place);
  const { checkTiles, size } = spec;
  const half = Math.ceil(opened.count / 2);
  const rows = Array.from({ length: checkTiles }, (_, i) =>
    i % 2 === 0 ? i / 2 : half + (i - 1) / 2,
  );
  const values = new Uint8Array(checkTiles * opened.tileBytes);
  await opened.readTiles(rows, values);
  opened.close();
  return { shape: [checkTiles, size, size, 3], values };
}

function openWriting(spec: TrialSpec, place: string, write: () => Promise<number>): Trial {
  return {
    versions: {},
    device: `CPU, ${spec.threads} threads`,
    async work(seconds) {
      const start = performance.now();
      let tiles = 0;
      do tiles += await write();
      while (performance.now() - start < 1000 * seconds);
      return { tiles, seconds: (performance.now() - start) / 1000 };
    },
    answers: () => firstTiles(spec, place),
    close: () => rm(place, { recursive: true, force: true }),
  };
}

async function openReading(spec: TrialSpec, place: string): Promise<Trial> {
  const opened = await TileStore.open(place);
  const out = new Uint8Array(BATCH * opened.tileBytes);
  // A stride that visits every row, far from the one before.
  let row = 0;
  const batch = (): number[] =>
    Array.from({ length: BATCH }, () => (row = (row + 7919) % opened.count));
  const read = async (seconds: number): Promise<{ tiles: number; seconds: number }> => {
    const start = performance.now();
    let tiles = 0;
    do {
      await opened.readTiles(batch(), out);
      tiles += BATCH;
    } while (performance.now() - start < 1000 * seconds);
    return { tiles, seconds: (performance.now() - start) / 1000 };
  };
  await read(0.1);
  return {
    versions: {},
    device: `CPU, ${spec.threads} threads`,
    work: read,
    answers: () => firstTiles(spec, place),
    close: () => {
      opened.close();
      return Promise.resolve();
    },
  };
}
