/** The parsers written in TypeScript, each as a function of bytes, with valid files to begin from. */
import { open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { compareBenches, comparisonLines } from '#src/bench/compare.js';
import { readBench } from '#src/bench/read.js';
import { readLayersModel } from '#src/bundle/layers-model.js';
import { describeModel, parseMetadata } from '#src/bundle/metadata.js';
import { readList } from '#src/dataset/list.js';
import { readTar } from '#src/dataset/tar.js';
import { readZip } from '#src/dataset/zip.js';
import { decodeBmp } from '#src/imaging/bmp-decoder.js';
import { ImageFailure } from '#src/imaging/decoded-image.js';
import { imageFormat } from '#src/imaging/image-format.js';
import { decodeWithSharp } from '#src/imaging/sharp-decoder.js';
import { readJournal } from '#src/imaging/tile-journal.js';
import { parseStoreDescription } from '#src/imaging/tile-store-format.js';
import { decodeDomain } from '#src/domain/file.js';
import { LungclsError } from '#src/errors.js';
import { differences, readRecord, recordPath } from '#src/inference/job-record.js';
import type { ResultFormat } from '#src/inference/result-format.js';
import { readResultRows } from '#src/inference/result-rows.js';
import { readKerasFileApart } from '#src/network/keras-apart.js';
import { readNsfwjsModel } from '#src/network/nsfwjs.js';
import { readTarball } from '#src/network/tarball.js';
import { readZipEntry } from '#src/network/zip-entry.js';
import { parseStatistics } from '#src/onnx/calibration.js';
import { readOnnxMetadata, verifySeal } from '#src/onnx/metadata.js';
import { parseCsv, readCsvRows } from '#src/storage/csv.js';
import { readNpyHeader } from '#src/storage/npy.js';
import { readSafetensors } from '#src/storage/safetensors.js';
import * as seeds from './seeds.js';
import * as written from './seeds-results.js';

export interface Target {
  readonly seeds: () => readonly Buffer[] | Promise<readonly Buffer[]>;
  /** Ends, or throws what isExpected knows. `file` is a name that may be written to. */
  readonly run: (bytes: Buffer, file: string) => unknown;
  /** Longest that a small file may take; 5 by default. */
  readonly mostSeconds?: number;
}

/** What a parser may throw: an error with a code, or the status of an image. */
export function isExpected(error: unknown): boolean {
  const isOurs = error instanceof LungclsError || error instanceof ImageFailure;
  return isOurs && error.code !== 'INTERNAL' && error.message !== '';
}

const LIMITS = { maxPixels: 1_000_000, maxMemory: 64 << 20, maxSeconds: 4 };

/** Writes the bytes to the file before it is read. */
const fromFile =
  (read: (file: string) => unknown) =>
  async (bytes: Buffer, file: string): Promise<void> => {
    await writeFile(file, bytes);
    await read(file);
  };

/** npy: what callers rely on without looking again. */
async function npy(file: string): Promise<void> {
  const { dtype, shape, dataOffset } = await readNpyHeader(file);
  if (!/^[|<][uif]\d$/.test(dtype) || dataOffset < 10) throw new Error(`npy header: ${dtype}`);
  const sane = shape.every((length) => Number.isSafeInteger(length) && length >= 0);
  if (!sane) throw new Error(`npy shape: ${shape.join(', ')}`);
}

/** A layers model of one weight file. */
async function layersModel(bytes: Buffer, file: string): Promise<void> {
  const folder = dirname(file);
  await writeFile(join(folder, 'model.json'), bytes);
  await writeFile(join(folder, 'w.bin'), Buffer.alloc(24, 1));
  const { weights } = await readLayersModel(folder);
  for (const { shape, data } of weights.values()) {
    const length = shape.reduce((product, side) => product * side, 1);
    if (length !== data.length)
      throw new Error(`${data.length} weights of shape [${shape.join()}]`);
  }
}

/** Result rows of any format: as many fields as columns, whatever the file says. */
const rows = (format: ResultFormat): ((bytes: Buffer, file: string) => Promise<void>) =>
  fromFile(async (file) => {
    for await (const chunk of readResultRows(file, format, written.COLUMNS)) {
      for (const fields of chunk) {
        const texts = fields.every((field) => typeof field === 'string');
        if (!texts || fields.length !== written.COLUMNS.length) throw new Error('not a row');
      }
    }
  });

export const TARGETS: Readonly<Record<string, Target>> = {
  'zip-directory': { seeds: seeds.zips, run: fromFile((file) => readZip(file)) },
  tar: {
    seeds: seeds.tars,
    run: fromFile(async (file) => {
      for await (const { range } of readTar(file, '', false)) {
        if (range === undefined || range.offset < 512) throw new Error('no place');
      }
    }),
  },
  npy: { seeds: seeds.arrays, run: fromFile(npy) },
  safetensors: { seeds: seeds.safetensors, run: fromFile(readSafetensors) },
  csv: {
    seeds: seeds.tables,
    run: async (bytes, file) => {
      await writeFile(file, bytes);
      const rows: string[][] = [];
      try {
        rows.push(...parseCsv(bytes.toString('utf8')));
      } catch (error) {
        if (!isExpected(error)) throw error;
      }
      for await (const _ of readCsvRows(file)) rows.pop();
    },
  },
  'list-of-names': {
    seeds: seeds.names,
    run: async (bytes) => {
      const half = Math.floor(bytes.length / 2);
      const parts = Readable.from([bytes.subarray(0, half), bytes.subarray(half)]);
      for await (const { file } of readList(parts)) if (file === '') throw new Error('no name');
    },
  },
  journal: {
    seeds: seeds.journals,
    run: async (bytes, file) => {
      await writeFile(file, bytes);
      const handle = await open(file, 'r');
      try {
        const { validBytes } = await readJournal(handle);
        if (validBytes > bytes.length) throw new Error('valid beyond the end');
      } finally {
        await handle.close();
      }
    },
  },
  'store.json': {
    seeds: seeds.stores,
    run: (bytes) => parseStoreDescription(bytes.toString('utf8'), 'store.json'),
  },
  'lungcls.json': {
    seeds: seeds.descriptions,
    run: (bytes) => describeModel(parseMetadata(bytes.toString('utf8'), 'lungcls.json')),
  },
  'onnx-metadata': {
    seeds: seeds.models,
    run: fromFile(async (file) => verifySeal(file, await readOnnxMetadata(file))),
  },
  'js-literal': {
    seeds: seeds.literals,
    run: (bytes) => {
      const module = Buffer.concat([Buffer.from('!function(){e.exports='), bytes]);
      const files = new Map([
        ['model.min.js', module],
        ['group1.min.js', Buffer.from('e.exports="AAAA"')],
      ]);
      return readNsfwjsModel(files, 'a package');
    },
  },
  tarball: {
    seeds: seeds.tarballs,
    run: (bytes) => readTarball(bytes, (name) => name.length > 3, 'a package'),
  },
  'keras-zip': {
    seeds: seeds.zips,
    run: (bytes) => readZipEntry(bytes, 'model.weights.h5', 'a .keras file'),
  },
  hdf5: {
    seeds: seeds.hdf5s,
    run: (bytes) => readKerasFileApart(bytes, 'an .h5 file'),
    // It gives up after ten seconds by itself.
    mostSeconds: 20,
  },
  'model.json': { seeds: written.layersModels, run: layersModel },
  domain: {
    seeds: written.domains,
    run: async (bytes) => {
      const { content, colour } = await decodeDomain(bytes, 'a domain');
      for (const { width, mean } of [content, colour]) {
        if (mean.length !== width) throw new Error('not one mean a feature');
      }
    },
  },
  statistics: {
    seeds: written.statistics,
    run: (bytes) => {
      for (const { min, max } of parseStatistics(bytes.toString('utf8'))?.values() ?? []) {
        if (min.length !== max.length) throw new Error('a range without an end');
      }
    },
  },
  'result-rows jsonl': { seeds: written.jsonRows, run: rows('jsonl') },
  'result-rows parquet': {
    seeds: written.parquets,
    run: rows('parquet'),
    // It gives up after ten seconds by itself.
    mostSeconds: 20,
  },
  'job-record': {
    seeds: written.jobRecords,
    run: async (bytes, file) => {
      await writeFile(file, 'x');
      await writeFile(recordPath(file), bytes);
      const record = await readRecord(file, 'csv');
      if (record !== undefined) differences(record, record);
    },
  },
  'bench.json': {
    seeds: written.benches,
    run: fromFile(async (file) => {
      const results = await readBench(file);
      comparisonLines(compareBenches(results, results));
    }),
  },
  bmp: { seeds: seeds.bitmaps, run: (bytes) => decodeBmp(bytes, LIMITS) },
  pictures: {
    seeds: seeds.pictures,
    run: async (bytes) => {
      if (imageFormat(bytes) === undefined) return;
      const { width, height, pixels } = await decodeWithSharp(bytes, LIMITS);
      if (pixels.length !== width * height * 3) throw new Error('not width * height * 3 bytes');
    },
  },
};
