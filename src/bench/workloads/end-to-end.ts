/** From JPEG files to a result file, as `predict` does it, and each stage alone beside it. */
import { closeSync, createWriteStream, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTiles } from '../../imaging/decoder.js';
import type { ImageSource } from '../../imaging/source.js';
import { runPipeline } from '../../inference/pipeline.js';
import { ResultLayout } from '../../inference/result-columns.js';
import type { ResultSink } from '../../inference/result-file.js';
import { lineFormat } from '../../inference/result-format.js';
import { streamSink } from '../../inference/result-stream.js';
import { ResultCounts } from '../../inference/results.js';
import { imageInput } from '../../inference/tile-input.js';
import { LIMITS } from '../../config.js';
import { engineVariants, openEngine } from '../engines.js';
import { sourcesOf, TileBatches } from '../inputs.js';
import type { TrialSpec } from '../protocol.js';
import type { Trial, VariantPlan, Workload } from '../workload.js';
import { groupName } from './session.js';

export const STAGES = {
  read: 'read',
  decode: 'decode and resize',
  network: 'network',
  write: 'write',
} as const;

/**
 * In rounds: the pipeline itself, the network alone. Decoding and writing take next to nothing. A short pipeline would
 * measure how it fills and drains: of 240 tiles at 240 a second 15 % of the time, of 720 5 %.
 */
const PIPELINE_SHARE = 1.5;
const NETWORK_SHARE = 0.3;
/** So many that neither a look at the clock nor making a decoder's buffers counts. */
const READ_TILES = 256;
const DECODED_TILES = 512;

/** The stages that every trial from files has, beside the machine's limits. */
export function stageFloors(meanBytes: number): NonNullable<VariantPlan['floors']> {
  return [
    { stage: STAGES.decode, floor: 'entropyTilesPerSecond', perTile: 1 },
    { stage: STAGES.read, floor: 'fileReadGBs', perTile: meanBytes / 1e9 },
  ];
}

export const endToEnd: Workload = {
  name: 'end-to-end',
  suite: 'end-to-end',
  what: 'From JPEG files to a CSV of results: reading, decoding and the network overlap, as in predict.',
  needsModel: true,
  peerCheck: { kind: 'within', maxDifference: 1e-3 },
  plan: (found) => {
    const batch = Math.max(...found.batchSizes);
    return [
      {
        group: groupName(batch, found.threads),
        batch,
        threads: found.threads,
        variants: engineVariants(found, { stage: STAGES.network, fastOnly: true }).map(
          (variant) => ({
            ...variant,
            floors: [...(variant.floors ?? []), ...stageFloors(found.meanBytes)],
          }),
        ),
      },
    ];
  },
  open: (spec) => openEndToEnd(spec),
};

