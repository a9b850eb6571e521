/** The tiles that an export is calibrated and judged on: what the run held out, and what it trained on. */
import { access, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { CheckTiles } from '../bundle/agreement.js';
import type { Bundle } from '../bundle/read.js';
import { RECIPE } from '../config.js';
import { readSplitFile } from '../dataset/split-file.js';
import { LungclsError, readError } from '../errors.js';
import { TileStore } from '../imaging/tile-store.js';
import { checkPreprocessing } from '../inference/classifier.js';
import { parseJson } from '../storage/json.js';

/** As many as `train` takes. */
const CALIBRATION_TILES = 64;
const CHOICE_TILES = 192;

export interface ExportTilesOptions {
  readonly bundle: Bundle;
  /** The bundle's folder, in a run's folder. */
  readonly model: string;
  /** A tile store; the one the run was trained on by default. */
  readonly store?: string | undefined;
  /** Says which tiles are held out; the run's split.csv by default. */
  readonly split?: string | undefined;
  /** At most so many held-out tiles. */
  readonly heldOut: number;
  /** Whether training tiles are wanted too. */
  readonly training: boolean;
}

export interface ExportTiles {
  readonly heldOut: CheckTiles;
  /** Of each held-out tile, the model's class, -1 where the store's class is none of them. */
  readonly truth: Int32Array;
  /** Training tiles for 8 bits: to calibrate on, and others to choose the method on. */
  readonly training?: { readonly calibration: CheckTiles; readonly choice: CheckTiles };
  readonly storeFingerprint: string;
}

/**
 * Both parts in random order, so that their first tiles are a sample of them.
 * @throws LungclsError INVALID_OPTION (no store known) | INPUT_NOT_FOUND | INPUT_UNREADABLE |
 *   STORE_INVALID | SPLIT_INVALID | PREPROCESSING_MISMATCH | TOO_FEW_TILES
 */
export async function readExportTiles(options: ExportTilesOptions): Promise<ExportTiles> {
  const { metadata } = options.bundle;
  const run = dirname(resolve(options.model));
  const store = await TileStore.open(options.store ?? (await storeOf(run)));
  try {
    const { spec, preprocessingFingerprint: fingerprint, directory } = store;
    checkPreprocessing(metadata, { spec, fingerprint, name: directory });
    const file = options.split ?? (await splitOf(run));
    const split = await readSplitFile(file, store.paths, RECIPE.splitSeed);
    const read = async (rows: Int32Array): Promise<CheckTiles> => {
      const tiles = new Uint8Array(rows.length * store.tileBytes);
      await store.readTiles(rows, tiles);
      return { tiles, count: rows.length, size: spec.size, classes: metadata.classes.length };
    };
    const heldOut = split.validation.subarray(0, options.heldOut);
    const classOf = store.classes.map((name) => metadata.classes.indexOf(name));
    const [calibration, choice] = shareOut(split.train.length);
    if (options.training && split.train.length < 2) {
      throw new LungclsError(
        'TOO_FEW_TILES',
        `Expected at least two training tiles in ${file}, to calibrate on and to choose a method on`,
        { path: file },
      );
    }
    return {
      heldOut: await read(heldOut),
      truth: heldOut.map((row) => classOf[store.labels[row] ?? -1] ?? -1),
      ...(options.training
        ? {
            training: {
              calibration: await read(split.train.subarray(0, calibration)),
              choice: await read(split.train.subarray(calibration, calibration + choice)),
            },
          }
        : {}),
      storeFingerprint: store.fingerprint,
    };
  } finally {
    store.close();
  }
}

/** As many as `train` calibrates on; where there are few, a quarter is left to choose on. */
function shareOut(tiles: number): [calibration: number, choice: number] {
  const calibration = Math.min(CALIBRATION_TILES, Math.floor(0.75 * tiles));
  return [calibration, Math.min(CHOICE_TILES, tiles - calibration)];
}

/** The store that a run's metrics.json names. */
async function storeOf(run: string): Promise<string> {
  const path = join(run, 'metrics.json');
  const unknown = (why: string, cause?: unknown): LungclsError =>
    new LungclsError(
      'INVALID_OPTION',
      `Expected a tile store (--store), whose held-out tiles judge the export, for ${why}`,
      { cause, path },
    );
  let value: unknown;
  try {
    value = parseJson(await readFile(path, 'utf8'));
  } catch (error) {
    throw unknown(`${path} cannot be read, which would name it`, error);
  }
  const store = field(field(value, 'store'), 'path');
  if (typeof store !== 'string') throw unknown(`${path} names none`);
  await access(store).catch((error: unknown) => {
    throw unknown(`the one that ${path} names is not there: ${store}`, error);
  });
  return store;
}

async function splitOf(run: string): Promise<string> {
  const path = join(run, 'split.csv');
  await access(path).catch((error: unknown) => {
    const { code, message } = readError(error, path);
    throw new LungclsError(
      code,
      `${message}; it says which tiles are held out; name another with --split`,
      { cause: error, path },
    );
  });
  return path;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}
