/** The validation tiles that the report shows, with what spoke for their class. */
import { chooseExamples } from '../evaluation/examples.js';
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

export interface ExamplePicturesOptions {
  readonly store: TileStore;
  readonly features: StoredFeatures;
  readonly graph: NetworkGraph;
  readonly weights: HeadWeights;
  /** Rows of the store. */
  readonly validation: Int32Array;
  readonly truth: readonly number[];
  /** Row-major (validation tiles, classes). */
  readonly probabilities: Float32Array;
  readonly signal?: AbortSignal | undefined;
}

/** The most confident mistakes and the least confident right answers, as pictures. @throws LungclsError ABORTED */
export async function examplePictures(options: ExamplePicturesOptions): Promise<ReportExample[]> {
  const { store, features, graph, weights, validation, truth, probabilities, signal } = options;
  const values = features.shape.reduce((a, b) => a * b, 1);
  const rows = MappedRows.open(features.path, {
    offset: features.dataOffset,
    rowBytes: 2 * values,
    rows: features.count,
  });
  try {
    const own = new Float32Array(values);
    const tile = new Uint8Array(store.tileBytes);
    const result: ReportExample[] = [];
    for (const example of chooseExamples(truth, probabilities, store.classes.length)) {
      throwIfAborted(signal);
      const row = validation[example.index] ?? 0;
      await rows.gatherHalfToFloat(Uint32Array.of(row), own);
      await store.readTiles([row], tile);
      const gradient = logitGradient(graph, weights, own, features.shape, example.predicted);
      const map = gradCam(own, gradient, features.shape);
      result.push({
        path: store.paths[row] ?? '',
        truth: example.truth,
        predicted: example.predicted,
        confidence: example.confidence,
        tile: await tilePicture(tile, store.spec.size),
        heat: await heatPicture(tile, store.spec.size, map),
      });
    }
    return result;
  } finally {
    rows.close();
  }
}
