/**
 * What a model is asked to run on, as a word: `auto`, `cpu`, or one of ONNX Runtime's accelerators, with the
 * numbers of those to take behind a colon: `cuda`, `cuda:1`, `cuda:0,2`, `cuda:all`, `tensorrt:0`, `webgpu`.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { LungclsError } from '../errors.js';
import { CUDA_COMMAND, cudaProblem, hasNvidiaDriver, onnxruntimeBinaries } from './cuda.js';

/** Under ONNX Runtime's own names of its execution providers. */
export const ACCELERATORS = ['cuda', 'tensorrt', 'webgpu', 'coreml', 'dml'] as const;
export type Accelerator = (typeof ACCELERATORS)[number];

/** Those of which a machine may have several, by number. */
const NUMBERED: readonly Accelerator[] = ['cuda', 'tensorrt', 'dml'];

export type Device = 'auto' | 'cpu' | Accelerator | `${Accelerator}:${string}`;

/** For people: what may be given. */
export const DEVICE_WORDS =
  'auto, cpu, cuda, cuda:N, cuda:N,M, cuda:all, tensorrt (numbered likewise), webgpu, coreml, dml';

/** A device, taken apart. */
export interface DeviceRequest {
  readonly kind: 'auto' | 'cpu' | Accelerator;
  /** Which of them; undefined: the first one. */
  readonly numbers: readonly number[] | 'all' | undefined;
}

/** @throws LungclsError INVALID_OPTION */
export function parseDevice(device: unknown): DeviceRequest {
  const refuse = (): LungclsError =>
    new LungclsError(
      'INVALID_OPTION',
      `Expected one of ${DEVICE_WORDS} for device but received ${typeof device === 'string' ? JSON.stringify(device) : String(device)}`,
    );
  if (typeof device !== 'string') throw refuse();
  const [word, list, ...more] = device.split(':');
  const kind = (['auto', 'cpu', ...ACCELERATORS] as const).find((known) => known === word);
  if (kind === undefined || more.length > 0) throw refuse();
  if (list === undefined) return { kind, numbers: undefined };
  if (!NUMBERED.some((known) => known === kind)) throw refuse();
  if (list === 'all') return { kind, numbers: 'all' };
  const numbers = list.split(',').map((text) => (/^\d{1,3}$/.test(text) ? Number(text) : NaN));
  if (numbers.some(Number.isNaN) || new Set(numbers).size < numbers.length) throw refuse();
  return { kind, numbers };
}

/** Whether a run on it would leave the CPU. */
export function isAccelerator(device: Device): boolean {
  const { kind } = parseDevice(device);
  return kind === 'auto' ? cudaProblem() === undefined : kind !== 'cpu';
}

/** The accelerators that this build of ONNX Runtime knows on this platform, as it says itself. */
export function offeredAccelerators(): readonly string[] {
  const require = createRequire(import.meta.url);
  const ort = require('onnxruntime-node') as typeof import('onnxruntime-node');
  return ort
    .listSupportedBackends()
    .map(({ name }) => name)
    .filter((name) => name !== 'cpu');
}

/**
 * Why an accelerator cannot work here, as far as can be told without trying it; undefined where it is worth
 * a try.
 */
export function acceleratorProblem(
  kind: Accelerator,
  offered: readonly string[] = offeredAccelerators(),
): string | undefined {
  if (!offered.includes(kind)) {
    return (
      `onnxruntime-node has no ${kind} provider for ${process.platform} ${process.arch}: ` +
      `it offers cpu, ${offered.join(', ')}`
    );
  }
  if (kind !== 'cuda' && kind !== 'tensorrt') return undefined;
  const problem = cudaProblem();
  if (problem !== undefined || kind === 'cuda') return problem;
  return existsSync(join(onnxruntimeBinaries(), 'libonnxruntime_providers_tensorrt.so'))
    ? undefined
    : `ONNX Runtime's TensorRT library is not installed; to get it: ${CUDA_COMMAND}`;
}

/** What else an accelerator needs, for the message of one that failed. */
export function acceleratorNeeds(kind: Accelerator): string {
  switch (kind) {
    case 'cuda':
      return `It needs an NVIDIA driver, CUDA 12 and cuDNN 9; its own libraries come with ${CUDA_COMMAND}`;
    case 'tensorrt':
      return `It needs TensorRT 10 beside CUDA 12 and cuDNN 9; its own libraries come with ${CUDA_COMMAND}`;
    case 'webgpu':
      return process.platform === 'linux'
        ? 'It needs a Vulkan driver and its loader, libvulkan.so.1 (Debian: apt install libvulkan1 mesa-vulkan-drivers)'
        : 'It needs a GPU that Direct3D 12 or Metal can use';
    default:
      return `It needs a GPU that ${kind === 'dml' ? 'DirectML' : 'Core ML'} can use`;
  }
}

/**
 * The numbers to open a session on each; [undefined] where the provider chooses for itself.
 * @param count how many there are, where that is known
 * @throws LungclsError INVALID_OPTION (a number beyond the last one) | DEVICE_UNAVAILABLE (`all` of an
 *   unknown number)
 */
export function deviceNumbers(
  { kind, numbers }: DeviceRequest,
  count: number | undefined = kind === 'cuda' || kind === 'tensorrt' ? nvidiaGpus() : undefined,
): readonly (number | undefined)[] {
  if (numbers === undefined) return [undefined];
  if (numbers === 'all') {
    if (count === undefined || count === 0) {
      throw new LungclsError(
        'DEVICE_UNAVAILABLE',
        `How many devices ${kind}:all means cannot be told here; give their numbers`,
      );
    }
    return Array.from({ length: count }, (_, i) => i);
  }
  const beyond = count === undefined ? undefined : numbers.find((number) => number >= count);
  if (beyond !== undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected GPUs from 0 to ${String((count ?? 0) - 1)} for device but received ${kind}:${String(beyond)}`,
    );
  }
  return numbers;
}

/**
 * NVIDIA's GPUs that CUDA numbers here: all, or those that CUDA_VISIBLE_DEVICES names. Undefined where
 * the driver does not list them, as in WSL.
 */
export function nvidiaGpus(
  visible: string | undefined = process.env['CUDA_VISIBLE_DEVICES'],
  folder = '/proc/driver/nvidia/gpus',
): number | undefined {
  if (!hasNvidiaDriver() && !existsSync(folder)) return undefined;
  // CUDA's rule: those before the first that is no device.
  if (visible !== undefined) {
    const names = visible.split(',').map((name) => name.trim());
    const end = names.findIndex((name) => name === '' || name.startsWith('-'));
    return end < 0 ? names.length : end;
  }
  try {
    return readdirSync(folder).length;
  } catch {
    return undefined;
  }
}
