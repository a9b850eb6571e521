/**
 * From real numbers to 8 bits and back: real = (integer - zeroPoint) * scale. As in ONNX's
 * QuantizeLinear, with scales and zero points of activations as ONNX Runtime's quantizer has them.
 */

/** Least and largest value that a tensor takes. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** How uint8 numbers stand for real ones. */
export interface Quantization {
  readonly scale: number;
  readonly zeroPoint: number;
}

const UINT8_MAX = 255;
const WEIGHT_MAX = 127;
/**
 * Most that two neighbouring weights of one sign may add up to before rounding. Processors with AVX2
 * or AVX-512 but without VNNI multiply uint8 by int8 and add two products in 16 bits, where they
 * saturate: 255 * 128 still fits, and rounding adds at most 1 to 127. Without this limit the same
 * file would give other probabilities there, and no error; the usual remedy, 7 bits for all weights,
 * doubled the error of the features.
 * https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
 */
const PAIR_MAX = 127;
/** Biases are int32; half of what fits leaves room for the sum that is added to them. */
const BIAS_MAX = 2 ** 30;

/** Behind it a double has no room for a fraction. */
const NO_FRACTIONS = 1.5 * 2 ** 52;

/**
 * Halves go to the even neighbour, as in NumPy and in ONNX: always upwards would shift the mean. It is the
 * rounding of every IEEE 754 addition, so one that leaves no room for a fraction does it.
 * @param value less than 2 ** 51 in size
 */
export function roundHalfEven(value: number): number {
  return value + NO_FRACTIONS - NO_FRACTIONS;
}

/**
 * uint8 for a tensor of that range. Zero is always among the numbers that are exact: it is what a
 * convolution pads with.
 */
export function quantizationOf({ min, max }: Range): Quantization {
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  if (!(high > low)) return { scale: 1, zeroPoint: 0 };
  const scale = (high - low) / UINT8_MAX;
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven((0 - low) / scale) };
}

/** A layer in float32. */
export interface Layer {
  /** [outputs, inputs, positions], or with `outputsLast` [inputs, outputs]. */
  readonly kernel: Float32Array;
  readonly outputsLast: boolean;
  /** [outputs] */
  readonly bias: Float32Array;
  readonly inputs: number;
  /** Scale of what it is fed. */
  readonly inputScale: number;
  /** What it is fed on average; input i is described by number i modulo their count. */
  readonly inputMeans: ArrayLike<number>;
}

/** Kernel as in the layer, zero point 0, one scale an output; bias in units of input * kernel. */
export interface QuantizedLayer {
  readonly kernel: Int8Array<ArrayBuffer>;
  readonly kernelScales: Float32Array<ArrayBuffer>;
  readonly bias: Int32Array<ArrayBuffer>;
  readonly biasScales: Float32Array<ArrayBuffer>;
}

/**
 * Rounds a layer's weights. What that changes in the average output is taken off the bias (M. Nagel
 * et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section
 * 4.2, with measured means): it took a third off the error of the features.
 */
export function quantizeLayer(layer: Layer): QuantizedLayer {
  const { kernel, bias, inputScale, inputMeans } = layer;
  const kernelScales = scalesOf(layer);
  const quantized = new Int8Array(kernel.length);
  const corrected = Float64Array.from(bias);
  eachWeight(layer, (index, output, input) => {
    const scale = kernelScales[output] ?? 1;
    const value = kernel[index] ?? 0;
    const rounded = roundHalfEven(value / scale);
    quantized[index] = rounded;
    const mean = inputMeans[input % inputMeans.length] ?? 0;
    corrected[output] = (corrected[output] ?? 0) - (rounded * scale - value) * mean;
  });
  const biasScales = kernelScales.map((scale) => scale * inputScale);
  const roundedBias = (value: number, output: number): number =>
    roundHalfEven(value / (biasScales[output] ?? 1));
  return {
    kernel: quantized,
    kernelScales,
    biasScales,
    bias: Int32Array.from(corrected, roundedBias),
  };
}

/** One an output: as fine as its largest weight, its pairs of weights and its bias allow. */
function scalesOf(layer: Layer): Float32Array<ArrayBuffer> {
  const { kernel, bias, inputScale } = layer;
  const { inputStride } = stridesOf(layer);
  const needed = Float64Array.from(bias, (value) => Math.abs(value) / (inputScale * BIAS_MAX));
  eachWeight(layer, (index, output, input) => {
    const value = kernel[index] ?? 0;
    let scale = Math.abs(value) / WEIGHT_MAX;
    // Kernels run over the input channels innermost, two at a time, from an even one.
    if (input % 2 === 0 && input + 1 < layer.inputs) {
      scale = Math.max(scale, Math.abs(value + (kernel[index + inputStride] ?? 0)) / PAIR_MAX);
    }
    if (scale > (needed[output] ?? 0)) needed[output] = scale;
  });
  return Float32Array.from(needed, (scale) => (scale > 0 ? scale : 1));
}

function stridesOf({ kernel, bias, inputs, outputsLast }: Layer): {
  positions: number;
  inputStride: number;
  outputStride: number;
} {
  const outputs = bias.length;
  const positions = kernel.length / (inputs * outputs);
  return outputsLast
    ? { positions: 1, inputStride: outputs, outputStride: 1 }
    : { positions, inputStride: positions, outputStride: inputs * positions };
}

function eachWeight(
  layer: Layer,
  visit: (index: number, output: number, input: number) => void,
): void {
  const { positions, inputStride, outputStride } = stridesOf(layer);
  const outputs = layer.bias.length;
  for (let input = 0; input < layer.inputs; input++) {
    for (let output = 0; output < outputs; output++) {
      const first = output * outputStride + input * inputStride;
      for (let position = 0; position < positions; position++) {
        visit(first + position, output, input);
      }
    }
  }
}
