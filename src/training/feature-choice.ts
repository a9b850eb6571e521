/** In which numbers the base computes features: what the user wants, and what is taken. */
import { hasInt8Instructions } from '../runtime/cpu.js';
import { isAccelerator, parseDevice, type Device } from '../runtime/device.js';
import { expected } from './expected.js';
import type { FeaturePrecision } from './feature-base.js';

export const FEATURE_CHOICES = ['auto', 'fp32', 'int8'] as const;
export type FeatureChoice = (typeof FEATURE_CHOICES)[number];

/** Below this calibration takes as long as it saves. */
const LEAST_TILES_FOR_INT8 = 1000;
/**
 * Training tiles for the calibration, as many as for `model.int8.onnx` and the same ones, so that its
 * features are those that the head was trained on.
 */
export const CALIBRATION_TILES = 64;

export interface ChosenFeatures {
  readonly kind: FeaturePrecision['kind'];
  /** Why, for people. */
  readonly reason: string;
}

/** What the features are for. */
export interface FeatureUse {
  readonly tiles: number;
  readonly device?: Device | undefined;
  /** Whether they are cross-validated on. */
  readonly folds?: boolean;
}

/**
 * `auto` takes 8 bits where they are faster: over several seeds and on both kinds of split they cost at most
 * 0.2 points of validation accuracy in the mean (bench/results/int8-features.md; a test holds it to that).
 * @throws LungclsError INVALID_OPTION for 8 bits with folds, or with a device that is no CPU
 */
export function chooseFeatures(
  choice: FeatureChoice,
  { tiles, device = 'auto', folds = false }: FeatureUse,
  hasInt8: () => boolean = hasInt8Instructions,
): ChosenFeatures {
  if (choice === 'int8' && folds) throw expected('auto or fp32 with folds', 'features', choice);
  // ONNX Runtime's GPU providers have no integer kernels: what was asked for would not be what runs.
  const { kind } = parseDevice(device);
  if (choice === 'int8' && kind !== 'auto' && kind !== 'cpu') {
    throw expected(`auto or fp32 with device ${device}`, 'features', choice);
  }
  if (choice !== 'auto') return { kind: choice, reason: 'as asked for' };
  const float = (reason: string): ChosenFeatures => ({ kind: 'fp32', reason });
  if (isAccelerator(device)) {
    return float('on a GPU float32 is faster');
  }
  if (folds)
    return float('every tile is held out by one of the folds: none is left to calibrate on');
  if (tiles < LEAST_TILES_FOR_INT8) {
    return float(`${String(tiles)} tiles are too few to gain by calibrating 8 bits`);
  }
  if (!hasInt8()) return float('no 8-bit dot products are known of this CPU');
  return {
    kind: 'int8',
    reason: 'several times as fast here, for as good a head; validation is judged on them too',
  };
}
