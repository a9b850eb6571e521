/** Measures which numbers a model's images hold, by running it with that as its output. */
import { LungclsError } from '../errors.js';
import type { AttributeValue, OnnxModel, OnnxNode } from './model.js';

/** Of the numbers in each channel of an image. */
export interface ChannelStatistics {
  readonly min: Float32Array;
  readonly max: Float32Array;
  readonly mean: Float32Array;
}

/** Of every image, by its name. */
export type ImageStatistics = ReadonlyMap<string, ChannelStatistics>;

export const STATISTICS_OUTPUT = 'statistics';

const REDUCTIONS = ['ReduceMin', 'ReduceMax', 'ReduceMean'] as const;

/**
 * The model with another output, `statistics` float32 [numbers]: of every image in turn the least,
 * the largest and the mean number of each channel over a batch. What no image depends on is left
 * out, and with it the largest weights.
 * @param images with their numbers of channels: [N, channels, height, width]
 */
export function statisticsModel(model: OnnxModel, images: ReadonlyMap<string, number>): OnnxModel {
  const nodes = ancestors(model.nodes, images.keys());
  const parts: string[] = [];
  const attributes: Record<string, AttributeValue> = {
    axes: { integers: [0, 2, 3] },
    keepdims: { integer: 0 },
  };
  for (const image of images.keys()) {
    for (const type of REDUCTIONS) {
      const output = `${image}/${type}`;
      nodes.push({ name: output, type, inputs: [image], output, attributes });
      parts.push(output);
    }
  }
  nodes.push({
    name: STATISTICS_OUTPUT,
    type: 'Concat',
    inputs: parts,
    output: STATISTICS_OUTPUT,
    attributes: { axis: { integer: 0 } },
  });
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return {
    ...model,
    nodes,
    initializers: model.initializers.filter(({ name }) => read.has(name)),
    output: { name: STATISTICS_OUTPUT, type: 'float32', shape: [lengthOf(images)] },
    extraOutputs: [],
    metadata: {},
  };
}

/** One run of a statisticsModel. */
export interface BatchStatistics {
  readonly numbers: Float32Array;
  /** Tiles that were in it. */
  readonly tiles: number;
}

/**
 * How the extremes of several batches become one range. `largest`: what was ever seen fits.
 * `mean`: the mean of the batches' extremes, so that one odd tile does not make every step coarse; what
 * is beyond is cut off.
 */
export const RANGES = ['largest', 'mean'] as const;
export type RangeKind = (typeof RANGES)[number];

/**
 * The statistics over several batches, by image.
 * @throws LungclsError INTERNAL for numbers of another model, or that are not finite
 */
export function mergeStatistics(
  images: ReadonlyMap<string, number>,
  batches: readonly BatchStatistics[],
  range: RangeKind = 'largest',
): ImageStatistics {
  const length = lengthOf(images);
  if (batches.some(({ numbers }) => numbers.length !== length || !numbers.every(Number.isFinite))) {
    throw new LungclsError(
      'INTERNAL',
      `Expected ${String(length)} finite numbers of a calibration`,
    );
  }
  const tiles = batches.reduce((sum, batch) => sum + batch.tiles, 0);
  const result = new Map<string, ChannelStatistics>();
  let offset = 0;
  for (const [image, channels] of images) {
    const at = (reduction: number): readonly Float32Array[] =>
      batches.map(({ numbers }) => {
        const start = offset + reduction * channels;
        return numbers.subarray(start, start + channels);
      });
    const merge = (reduction: number, of: (values: number[]) => number): Float32Array => {
      const parts = at(reduction);
      return Float32Array.from({ length: channels }, (_, c) =>
        of(parts.map((part) => part[c] ?? 0)),
      );
    };
    const average = (values: number[]): number =>
      values.reduce((sum, value, i) => sum + (value * (batches[i]?.tiles ?? 0)) / tiles, 0);
    result.set(image, {
      min: merge(0, range === 'mean' ? average : (values) => Math.min(...values)),
      max: merge(1, range === 'mean' ? average : (values) => Math.max(...values)),
      mean: merge(2, average),
    });
    offset += REDUCTIONS.length * channels;
  }
  return result;
}

/** Whether every one of the images was measured, with its number of channels. */
export function covers(measured: ImageStatistics, images: ReadonlyMap<string, number>): boolean {
  return [...images].every(([image, channels]) => measured.get(image)?.min.length === channels);
}

/** As text, to be kept: every float32 comes back as it was. */
export function statisticsJson(measured: ImageStatistics): string {
  const plain = Array.from(measured, ([image, { min, max, mean }]) => ({
    image,
    min: Array.from(min),
    max: Array.from(max),
    mean: Array.from(mean),
  }));
  return `${JSON.stringify(plain)}\n`;
}

/** What statisticsJson wrote, or undefined for anything else. */
export function parseStatistics(text: string): ImageStatistics | undefined {
  const result = new Map<string, ChannelStatistics>();
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(entries)) return undefined;
  for (const entry of entries as unknown[]) {
    const { image, min, max, mean } = (entry ?? {}) as Record<string, unknown>;
    const [a, b, c] = [min, max, mean].map(floats);
    if (typeof image !== 'string' || a === undefined || b === undefined || c === undefined) {
      return undefined;
    }
    if (a.length !== b.length || a.length !== c.length) return undefined;
    result.set(image, { min: a, max: b, mean: c });
  }
  return result;
}

function floats(values: unknown): Float32Array | undefined {
  if (!Array.isArray(values) || !values.every(Number.isFinite)) return undefined;
  return Float32Array.from(values as number[]);
}

function lengthOf(images: ReadonlyMap<string, number>): number {
  return [...images.values()].reduce((sum, channels) => sum + REDUCTIONS.length * channels, 0);
}

/** Of the nodes, in their order, those that one of the values depends on. */
function ancestors(nodes: readonly OnnxNode[], values: Iterable<string>): OnnxNode[] {
  const wanted = new Set(values);
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!wanted.has(node.output)) continue;
    kept.push(node);
    for (const input of node.inputs) wanted.add(input);
  }
  return kept.reverse();
}
