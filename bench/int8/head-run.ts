/** Trains the recipe's head on features and judges it on those of either precision. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MappedRows } from '#src/native/addon.js';
import { headGraph } from '#src/network/head.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { availableThreads } from '#src/runtime/threads.js';
import { Checkpoint } from '#src/training/checkpoint.js';
import type { StoredFeatures } from '#src/training/features.js';
import { evaluateHead, fit } from '#src/training/fit.js';
import { chooseFirstLayer, createFirstDense } from '#src/training/head/choose-dense.js';
import { HeadTrainer } from '#src/training/head/head.js';
import { initialHeadWeights } from '#src/training/head/initial.js';
import { headShape } from '#src/training/head/shape.js';
import { resolveSettings } from '#src/training/options.js';

export interface HeadRun {
  /** Best validation accuracy of the epochs, on features as those trained on. */
  own: number;
  /** The same weights, fed with features of the other precision. */
  other: number;
  epochs: number;
}

export interface HeadRunOptions {
  trainedOn: StoredFeatures;
  other: StoredFeatures;
  labels: ArrayLike<number>;
  classes: number;
  train: Int32Array;
  validation: Int32Array;
  seed: number;
  epochs: number;
  /** A folder for checkpoints, removed at the end. */
  work: string;
}

/** The recipe's callbacks, but for the stop at 0.90: that would end every run after one epoch. */
export async function runHead(options: HeadRunOptions): Promise<HeadRun> {
  const { trainedOn, other, classes, labels, seed, epochs, train, validation, work } = options;
  const tensorflow = await loadTensorflow();
  const firstLayer = chooseFirstLayer('auto', tensorflow);
  const settings = resolveSettings({
    store: 'store',
    output: 'run',
    seed,
    epochs,
    targetAccuracy: false,
  });
  const shape = headShape(headGraph({ classes }), trainedOn.shape);
  const { features } = shape;
  const head = new HeadTrainer(tensorflow.tf, shape, initialHeadWeights(shape, seed), {
    createFirstDense: (kernel) =>
      createFirstDense(firstLayer, tensorflow, kernel, availableThreads()),
  });
  const open = ({ path, dataOffset, count }: StoredFeatures): MappedRows =>
    MappedRows.open(path, {
      offset: dataOffset,
      rowBytes: (2 * features) / head.blocks,
      rows: count * head.blocks,
    });
  const [rows, otherRows] = [open(trainedOn), open(other)];
  const source = (of: MappedRows): { rows: MappedRows; blocks: number; features: number } => ({
    rows: of,
    blocks: head.blocks,
    features,
  });
  const common = { head, labels, settings };
  try {
    const { history } = await fit({
      ...common,
      source: source(rows),
      train,
      validation,
      checkpoint: new Checkpoint(join(work, 'checkpoint')),
      runsOn: 'bench',
    });
    const own = await evaluateHead({ ...common, source: source(rows) }, validation);
    const swapped = await evaluateHead({ ...common, source: source(otherRows) }, validation);
    return { own: own.accuracy, other: swapped.accuracy, epochs: history.length };
  } finally {
    rows.close();
    otherRows.close();
    head.dispose();
    await rm(work, { recursive: true, force: true });
  }
}