/** @param share of a round, that the pipeline takes */
export async function openEndToEnd(spec: TrialSpec, share = PIPELINE_SHARE): Promise<Trial> {
  const sources = await sourcesOf(spec);
  const tiles = await TileBatches.read(spec);
  const { classifier, versions } = await openEngine(spec);
  const { batch, threads, checkTiles, size } = spec;
  const { classes, preprocessing } = classifier;
  const layout = new ResultLayout({ classes });
  const format = lineFormat('csv', layout.columns);
  const output = join(spec.out, 'results.csv');

  /** Through the whole pipeline; gives seconds. */
  const pipeline = async (count: number, sink: ResultSink): Promise<number> => {
    const input = imageInput({
      list: () => stream(sources, count),
      countable: false,
      ...{ preprocessing, batchSize: batch, threads },
      maxPixels: LIMITS.maxPixels,
      signal: undefined,
      onBuffers: () => undefined,
    });
    const begin = performance.now();
    await runPipeline({
      batches: input.read(numbered(input.list())),
      ...{ classifier, layout, sink },
      counts: new ResultCounts(layout),
      onBatch: () => undefined,
      signal: undefined,
    });
    return (performance.now() - begin) / 1000;
  };
  const toFile = async (count: number): Promise<number> => {
    const file = createWriteStream(output);
    const seconds = await pipeline(count, streamSink(file, format, undefined));
    await new Promise<void>((resolve) => {
      file.end(resolve);
    });
    return seconds;
  };

  /** Seconds a tile of each stage by itself. */
  const stagesAlone = async (wanted: number): Promise<Record<string, number>> => {
    const read = readAll(sources, READ_TILES) / threads;
    const both = await timed(DECODED_TILES, async () => {
      const options = {
        size,
        threads,
        batchSize: Math.min(batch, 32),
        resize: preprocessing.resize,
      };
      for await (const own of decodeTiles(stream(sources, DECODED_TILES), options)) own.release();
    });
    const deadline = performance.now() + 1000 * wanted;
    let runs = 0;
    const begin = performance.now();
    const worker = async (): Promise<void> => {
      do {
        await classifier.classifyTiles(tiles.next(), batch);
        runs++;
      } while (performance.now() < deadline);
    };
    await Promise.all(Array.from({ length: classifier.parallelRuns }, worker));
    const network = (performance.now() - begin) / 1000 / (runs * batch);
    const row = layout.row({
      ...{ path: 'tile.jpeg', status: 'ok', row: 0 },
      probabilities: new Float32Array(classes.length).fill(1 / classes.length),
      domain: undefined,
    });
    const file = createWriteStream(output);
    const sink = streamSink(file, format, undefined);
    const write = await timed(batch, async () => {
      await sink.append(
        Array.from({ length: batch }, () => row),
        new BigUint64Array(batch),
      );
    });
    await new Promise<void>((resolve) => {
      file.end(resolve);
    });
    return {
      [STAGES.read]: read,
      // The decoder reads the files itself.
      [STAGES.decode]: Math.max(both - read, both / 10),
      [STAGES.network]: network,
      [STAGES.write]: write,
    };
  };

  let rate = batch / (await toFile(batch));
  return {
    versions,
    device: classifier.description,
    async work(wanted) {
      const count = Math.max(2, Math.ceil((rate * wanted * share) / batch)) * batch;
      const seconds = await toFile(count);
      rate = count / seconds;
      const alone = await stagesAlone(wanted * NETWORK_SHARE);
      const stages = Object.fromEntries(
        Object.entries(alone).map(([name, perTile]) => [name, perTile * count]),
      );
      return { tiles: count, seconds, stages };
    },
    async answers() {
      const values = new Float32Array(checkTiles * classes.length);
      let row = 0;
      const first = layout.columns.findIndex(({ name }) => name === classes[0]);
      await pipeline(checkTiles, {
        append: (rows) => {
          for (const fields of rows) {
            values.set(
              fields.slice(first, first + classes.length).map(Number),
              row++ * classes.length,
            );
          }
          return Promise.resolve();
        },
      });
      return { shape: [checkTiles, classes.length], values };
    },
    close: () => classifier.close(),
  };
}

/** Seconds a tile, of one thread: files are opened and read into memory that is there, and closed. */
function readAll(sources: readonly ImageSource[], count: number): number {
  let buffer = Buffer.alloc(1 << 20);
  const begin = performance.now();
  for (let i = 0; i < count; i++) {
    const source = sources[i % sources.length];
    if (source === undefined) continue;
    const file = openSync(source.file, 'r');
    const bytes = readSync(file, buffer);
    if (bytes === buffer.length) buffer = Buffer.alloc(2 * bytes);
    closeSync(file);
  }
  return (performance.now() - begin) / 1000 / count;
}

/** Seconds a tile. */
async function timed(tiles: number, work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000 / tiles;
}

// An async source, as the lists of predict are.
// eslint-disable-next-line @typescript-eslint/require-await
async function* stream(
  sources: readonly ImageSource[],
  count: number,
): AsyncGenerator<ImageSource> {
  for (let i = 0; i < count; i++) {
    const source = sources[i % sources.length];
    // A new object each time: rows are told apart by theirs.
    if (source !== undefined) yield { ...source };
  }
}

async function* numbered(
  items: AsyncIterable<ImageSource>,
): AsyncGenerator<ImageSource & { row: number }> {
  let row = 0;
  for await (const item of items) yield { ...item, row: row++ };
}
