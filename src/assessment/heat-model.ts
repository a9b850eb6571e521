/** A model opened for heat maps: features of single tiles, and Grad-CAM through its head. */
import { readModelParts, type ModelParts } from '../bundle/weights.js';
import type { Bundle } from '../bundle/read.js';
import { LungclsError } from '../errors.js';
import { gradCam } from '../evaluation/grad-cam.js';
import { headLogits, logitGradient } from '../network/head-gradient.js';
import { FEATURES_OUTPUT } from '../onnx/export.js';
import type { Device } from '../runtime/device.js';
import { createOnnxSession, type OnnxSession } from '../runtime/onnx-session.js';

export interface HeatModelOptions {
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** It holds a thread and the weights of the model until `close()`. */
export class HeatModel {
  /** [H, W, C] of a tile's features at mixed7. */
  readonly shape: readonly number[];
  /** What the features run on, in words. */
  readonly description: string;
  readonly #size: number;
  readonly #parts: Pick<ModelParts, 'head' | 'headWeights'>;
  readonly #session: OnnxSession;

  private constructor(size: number, parts: ModelParts, session: OnnxSession) {
    this.#size = size;
    this.#parts = parts;
    this.#session = session;
    this.shape = parts.featureShape;
    this.description = session.description;
  }

  /**
   * @param bundle opened with its tfjs files checked
   * @throws LungclsError MODEL_INVALID (also of a lone .onnx: it has no weights to look into) |
   *   INPUT_NOT_FOUND | INPUT_UNREADABLE | DEVICE_UNAVAILABLE | ABORTED
   */
  static async open(bundle: Bundle, options: HeatModelOptions = {}): Promise<HeatModel> {
    const parts = await readModelParts(bundle);
    const session = await createOnnxSession({ model: parts.featureModel, ...options });
    return new HeatModel(bundle.metadata.preprocessing.size, parts, session);
  }

  /**
   * Features of one tile, [H, W, C], row by row, channels innermost.
   * @param tile uint8 (S, S, 3) RGB
   * @throws LungclsError CLOSED | ABORTED | INTERNAL
   */
  async features(tile: Uint8Array): Promise<Float32Array> {
    const output = await this.#session.run(tile, [1, this.#size, this.#size, 3]);
    const features = output.get(FEATURES_OUTPUT)?.data;
    if (features === undefined) throw new LungclsError('INTERNAL', 'The base has no output');
    return features;
  }

  /** The network's own probabilities from features, one a class. */
  probabilities(features: Float32Array): Float32Array {
    const logits = headLogits(this.#parts.head, this.#parts.headWeights, features, this.shape);
    const most = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return Float32Array.from(powers, (power) => power / sum);
  }

  /**
   * Where in a tile a class was seen: Grad-CAM of its logit.
   * @returns (H, W), row by row, 0 to 1, the largest being 1; all 0 where nothing speaks for the class
   */
  heat(features: Float32Array, classIndex: number): Float32Array {
    const { head, headWeights } = this.#parts;
    const gradient = logitGradient(head, headWeights, features, this.shape, classIndex);
    return gradCam(features, gradient, this.shape);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}
