/** Fits the temperature of temperature scaling (Guo et al., ICML 2017). */
import { logProbability } from '../bundle/calibration.js';
import type { Labels } from './confusion.js';

/** Temperatures that are looked for: beyond them there is nothing to be fitted. */
const LEAST = 0.05;
const MOST = 20;
/** Halvings of an interval on which Newton's steps fail: enough for all digits of a double. */
const STEPS = 100;

export interface FittedTemperature {
  readonly temperature: number;
  /** Mean log loss, natural logarithm, at temperature 1 and at this one. */
  readonly logLossBefore: number;
  readonly logLossAfter: number;
}

/**
 * The temperature with the smallest log loss. In 1 / T the loss is convex: Newton's method, kept inside
 * a bracket, finds its only minimum to the last digits. Where the tiles have none between 0.05 and 20, as
 * when every one of them is right, there is no temperature.
 * @param truth class index of each tile
 * @param probabilities row-major (tiles, classes), of a head that was not trained on these tiles
 * @returns the temperature, or in words why there is none
 */
export function fitTemperature(
  truth: Labels,
  probabilities: ArrayLike<number>,
  classes: number,
): FittedTemperature | string {
  if (truth.length === 0) return 'there is no tile to fit it on';
  const logits = Float64Array.from(probabilities, logProbability);
  const at = (beta: number): Moments => moments(truth, logits, classes, beta);
  let [low, high] = [1 / MOST, 1 / LEAST];
  if (at(high).slope <= 0) {
    return `too few of the ${String(truth.length)} tiles are wrong: the surer, the better`;
  }
  if (at(low).slope >= 0) {
    return 'the probabilities say nothing about the tiles';
  }
  let beta = 1;
  for (let step = 0; step < STEPS && high - low > 1e-14 * high; step++) {
    const { slope, curvature } = at(beta);
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - beta) <= 1e-15 * beta) break;
    beta = next;
  }
  return { temperature: 1 / beta, logLossBefore: at(1).loss, logLossAfter: at(beta).loss };
}

interface Moments {
  /** Mean log loss at 1 / T = beta, and its first two derivatives by beta. */
  readonly loss: number;
  readonly slope: number;
  readonly curvature: number;
}

function moments(truth: Labels, logits: Float64Array, classes: number, beta: number): Moments {
  let [loss, slope, curvature] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const own = row[truth[i] ?? 0] ?? 0;
    let [sum, first, second] = [0, 0, 0];
    for (const logit of row) {
      const power = Math.exp(beta * (logit - most));
      sum += power;
      first += power * logit;
      second += power * logit * logit;
    }
    const mean = first / sum;
    loss += Math.log(sum) + beta * (most - own);
    slope += mean - own;
    curvature += Math.max(second / sum - mean * mean, 0);
  }
  const tiles = truth.length;
  return { loss: loss / tiles, slope: slope / tiles, curvature: curvature / tiles };
}
