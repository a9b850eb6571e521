/**
 * How well the scores of one class rank its tiles before the others: ROC and precision-recall curves
 * and the areas under them, as scikit-learn computes them (sklearn/metrics/_ranking.py, version 1.9).
 */
import { LungclsError } from '../errors.js';

/** From (0, 0) to (1, 1); one point a threshold, those on a straight line left out. */
export interface RocCurve {
  readonly falsePositiveRate: readonly number[];
  readonly truePositiveRate: readonly number[];
  /** Descending; the first is Infinity: nothing is called positive. */
  readonly thresholds: readonly number[];
}

/** By ascending threshold; the last point, precision 1 at recall 0, has none. */
export interface PrecisionRecallCurve {
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly thresholds: readonly number[];
}

interface Counts {
  /** Weight of the positives and of the negatives from the best score down to each distinct one. */
  readonly hits: Float64Array;
  readonly falseAlarms: Float64Array;
}

/** Tiles sorted by score once, so that the areas of many resamples cost no sorting. */
export class Ranking {
  /** Tiles from the best score to the worst. */
  readonly #order: Uint32Array;
  readonly #positive: Uint8Array;
  /** The last place in the order of each distinct score. */
  readonly #ends: Uint32Array;
  readonly #scores: Float64Array;

  /**
   * @param positive one a tile: whether it is of the class
   * @param scores one a tile, finite; higher is more positive
   * @throws LungclsError INVALID_OPTION where the lengths differ or a score is not a finite number
   */
  constructor(positive: readonly boolean[], scores: ArrayLike<number>) {
    if (positive.length !== scores.length) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected one score a tile, ${String(positive.length)}, but received ${String(scores.length)}`,
      );
    }
    this.#scores = Float64Array.from(scores);
    const bad = this.#scores.findIndex((score) => !Number.isFinite(score));
    if (bad >= 0) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected a finite score for tile ${String(bad)} but received ${String(this.#scores[bad])}`,
      );
    }
    this.#positive = Uint8Array.from(positive, Number);
    const at = (tile: number): number => this.#scores[tile] ?? 0;
    this.#order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => at(b) - at(a));
    const order = this.#order;
    const isEnd = (place: number): boolean =>
      place === order.length - 1 || at(order[place] ?? 0) !== at(order[place + 1] ?? 0);
    this.#ends = Uint32Array.from(order.keys()).filter(isEnd);
  }

  /**
   * Area under the ROC curve: the chance that a positive ranks before a negative, a tie counting half.
   * @param weights one a tile, at least 0; all 1 if not given
   * @returns 0 to 1; NaN where there are no positives or no negatives
   */
  rocAuc(weights?: ArrayLike<number>): number {
    const { hits, falseAlarms } = this.#counts(weights);
    let area = 0;
    let [lastHits, lastAlarms] = [0, 0];
    for (const [i, h] of hits.entries()) {
      const alarms = falseAlarms[i] ?? 0;
      area += ((alarms - lastAlarms) * (h + lastHits)) / 2;
      [lastHits, lastAlarms] = [h, alarms];
    }
    return area / (lastHits * lastAlarms);
  }

  /**
   * Average precision: the mean of the precisions at each threshold, weighted by the rise in recall.
   * @param weights one a tile, at least 0; all 1 if not given
   * @returns 0 to 1; NaN where there are no positives (scikit-learn warns and gives 0)
   */
  averagePrecision(weights?: ArrayLike<number>): number {
    const { hits, falseAlarms } = this.#counts(weights);
    let sum = 0;
    let last = 0;
    for (const [i, h] of hits.entries()) {
      if (h > last) sum += ((h - last) * h) / (h + (falseAlarms[i] ?? 0));
      last = h;
    }
    return sum / last;
  }

  /** scikit-learn's `roc_curve`; rates are NaN where there is nothing to divide by. */
  rocCurve(): RocCurve {
    const { hits, falseAlarms } = this.#counts(undefined);
    const last = hits.length - 1;
    // A point is kept where the line through it bends.
    const bends = (values: Float64Array, i: number): boolean =>
      (values[i + 1] ?? 0) - 2 * (values[i] ?? 0) + (values[i - 1] ?? 0) !== 0;
    const kept = [...hits.keys()].filter(
      (i) => i === 0 || i === last || bends(hits, i) || bends(falseAlarms, i),
    );
    const rates = (values: Float64Array): number[] => [
      (values[last] ?? 0) === 0 ? NaN : 0,
      ...kept.map((i) => (values[i] ?? 0) / (values[last] ?? 0)),
    ];
    return {
      falsePositiveRate: rates(falseAlarms),
      truePositiveRate: rates(hits),
      thresholds: [Infinity, ...kept.map((i) => this.#threshold(i))],
    };
  }

  /** scikit-learn's `precision_recall_curve`; recall is 1 throughout where there are no positives. */
  precisionRecallCurve(): PrecisionRecallCurve {
    const { hits, falseAlarms } = this.#counts(undefined);
    const all = hits.at(-1) ?? 0;
    const ascending = [...hits.keys()].reverse();
    return {
      precision: [
        ...ascending.map((i) => (hits[i] ?? 0) / ((hits[i] ?? 0) + (falseAlarms[i] ?? 0))),
        1,
      ],
      recall: [...ascending.map((i) => (all === 0 ? 1 : (hits[i] ?? 0) / all)), 0],
      thresholds: ascending.map((i) => this.#threshold(i)),
    };
  }

  #threshold(i: number): number {
    return this.#scores[this.#order[this.#ends[i] ?? 0] ?? 0] ?? NaN;
  }

  #counts(weights: ArrayLike<number> | undefined): Counts {
    const hits = new Float64Array(this.#ends.length);
    const falseAlarms = new Float64Array(this.#ends.length);
    let place = 0;
    let [positives, negatives] = [0, 0];
    for (const [i, end] of this.#ends.entries()) {
      for (; place <= end; place++) {
        const tile = this.#order[place] ?? 0;
        const weight = weights === undefined ? 1 : (weights[tile] ?? 0);
        if (this.#positive[tile] === 1) positives += weight;
        else negatives += weight;
      }
      hits[i] = positives;
      falseAlarms[i] = negatives;
    }
    return { hits, falseAlarms };
  }
}
