/** What a finished training is judged by, and the files that say so. */
import { cpus, totalmem } from 'node:os';
import sharp from 'sharp';
import { RESEARCH_NOTICE } from '../config.js';
import {
  classificationReport,
  formatClassificationReport,
  type ClassificationReport,
} from '../evaluation/classification-report.js';
import { accuracy, argmaxRows, confusionMatrix, logLoss } from '../evaluation/confusion.js';
import type { Scores } from '../evaluation/scores.js';
import type { TileStore } from '../imaging/tile-store.js';
import { MANY_CLASSES } from '../report/components.js';
import type { ReportCommon, ReportFailure, ReportSample } from '../report/data.js';
import { csvLine, readCsvRows } from '../storage/csv.js';
import { INDEX_FILE } from '../imaging/tile-store-format.js';
import { join } from 'node:path';
import { sampleTiles } from '../dataset/samples.js';

/** The kept weights on the validation part. */
export interface Judgement {
  readonly predicted: Int32Array;
  readonly accuracy: number;
  readonly logLoss: number;
  readonly confusionMatrix: number[][];
  readonly classificationReport: ClassificationReport & { readonly text: string };
}

/** @param probabilities row-major (tiles, classes), in the order of `truth` */
export function judge(
  truth: ArrayLike<number>,
  probabilities: Float32Array,
  classes: readonly string[],
): Judgement {
  const predicted = argmaxRows(probabilities, classes.length);
  const matrix = confusionMatrix(truth, predicted, classes.length);
  const report = classificationReport(matrix, classes);
  return {
    predicted,
    accuracy: accuracy(truth, predicted),
    logLoss: logLoss(truth, probabilities, classes.length),
    confusionMatrix: matrix,
    classificationReport: { ...report, text: formatClassificationReport(report) },
  };
}

/** What predictions.csv says of a tile beside its probabilities. */
export interface MoreColumns {
  readonly names: readonly string[];
  /** Of a tile, by its place among the rows of the file. */
  readonly of: (i: number) => readonly string[];
}

/**
 * predictions.csv: path, label, predicted, one probability a class (named by the class).
 * @param more columns behind them
 */
export function predictionsCsv(
  store: Pick<TileStore, 'classes' | 'paths' | 'labels'>,
  tiles: Int32Array,
  predicted: Int32Array,
  probabilities: Float32Array,
  more?: MoreColumns,
): string {
  const { classes, paths, labels } = store;
  const name = (c: number | undefined): string => classes[c ?? -1] ?? '';
  const lines = [csvLine(['path', 'label', 'predicted', ...classes, ...(more?.names ?? [])])];
  for (const [i, tile] of tiles.entries()) {
    const row = probabilities.subarray(i * classes.length, (i + 1) * classes.length);
    // Seven digits are what a float32 carries.
    const numbers = Array.from(row, (p) => Number(p.toPrecision(7)));
    const own = more?.of(i) ?? [];
    lines.push(
      csvLine([paths[tile] ?? '', name(labels[tile]), name(predicted[i]), ...numbers, ...own]),
    );
  }
  return lines.join('');
}

/** metrics.json: everything that the report shows but its pictures and the points of its curves. */
export function metricsJson(report: ReportCommon, more: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(
    {
      format: 'lungcls-metrics',
      version: 1,
      notice: RESEARCH_NOTICE,
      ...report,
      samples: undefined,
      examples: undefined,
      scores: report.scores && withoutCurves(report.scores),
      ...more,
    },
    null,
    2,
  )}\n`;
}

/** predictions.csv has what the curves are made of. */
function withoutCurves(scores: Scores): object {
  return {
    ...scores,
    perClass: scores.perClass.map((c) => ({ ...c, roc: undefined, precisionRecall: undefined })),
  };
}

/** The store as the report shows it. */
export async function describeStore(
  store: TileStore,
  path: string,
): Promise<ReportCommon['store']> {
  const perClass = store.classes.map(() => 0);
  for (const label of store.labels) perClass[label] = (perClass[label] ?? 0) + 1;
  let failed = 0;
  const failures: ReportFailure[] = [];
  let header = true;
  for await (const [row, file = '', , , status = ''] of readCsvRows(
    join(store.directory, INDEX_FILE),
  )) {
    if (!header && row === '') {
      failed++;
      if (failures.length < MOST_FAILURES) failures.push({ path: file, status });
    }
    header = false;
  }
  return {
    path,
    tiles: store.count,
    perClass,
    size: store.spec.size,
    resize: store.spec.resize,
    color: store.spec.color,
    fingerprint: store.fingerprint,
    preprocessingFingerprint: store.preprocessingFingerprint,
    failed,
    failures,
  };
}

/** As many as the report shows. */
const MOST_FAILURES = 50;

/** Pictures that many classes have on the page are small, or most would not find room. */
const SMALL_SIDE = 96;

/** Some of the tiles that the samples picture shows, each as PNG. */
export async function samplePictures(store: TileStore, perClass: number): Promise<ReportSample[]> {
  const many = store.classes.length > MANY_CLASSES;
  const tiles = await sampleTiles(store, many ? 1 : perClass, 0);
  return Promise.all(
    tiles.map(async ({ label, path, png }) => ({
      label: store.classes.indexOf(label),
      path,
      mediaType: 'image/png' as const,
      data: many ? await sharp(png).resize(SMALL_SIDE, SMALL_SIDE).png().toBuffer() : png,
    })),
  );
}

/** What a run ran on, as the report shows it. */
export function describeMachine(
  tensorflow: string | undefined,
  onnxRuntime: string,
  threads: number,
): ReportCommon['runsOn'] {
  const cpu = cpus()[0]?.model;
  return {
    ...(tensorflow === undefined ? {} : { tensorflow }),
    onnxRuntime,
    threads,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    ...(cpu === undefined ? {} : { cpu }),
    memoryBytes: totalmem(),
  };
}
