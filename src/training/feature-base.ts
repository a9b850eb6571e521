/** The frozen base as it computes features: in float32, or in 8 bits, calibrated on training tiles. */
import { existsSync } from 'node:fs';
import { measureImages } from '../bundle/int8.js';
import type { TileStore } from '../imaging/tile-store.js';
import type { Base } from '../network/bases.js';
import type { Pixels } from '../network/compose.js';
import { statisticsJson } from '../onnx/calibration.js';
import { baseModel, baseModelBytes } from '../onnx/export.js';
import { encodeModel } from '../onnx/model.js';
import { QUANTIZATION_VERSION, quantizeModel } from '../onnx/quantize.js';
import type { Device } from '../runtime/device.js';
import { createOnnxPool, type OnnxPool } from '../runtime/onnx-pool.js';
import type { TaskOptions } from '../runtime/progress.js';
import { writeFileAtomic } from '../storage/atomic.js';
import type { Json } from '../storage/hash.js';

/** In which numbers the base is computed. */
export type FeaturePrecision =
  | { readonly kind: 'fp32' }
  | {
      readonly kind: 'int8';
      /** Rows of the store: tiles to train on, never such as are held out. */
      readonly calibration: ArrayLike<number>;
    };

export interface FeatureBaseOptions extends TaskOptions {
  readonly store: TileStore;
  readonly base: Base;
  readonly pixels: Pixels;
  readonly precision: FeaturePrecision;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
}

/** What features depend on beyond base, pixels and tiles; nothing for float32. */
export function precisionIdentity(precision: FeaturePrecision): Readonly<Record<string, Json>> {
  if (precision.kind === 'fp32') return {};
  return {
    precision: 'int8',
    quantization: QUANTIZATION_VERSION,
    calibration: Array.from(precision.calibration),
  };
}

/** Where what the calibration found is kept. */
export interface CalibrationFiles {
  /** The 8-bit model, so that a run that was killed goes on with the same. */
  readonly model: string;
  /** What its images held, from which the 8-bit classifier can be made too. */
  readonly statistics: string;
}

/**
 * Loads the base.
 * @throws LungclsError as createOnnxSession; OUTPUT_UNWRITABLE | DISK_FULL
 */
export async function openFeatureBase(
  options: FeatureBaseOptions,
  calibrated: CalibrationFiles,
): Promise<OnnxPool> {
  const { store, base, pixels, precision, device, threads, signal } = options;
  const network = { size: store.spec.size, pixels };
  if (precision.kind === 'fp32') {
    return await createOnnxPool({
      model: baseModelBytes(base, network),
      arrangement: 'latency',
      device,
      threads,
      signal,
    });
  }
  if (!existsSync(calibrated.model)) {
    const rows = Uint32Array.from(precision.calibration);
    const tiles = new Uint8Array(rows.length * store.tileBytes);
    await store.readTiles(rows, tiles);
    const model = baseModel(base, network);
    const some = { tiles, count: rows.length, size: store.spec.size };
    const statistics = await measureImages(model, some, options);
    await writeFileAtomic(calibrated.statistics, statisticsJson(statistics));
    const quantized = quantizeModel(model, statistics);
    await writeFileAtomic(calibrated.model, Buffer.concat(encodeModel(quantized)));
  }
  // GPUs have no integer kernels for it.
  return await createOnnxPool({
    model: calibrated.model,
    arrangement: 'throughput',
    device: 'cpu',
    threads,
    signal,
  });
}
