/** Small valid files of what the commands write and read again: results, their records, benches, models. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BENCH_FORMAT, BENCH_VERSION } from '#src/bench/results.js';
import { COLOUR_COUNT } from '#src/domain/colour.js';
import { encodeDomain } from '#src/domain/file.js';
import type { Gaussian } from '#src/domain/gaussian.js';
import { jobRecord, parquetTexts } from '#src/inference/job-record.js';
import { ResultLayout } from '#src/inference/result-columns.js';
import { writeParquet } from '#src/inference/result-parquet.js';
import { statisticsJson } from '#src/onnx/calibration.js';
import { jsons } from './seeds.js';

const layout = new ResultLayout({ classes: ['a', 'b'], top: 1, numbered: true });
export const COLUMNS = layout.columns;

const ROWS = [
  { path: 'x/1.jpeg', status: 'ok', probabilities: Float32Array.of(0.25, 0.75), row: 0 },
  { path: 'a "b", c\n', status: 'IMAGE_EMPTY', probabilities: undefined, row: 1 },
  { path: 'x/größe.jpeg', status: 'damaged', probabilities: Float32Array.of(1, 0), row: 2 },
];

const record = jobRecord({
  ...{ toolVersion: '1', model: { classes: ['a', 'b'], fingerprint: 'abc' } },
  settings: { top: 1, threshold: null, calibrated: false, precision: 'int8' },
  inputs: { images: 3, paths: 'a'.repeat(64) },
  ...{ shard: { index: 1, count: 2 }, rows: 3, images: 'b'.repeat(64) },
  ...{ perClass: { a: 1, b: 1 }, perStatus: { ok: 1, damaged: 1, IMAGE_EMPTY: 1 } },
  outOfDomain: null,
});

/** Of a result file that is one `x`. */
export const jobRecords = (): Buffer[] =>
  jsons({ ...record, file: { bytes: 1, sha256: createHash('sha256').update('x').digest('hex') } });

export const jsonRows = (): Buffer[] => {
  const lines = ROWS.map((row) => {
    const fields = layout.row(row);
    const members = COLUMNS.map(({ name, type }, i): [string, unknown] => {
      const text = fields[i] ?? '';
      return [name, text === '' ? null : type === 'text' ? text : Number(text)];
    });
    return `${JSON.stringify(Object.fromEntries(members))}\n`;
  });
  return [Buffer.from(lines.join(''))];
};

/** Two row groups would need more rows than a small file has: one, with the job's record in its footer. */
export async function parquets(): Promise<Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-seed-'));
  try {
    const file = join(folder, 'rows.parquet');
    const rows = (async function* () {
      for (const row of ROWS) yield await Promise.resolve(layout.row(row));
    })();
    await writeParquet(file, COLUMNS, () => parquetTexts(record), rows);
    return [await readFile(file)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Weights of 6 numbers, which are in a file of their own. */
export const layersModels = (): Buffer[] =>
  jsons({
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config: { layers: [] } },
    weightsManifest: [
      {
        paths: ['w.bin'],
        weights: [
          { name: 'kernel', shape: [2, 2], dtype: 'float32' },
          { name: 'bias', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  });

export const domains = (): Buffer[] => {
  const gaussian = (width: number): Gaussian => ({
    ...{ width, mean: new Float32Array(width).fill(0.5), residual: 0.1 },
    axes: new Float32Array(2 * width).fill(0.25),
  });
  const domain = encodeDomain({
    ...{ content: gaussian(12), colour: gaussian(COLOUR_COUNT), precision: 'fp32' },
    ...{ tiles: 10, validationTiles: 3, rejected: 0 },
    ...{ contentLimit: 2, colourLimit: 3, spreadLimit: 4 },
  });
  return [Buffer.from(domain)];
};

export const statistics = (): Buffer[] => {
  const range = (value: number): Float32Array => new Float32Array(3).fill(value);
  const ranges = { min: range(-1), max: range(2.5), mean: range(0.125) };
  return [Buffer.from(statisticsJson(new Map([['conv2d', ranges]])))];
};

export const benches = (): Buffer[] => {
  const round = { tiles: 10, seconds: 0.5 };
  const rates = { median: 20, low: 19, high: 21 };
  const trial = (variant: string): Record<string, unknown> => ({
    ...{ workload: 'decode', group: '1 thread', variant, name: variant, kind: 'ours' },
    ...{ status: 'ok', reason: '', rounds: [round, round, round], tilesPerSecond: rates },
    ...{ latencyMs: null, stagesMs: null, bottleneck: null, floors: [], reference: false },
  });
  return jsons({
    ...{ format: BENCH_FORMAT, version: BENCH_VERSION, toolVersion: '1', date: '2026-01-01' },
    machine: {
      cpu: 'one',
      cores: 2,
      threads: 2,
      extensions: [],
      memoryBytes: 1,
      os: 'Linux',
      gpu: null,
    },
    versions: { node: '20' },
    settings: {
      suites: ['decode'],
      rounds: 3,
      roundSeconds: 0.5,
      batchSizes: [1],
      threadCounts: [1],
    },
    images: { what: 'tiles', files: 10, meanBytes: 5, size: 256 },
    ...{ commit: null, model: null, workloads: [], skipped: [], seconds: 2, comparisons: [] },
    noise: { probeMs: [1, 1], probe: 0.01, rounds: 0.01, loadBefore: 0 },
    floors: { memoryReadGBs: 10, fp32Gflops: null },
    trials: [trial('cv2'), trial('area')],
  });
};
