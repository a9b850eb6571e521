/** Shows what spoke for the class that a model gives to single images: `lungcls-fast explain`. */
import { mkdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { calibrate } from '../bundle/calibration.js';
import { openBundle } from '../bundle/read.js';
import { LIMITS } from '../config.js';
import { listImages } from '../dataset/list.js';
import { pathSegments } from '../dataset/names.js';
import { LungclsError, writeError } from '../errors.js';
import { argmaxRows } from '../evaluation/confusion.js';
import { decodeTiles } from '../imaging/decoder.js';
import type { ImageSource } from '../imaging/source.js';
import type { Device } from '../inference/classifier.js';
import { temperatureOf } from '../inference/temperature.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { resolveThreads } from '../runtime/threads.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { refuseExisting } from '../storage/existing.js';
import { HeatModel } from './heat-model.js';
import { drawHeatSheet } from './heat-sheet.js';

export interface ExplainImagesOptions extends TaskOptions {
  /** A model bundle: the folder that `train` wrote. */
  model: string;
  /** Images, folders, archives or patterns, as for `predict`. */
  inputs: readonly string[];
  /** A .png for one image; else a folder, for a .png an image. */
  output: string;
  /** The class whose evidence is shown; of each image the one that it is given, if not named. */
  className?: string;
  /** As for `predict`: printed probabilities after temperature scaling, where the model has one. */
  calibrated?: boolean;
  device?: Device;
  threads?: number;
  /** Most pixels an image may have; 100 million by default. */
  maxPixels?: number;
  /** Replace pictures that are there. */
  force?: boolean;
}

export interface ExplainedImage {
  readonly path: string;
  /** `ok`, `damaged`, or the code of what was wrong; the rest is there where it is `ok`. */
  readonly status: string;
  readonly message: string;
  /** The picture. */
  readonly picture?: string;
  readonly label?: string;
  /** The class that the picture is about. */
  readonly explained?: string;
  /** By class name, 0 to 1. */
  readonly probabilities?: Readonly<Record<string, number>>;
  /** Rows of the heat map, 0 to 1: [14][14] of a tile of 256 pixels. */
  readonly heat?: readonly (readonly number[])[];
}

export interface ExplainImagesResult {
  readonly images: readonly ExplainedImage[];
  /** By which logits were divided for the probabilities; null: none. */
  readonly temperature: number | null;
  readonly runsOn: string;
}

/** Images decoded at a time. */
const BATCH = 8;

/**
 * Writes a picture of each image: the tile as the network sees it, Grad-CAM at mixed7 of one class laid
 * over it, class and probabilities. An image that cannot be read has a status and no picture.
 * @throws LungclsError INVALID_OPTION | UNKNOWN_CLASS | INPUT_NOT_FOUND | INPUT_EMPTY | MODEL_INVALID |
 *   OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | DEVICE_UNAVAILABLE | ABORTED, and the codes of archives
 */
export async function explainImages(options: ExplainImagesOptions): Promise<ExplainImagesResult> {
  const { model, inputs, output, className, device, signal } = options;
  const threads = resolveThreads(options.threads);
  const bundle = await openBundle(model, { engine: 'tfjs' });
  const { classes, preprocessing } = bundle.metadata;
  const temperature = temperatureOf(bundle.metadata, options.calibrated);
  const asked = className === undefined ? undefined : classes.indexOf(className);
  if (asked === -1) {
    throw new LungclsError(
      'UNKNOWN_CLASS',
      `Expected one of the model's classes (${classes.join(', ')}) for class but received ${String(className)}`,
    );
  }
  const sources: ImageSource[] = [];
  for await (const source of listImages(inputs, { signal })) sources.push(source);
  const pictures = await picturePaths(sources, output, options.force ?? false);
  const heat = await HeatModel.open(bundle, { device, threads, signal });
  const images: ExplainedImage[] = [];
  try {
    options.onMessage?.(`Features with ${heat.description}`, 'info');
    const batches = decodeTiles(sources, {
      ...{ size: preprocessing.size, resize: preprocessing.resize, batchSize: BATCH, threads },
      maxPixels: options.maxPixels ?? LIMITS.maxPixels,
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const batch of batches) {
      try {
        for (const [i, { path }] of batch.sources.entries()) {
          throwIfAborted(signal);
          const { status, message } = batch.statuses[i] ?? { status: 'INTERNAL', message: '' };
          const picture = pictures[images.length] ?? '';
          const bytes = preprocessing.size ** 2 * 3;
          const tile = batch.tiles.slice(i * bytes, (i + 1) * bytes);
          const subject = { path, tile, size: preprocessing.size, classes, temperature };
          images.push(
            status === 'ok'
              ? { ...(await explainTile(heat, { ...subject, asked, picture })), status, message }
              : { path, status, message },
          );
          const done = images.length;
          options.onProgress?.({ stage: 'explain', done, total: sources.length, unit: 'tiles' });
        }
      } finally {
        batch.release();
      }
    }
    return { images, temperature: temperature ?? null, runsOn: heat.description };
  } finally {
    await heat.close();
  }
}

interface Subject {
  readonly path: string;
  readonly tile: Uint8Array;
  readonly size: number;
  readonly classes: readonly string[];
  readonly temperature: number | undefined;
  /** The class to explain, if not the one that the tile is given. */
  readonly asked: number | undefined;
  readonly picture: string;
}

async function explainTile(
  heat: HeatModel,
  { path, tile, size, classes, temperature, asked, picture }: Subject,
): Promise<Omit<ExplainedImage, 'status' | 'message'>> {
  const features = await heat.features(tile);
  const own = heat.probabilities(features);
  const label = argmaxRows(own, classes.length)[0] ?? 0;
  const probabilities =
    temperature === undefined ? own : calibrate(own, classes.length, temperature);
  const explained = asked ?? label;
  const map = heat.heat(features, explained);
  const sheet = await drawHeatSheet({
    ...{ path, tile, size, map, classes, probabilities, label, explained },
    scale:
      temperature === undefined
        ? 'Probabilities as the network gives them, not calibrated.'
        : `Probabilities after temperature scaling (${temperature.toFixed(3)}).`,
  });
  await writeFileAtomic(picture, sheet);
  const [, width = 1] = heat.shape;
  const rows = Array.from({ length: map.length / width }, (_, row) =>
    Array.from(map.subarray(row * width, (row + 1) * width), (x) => Number(x.toFixed(4))),
  );
  return {
    ...{ path, picture, label: classes[label] ?? '', explained: classes[explained] ?? '' },
    probabilities: Object.fromEntries(classes.map((name, c) => [name, probabilities[c] ?? NaN])),
    heat: rows,
  };
}

/** Where the picture of each image goes; none of them is there, unless `force`. */
async function picturePaths(
  sources: readonly ImageSource[],
  output: string,
  force: boolean,
): Promise<string[]> {
  if (extname(output).toLowerCase() === '.png') {
    if (sources.length !== 1) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected the name of a folder for output, for pictures of ${String(sources.length)} images, but received ${output}`,
      );
    }
    if (!force) await refuseExisting(output);
    return [output];
  }
  try {
    await mkdir(output, { recursive: true });
  } catch (error) {
    throw writeError(error, output);
  }
  const taken = new Set<string>();
  const paths: string[] = [];
  for (const { path } of sources) {
    const file = pathSegments(path).at(-1) ?? 'image';
    const stem = file.slice(0, file.length - extname(file).length);
    let free = stem;
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${stem}-${String(n)}`;
    taken.add(free.toLowerCase());
    paths.push(join(output, `${free}.png`));
  }
  if (!force) for (const path of paths) await refuseExisting(path);
  return paths;
}
