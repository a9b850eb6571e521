/**
 * Temperature scaling: one number by which a model's logits are divided, so that its probabilities mean
 * what they say. It changes no label. Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
 */

/** How a model's temperature was found; stands in its metadata. */
export interface Calibration {
  readonly method: 'temperature';
  /** What logits are divided by, above 0; above 1 where the network is surer than it is right. */
  readonly temperature: number;
  /** Training tiles that it was fitted on, held back from the head that judged them. */
  readonly tiles: number;
  /** Whether tiles of one original were held back together, or tile by tile. */
  readonly heldBack: 'groups' | 'tiles';
  /** Mean log loss of those tiles before and after. */
  readonly logLossBefore: number;
  readonly logLossAfter: number;
}

/** The smallest float32 above 0: what a probability that was rounded to 0 counts as. */
const LEAST_PROBABILITY = 2 ** -149;

/**
 * A probability's logarithm, that of the smallest float32 for 0. A logit that lies 103 or more below the
 * largest one is rounded to probability 0: with temperature T that changes a result by at most
 * exp(-103 / T), 1e-15 at T = 3.
 */
export function logProbability(p: number): number {
  return Math.log(Math.max(p, LEAST_PROBABILITY));
}

/**
 * softmax(logits / T), from probabilities: softmax(log p / T) is the same, as a softmax does not see what
 * is added to all of its inputs. The most probable class stays the most probable one, also where rounding
 * to float32 would make it equal to another.
 * @param probabilities float32, row-major (rows, classes), 0 to 1, rows summing to 1; left as they are
 * @param temperature above 0; 1 gives the probabilities as they are
 */
export function calibrate(
  probabilities: Float32Array,
  classes: number,
  temperature: number,
): Float32Array {
  const result = probabilities.slice();
  if (temperature === 1) return result;
  const powers = new Float64Array(classes);
  for (let first = 0; first < result.length; first += classes) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if ((result[first + c] ?? 0) > (result[first + best] ?? 0)) best = c;
    }
    const most = logProbability(result[first + best] ?? 0);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const power = Math.exp((logProbability(result[first + c] ?? 0) - most) / temperature);
      powers[c] = power;
      sum += power;
    }
    for (let c = 0; c < classes; c++) result[first + c] = (powers[c] ?? 0) / sum;
    const largest = result[first + best] ?? 0;
    // Of equal ones the first is the label: it must not be another one.
    for (let c = 0; c < best; c++) {
      if ((result[first + c] ?? 0) >= largest) result[first + c] = nextBelow(largest);
    }
  }
  return result;
}

/** The float32 next below a positive one. */
function nextBelow(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0] ?? 1) - 1;
  return new Float32Array(bits.buffer)[0] ?? 0;
}

/** Whether a value from outside is a calibration. */
export function isCalibration(value: unknown): value is Calibration {
  if (typeof value !== 'object' || value === null) return false;
  const { method, temperature, tiles, heldBack, logLossBefore, logLossAfter } = value as Record<
    string,
    unknown
  >;
  return (
    method === 'temperature' &&
    typeof temperature === 'number' &&
    Number.isFinite(temperature) &&
    temperature > 0 &&
    Number.isSafeInteger(tiles) &&
    (heldBack === 'groups' || heldBack === 'tiles') &&
    Number.isFinite(logLossBefore) &&
    Number.isFinite(logLossAfter)
  );
}
