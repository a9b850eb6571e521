/** The scores of one set of tiles under any weights: what a bootstrap asks for a thousand times. */
import { LungclsError } from '../errors.js';
import { argmaxRows, type Labels } from './confusion.js';
import { Ranking, type PrecisionRecallCurve, type RocCurve } from './ranking.js';
import { brierScore, expectedCalibrationError, reliabilityBins } from './reliability.js';

/** Pairs of more classes than this are not compared one by one. */
const MOST_CLASSES_IN_PAIRS = 10;

interface Pair {
  readonly a: number;
  readonly b: number;
  readonly tiles: Uint32Array;
  readonly byA: Ranking;
  readonly byB: Ranking;
}

/** Sorts and predicts once; the scores of each set of weights then take one pass. */
export class Scorer {
  readonly pairs: readonly Pair[];
  readonly #truth: Labels;
  readonly #probabilities: Float32Array;
  readonly #classes: number;
  readonly #predicted: Int32Array;
  readonly #rankings: readonly Ranking[];
  /** Of the true class, clipped as scikit-learn's log_loss does for float32. */
  readonly #losses: Float64Array;

  /** @param probabilities row-major (tiles, classes) */
  constructor(truth: Labels, probabilities: Float32Array, classes: number) {
    this.#truth = truth;
    this.#probabilities = probabilities;
    this.#classes = classes;
    this.#predicted = argmaxRows(probabilities, classes);
    const tiles = Uint32Array.from(truth, (_, i) => i);
    const ranking = (of: Uint32Array, c: number): Ranking =>
      new Ranking(
        Array.from(of, (tile) => truth[tile] === c),
        Float64Array.from(of, (tile) => probabilities[tile * classes + c] ?? 0),
      );
    this.#rankings = Array.from({ length: classes }, (_, c) => ranking(tiles, c));
    this.#losses = Float64Array.from(truth, (label, i) => {
      const p = probabilities[i * classes + label] ?? 0;
      return -Math.log(Math.min(Math.max(p, 2 ** -23), 1 - 2 ** -23));
    });
    const pairs: Pair[] = [];
    for (let a = 0; a < classes && classes <= MOST_CLASSES_IN_PAIRS; a++) {
      for (let b = a + 1; b < classes; b++) {
        const of = tiles.filter((tile) => truth[tile] === a || truth[tile] === b);
        pairs.push({ a, b, tiles: of, byA: ranking(of, a), byB: ranking(of, b) });
      }
    }
    this.pairs = pairs;
  }

  curves(c: number): { roc: RocCurve; precisionRecall: PrecisionRecallCurve } {
    const ranking = this.#rankings[c];
    if (ranking === undefined) throw new LungclsError('INTERNAL', `no class ${String(c)}`);
    return { roc: ranking.rocCurve(), precisionRecall: ranking.precisionRecallCurve() };
  }

  /**
   * Accuracy, balanced accuracy, macro F1, weighted F1, mean ROC area, log loss, Brier score and expected
   * calibration error; then precision, recall, F1, ROC area and average precision of each class; then
   * the ROC area of each pair.
   * @param weights one a tile, at least 0
   */
  values(weights: Float64Array): number[] {
    const classes = this.#classes;
    const support = new Float64Array(classes);
    const given = new Float64Array(classes);
    const hits = new Float64Array(classes);
    let [loss, total] = [0, 0];
    for (const [i, weight] of weights.entries()) {
      const label = this.#truth[i] ?? 0;
      const predicted = this.#predicted[i] ?? 0;
      support[label] = (support[label] ?? 0) + weight;
      given[predicted] = (given[predicted] ?? 0) + weight;
      if (label === predicted) hits[label] = (hits[label] ?? 0) + weight;
      loss += weight * (this.#losses[i] ?? 0);
      total += weight;
    }
    const perClass = this.#rankings.map((ranking, c) => {
      const [s = 0, g = 0, h = 0] = [support[c], given[c], hits[c]];
      // scikit-learn's zero_division=0, as in the classification report.
      return {
        support: s,
        precision: g === 0 ? 0 : h / g,
        recall: s === 0 ? 0 : h / s,
        f1: s + g === 0 ? 0 : (2 * h) / (s + g),
        rocAuc: ranking.rocAuc(weights),
        averagePrecision: ranking.averagePrecision(weights),
      };
    });
    const mean = (values: readonly number[]): number =>
      values.reduce((a, b) => a + b, 0) / values.length;
    const bins = reliabilityBins(this.#truth, this.#probabilities, classes, weights);
    return [
      hits.reduce((a, b) => a + b, 0) / total,
      mean(perClass.filter((c) => c.support > 0).map((c) => c.recall)),
      mean(perClass.map((c) => c.f1)),
      perClass.reduce((sum, c) => sum + c.support * c.f1, 0) / total,
      mean(perClass.map((c) => c.rocAuc).filter((area) => !Number.isNaN(area))),
      loss / total,
      brierScore(this.#truth, this.#probabilities, classes, weights),
      expectedCalibrationError(bins),
      ...perClass.flatMap((c) => [c.precision, c.recall, c.f1, c.rocAuc, c.averagePrecision]),
      ...this.pairs.map(({ tiles, byA, byB }) => {
        const own = Float64Array.from(tiles, (tile) => weights[tile] ?? 0);
        return (byA.rocAuc(own) + byB.rocAuc(own)) / 2;
      }),
    ];
  }
}
