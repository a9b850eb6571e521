/** Which of its implementations computes the head's first layer. */
import { LungclsError, messageOf } from '../../errors.js';
import { denseSupport } from '../../native/addon.js';
import type { Tensorflow } from '../../runtime/tensorflow.js';
import type { NamedTensor } from '../../storage/safetensors.js';
import { TfFirstDense, type FirstDense } from './first-dense.js';
import { NativeFirstDense } from './native-dense.js';

export const FIRST_LAYERS = ['auto', 'native', 'tfjs'] as const;

/** `native`: the addon's kernel, on the CPU; `tfjs`: plain operations of whatever trains the rest. */
export type FirstLayer = (typeof FIRST_LAYERS)[number];

export interface FirstLayerChoice {
  readonly kind: 'native' | 'tfjs';
  /** For people: `native kernel (libxsmm 1.17 (skx))`, `tfjs`. */
  readonly description: string;
  /** Why `auto` did not choose the native kernel where it would be faster. */
  readonly missing?: string;
}

/**
 * `auto` is the native kernel where it is there, but on a GPU, which keeps the layer to itself.
 * @throws LungclsError BACKEND_UNAVAILABLE where `native` is asked for and not there
 */
export function chooseFirstLayer(
  option: FirstLayer,
  { onGpu }: Pick<Tensorflow, 'onGpu'>,
): FirstLayerChoice {
  if (option === 'tfjs' || (option === 'auto' && onGpu)) {
    return { kind: 'tfjs', description: 'tfjs' };
  }
  const { available, description } = support();
  if (available) return { kind: 'native', description: `native kernel (${description})` };
  if (option === 'native') {
    throw new LungclsError(
      'BACKEND_UNAVAILABLE',
      `The native kernel was asked for as first layer but ${description}. It needs libxsmm (Debian, Ubuntu: libxsmm-dev, on x86-64) when the addon is built: npm run build:native`,
    );
  }
  return { kind: 'tfjs', description: 'tfjs', missing: description };
}

function support(): ReturnType<typeof denseSupport> {
  try {
    return denseSupport();
  } catch (error) {
    return { available: false, description: messageOf(error) };
  }
}

/** @param kernel (features, units), the weights to start from */
export function createFirstDense(
  { kind }: FirstLayerChoice,
  { tf }: Pick<Tensorflow, 'tf'>,
  kernel: NamedTensor,
  threads: number,
): FirstDense {
  return kind === 'native'
    ? new NativeFirstDense(tf, kernel, threads)
    : new TfFirstDense(tf, kernel);
}
