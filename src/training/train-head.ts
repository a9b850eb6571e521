/** One head, from its initial weights or its checkpoint to the weights that are kept. */
import type { TaskOptions } from '../runtime/progress.js';
import { Checkpoint } from './checkpoint.js';
import { describeFactors, factorsOf } from './class-weights.js';
import { fit, type Evaluation, type FitResult } from './fit.js';
import { createFirstDense } from './head/choose-dense.js';
import { HeadTrainer } from './head/head.js';
import { initialHeadWeights } from './head/initial.js';
import { headShape, type HeadWeights } from './head/shape.js';
import { openHeadInput } from './head-input.js';
import { DEFAULT_CHECKPOINT_MINUTES } from './options.js';
import type { Run, TrainingMeans } from './run.js';
import type { PlannedSplit } from './splits.js';
import type { TensorBoard } from './tensorboard/board.js';

export interface TrainedHead {
  readonly fitted: FitResult;
  /** Of the kept weights, on the validation part. */
  readonly evaluation: Evaluation;
  readonly weights: HeadWeights;
}

export interface HeadPlan {
  readonly split: PlannedSplit;
  /** The folder of its checkpoint. */
  readonly checkpoint: string;
  readonly board?: TensorBoard | undefined;
}

/** Trains, keeps the best weights and evaluates them; frees the tensors. */
export async function trainHead(
  { options, settings, threads, store, head: graph }: Run,
  { tensorflow, firstLayer, features }: TrainingMeans,
  { split, checkpoint, board }: HeadPlan,
  task: TaskOptions,
): Promise<TrainedHead> {
  const shape = headShape(graph, features.shape);
  const labels = Array.from(split.train, (tile) => store.labels[tile] ?? 0);
  const classWeights = factorsOf(settings.classWeights, store.classes, labels);
  if (classWeights !== undefined) {
    task.onMessage?.(`Class weights: ${describeFactors(classWeights, store.classes)}`, 'info');
  }
  const input = await openHeadInput(features, shape, task);
  const head = new HeadTrainer(tensorflow.tf, shape, initialHeadWeights(shape, settings.seed), {
    createFirstDense: (kernel) => createFirstDense(firstLayer, tensorflow, kernel, threads),
    adam: settings,
  });
  try {
    const source = input.source(head.blocks);
    const common = { ...task, head, source, labels: store.labels, settings };
    const fitted = await fit({
      ...common,
      classWeights,
      train: split.train,
      validation: split.validation,
      checkpoint: new Checkpoint(checkpoint),
      checkpointMinutes: options.checkpointMinutes ?? DEFAULT_CHECKPOINT_MINUTES,
      runsOn: `${tensorflow.description}, first layer: ${firstLayer.description}`,
      board,
    });
    return { fitted, evaluation: fitted.evaluation, weights: await head.weights() };
  } finally {
    input.close();
    head.dispose();
  }
}
