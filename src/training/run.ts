/** One training as its steps see it. */
import type { TileStore } from '../imaging/tile-store.js';
import type { Base } from '../network/bases.js';
import type { HeadGraph } from '../network/head.js';
import type { Tensorflow } from '../runtime/tensorflow.js';
import type { PartialOutput } from '../storage/partial.js';
import type { StoredFeatures } from './features.js';
import type { FirstLayerChoice } from './head/choose-dense.js';
import type { TrainOptions, TrainSettings } from './options.js';
import type { PeakMemory } from './peak-memory.js';
import type { SplitPlan } from './splits.js';

/** What is known from the start, and every step needs. */
export interface Run {
  readonly options: TrainOptions;
  readonly settings: TrainSettings;
  readonly threads: number;
  readonly memory: PeakMemory;
  readonly store: TileStore;
  readonly plan: SplitPlan;
  readonly base: Base;
  readonly head: HeadGraph;
  readonly partial: PartialOutput;
}

/** What heads are trained on and with. */
export interface TrainingMeans {
  readonly tensorflow: Tensorflow;
  readonly firstLayer: FirstLayerChoice;
  readonly features: StoredFeatures;
}
