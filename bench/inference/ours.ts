/**
 * This tool under test, in a process of its own that stays. As bench/inference/peer.py: prints `ready`,
 * then for each line on stdin (session|decode|files|latency PASSES) a line of JSON.
 *
 *   node build/bench/inference/ours.js <tfjs|fp32|fp16|int8> <folder> <files> <threads> <bundle>
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeTiles } from '#src/imaging/decoder.js';
import { loadClassifier, PRECISIONS, type Classifier } from '#src/inference/classifier.js';
import { predict } from '#src/inference/predict.js';

const SIZE = 256;
const BATCH = 32;
/** Tiles that every session has seen before the clock starts. */
const WARM_UP = 4 * BATCH;
const [, , kind = '', folder = '', count = '', threadCount = '', model = ''] = process.argv;
const threads = Number(threadCount);
const names = (await readdir(folder)).sort().slice(0, Number(count));
const sources = names.map((name) => ({ path: name, file: join(folder, name) }));
const how =
  kind === 'tfjs'
    ? { engine: 'tfjs' as const }
    : {
        device: 'cpu' as const,
        precision: PRECISIONS.find((known) => known === kind) ?? ('fp32' as const),
      };

const tiles = new Uint8Array(sources.length * SIZE * SIZE * 3);
async function decode(keep: (tiles: Uint8Array, first: number) => void): Promise<void> {
  let first = 0;
  for await (const batch of decodeTiles(sources, { size: SIZE, batchSize: BATCH, threads })) {
    keep(batch.tiles.subarray(0, batch.sources.length * SIZE * SIZE * 3), first);
    first += batch.sources.length;
    batch.release();
  }
}
await decode((some, first) => {
  tiles.set(some, first * SIZE * SIZE * 3);
});

let classifier: Classifier | undefined;
const loaded = async (batchSize: number): Promise<Classifier> => {
  await classifier?.close();
  return (classifier = await loadClassifier(model, { ...how, threads, batchSize }));
};
const work = await mkdtemp(join(tmpdir(), 'lungcls-inference-'));

/** Seconds that all the passes took, loading and warming up not counted. */
const MODES: Record<string, (passes: number) => Promise<number>> = {
  async session(passes) {
    const own = await loaded(BATCH);
    await own.classifyTiles(tiles, Math.min(WARM_UP, sources.length));
    return await timed(async () => {
      for (let i = 0; i < passes; i++) await own.classifyTiles(tiles, sources.length);
    });
  },
  async decode(passes) {
    return await timed(async () => {
      for (let i = 0; i < passes; i++) await decode(() => undefined);
    });
  },
  /** From the first tile to the last row in the result file. */
  async files(passes) {
    await classifier?.close();
    const inputs = Array.from({ length: passes }, () => sources.map(({ file }) => file)).flat();
    const { seconds, rows } = await predict({
      model,
      inputs,
      output: join(work, 'out.csv'),
      force: true,
      batchSize: BATCH,
      threads,
      ...how,
    });
    return (seconds * passes * sources.length) / rows;
  },
};

async function timed(what: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await what();
  return (performance.now() - begin) / 1000;
}

async function latency(runs: number): Promise<number[]> {
  const own = await loaded(1);
  await own.classifyTiles(tiles, 1);
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const seconds = await timed(async () => {
      await own.classifyTiles(tiles, 1);
    });
    times.push(1000 * seconds);
  }
  return times;
}

const { description } = await loaded(BATCH);
console.log(JSON.stringify({ ready: description }));
for await (const line of createInterface(process.stdin)) {
  const [mode = '', passes = ''] = line.split(' ');
  const run = MODES[mode];
  const answer =
    run === undefined
      ? { milliseconds: await latency(Number(passes)) }
      : { tilesPerSecond: (Number(passes) * sources.length) / (await run(Number(passes))) };
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ ...answer, peakMiB }));
}
await classifier?.close();
await rm(work, { recursive: true, force: true });
