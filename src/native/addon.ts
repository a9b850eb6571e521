/** The native room's face: what other rooms use of the addon. */
export { loadAddon } from './binding.js';
export type {
  NativeAddon,
  NativeBatchResult,
  NativeDecoderOptions,
  NativeFile,
  NativeTileDecoder,
} from './binding.js';
export { DenseLayer, denseSupport, type DenseBatch, type DenseSupport } from './dense.js';
export { measureGpuCopies, type GpuCopies } from './gpu-copies.js';
export { floatToHalf, halfToFloat } from './half.js';
export { measureMachinePeak, type MachinePeak, type MachinePeakOptions } from './machine-peak.js';
export { bufferMemory, freeArray, type BufferMemory, type MemoryKind } from './memory.js';
export { MappedRows, type MappedRowsLayout } from './mapped-rows.js';
export {
  TileCollection,
  type Registration,
  type TileCollectionOptions,
} from './tile-collection.js';
export { nativeStatus, type NativeStatus } from './status.js';
