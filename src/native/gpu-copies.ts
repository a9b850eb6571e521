/** How fast this machine copies to its first GPU. */
import { cudaDriver } from '../config.js';
import { LungclsError, messageOf } from '../errors.js';
import { loadAddon } from './binding.js';

/** 10^9 bytes a second from host memory to the GPU's, each the best of three tries. */
export interface GpuCopies {
  /** From page-locked memory, as decoders' buffers are where there is a CUDA driver. */
  readonly pinnedGBs: number;
  /** From memory that is not page-locked. */
  readonly pageableGBs: number;
}

/**
 * Copies 192 MiB again and again, for `seconds` each, off the event loop; takes twice that of the host's memory and once of
 * the GPU's meanwhile.
 * @throws LungclsError DEVICE_UNAVAILABLE with what failed, ADDON_MISSING
 */
export async function measureGpuCopies(seconds = 0.3): Promise<GpuCopies> {
  const driver = cudaDriver();
  if (driver === '') {
    throw new LungclsError('DEVICE_UNAVAILABLE', 'The CUDA driver is switched off');
  }
  const addon = loadAddon();
  try {
    return await addon.measureGpuCopies(driver, Math.max(1, Math.round(seconds * 1000)));
  } catch (error) {
    throw new LungclsError('DEVICE_UNAVAILABLE', `Cannot copy to a GPU: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
