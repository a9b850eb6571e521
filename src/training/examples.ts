/** The judged tiles that a report shows, with what spoke for their class. */
import { chooseExamples, type Example } from '../evaluation/examples.js';
import { gradCam } from '../evaluation/grad-cam.js';
import type { TileStore } from '../imaging/tile-store.js';
import { MappedRows } from '../native/addon.js';
import type { NetworkGraph } from '../network/graph.js';
import { logitGradient } from '../network/head-gradient.js';
import type { ReportExample } from '../report/data.js';
import { heatPicture, tilePicture } from '../report/heat-picture.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { StoredFeatures } from './features.js';
import type { HeadWeights } from './head/shape.js';

/** Heat map of a tile for a class: (side, side), 0 to 1. */
export type HeatOf = (
  tile: { readonly row: number; readonly pixels: Uint8Array },
  classIndex: number,
) => Promise<Float32Array>;

export interface ExamplePicturesOptions {
  readonly store: TileStore;
  /** The judged tiles, as rows of the store; all of them if not given. */
  readonly rows?: Int32Array;
  /** Class index of each. */
  readonly truth: readonly number[];
  /** Row-major (judged tiles, classes). */
  readonly probabilities: Float32Array;
  readonly classes: number;
  /** Undefined where there is nothing to look into: the tiles are then shown alone. */
  readonly heatOf: HeatOf | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The most confident mistakes and the least confident right answers, as pictures. @throws LungclsError ABORTED */
export async function examplePictures(options: ExamplePicturesOptions): Promise<ReportExample[]> {
  const { store, rows, truth, probabilities, classes, heatOf, signal } = options;
  const pixels = new Uint8Array(store.tileBytes);
  const draw = async ({
    index,
    truth: label,
    predicted,
    confidence,
  }: Example): Promise<ReportExample> => {
    throwIfAborted(signal);
    const row = rows === undefined ? index : (rows[index] ?? 0);
    await store.readTiles([row], pixels);
    const map = await heatOf?.({ row, pixels }, predicted);
    return {
      ...{ path: store.paths[row] ?? '', truth: label, predicted, confidence },
      tile: await tilePicture(pixels, store.spec.size),
      ...(map && { heat: await heatPicture(pixels, store.spec.size, map) }),
    };
  };
  const result: ReportExample[] = [];
  for (const example of chooseExamples(truth, probabilities, classes)) {
    result.push(await draw(example));
  }
  return result;
}

/** Heat maps from stored features and a head's weights. */
export function storedHeat(
  features: StoredFeatures,
  graph: NetworkGraph,
  weights: HeadWeights,
): { readonly heatOf: HeatOf; close(): void } {
  const values = features.shape.reduce((a, b) => a * b, 1);
  const stored = MappedRows.open(features.path, {
    offset: features.dataOffset,
    rowBytes: 2 * values,
    rows: features.count,
  });
  const own = new Float32Array(values);
  return {
    async heatOf({ row }, classIndex) {
      await stored.gatherHalfToFloat(Uint32Array.of(row), own);
      const gradient = logitGradient(graph, weights, own, features.shape, classIndex);
      return gradCam(own, gradient, features.shape);
    },
    close() {
      stored.close();
    },
  };
}
