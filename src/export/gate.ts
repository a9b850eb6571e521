/** The gate of an export: how near it has to be to the float32 model, and how near it is. */
import { TOLERANCE, largestDifference } from '../bundle/agreement.js';
import { classAgreement } from '../bundle/int8.js';
import type { Precision } from '../bundle/metadata.js';
import { LungclsError } from '../errors.js';
import { argmaxRows } from '../evaluation/confusion.js';

/** What a model of each precision may differ by from the float32 tfjs model. */
export const GATE = {
  fp32: { maxDifference: TOLERANCE.float32 },
  fp16: { maxDifference: TOLERANCE.float16 },
  int8: { sameClass: 0.995, accuracy: 0.003 },
} as const satisfies Record<Precision, object>;

/** An exported model beside the float32 tfjs model, on held-out tiles. */
export interface ExportFigures {
  readonly tiles: number;
  /** Largest difference of a probability. */
  readonly maxDifference: number;
  /** Share of the tiles that both give the same class, 0 to 1. */
  readonly sameClass: number;
  /** Tiles whose class is known, and the share of them that each names right; 0, 0 and 0 without any. */
  readonly labelled: number;
  readonly accuracy: number;
  readonly referenceAccuracy: number;
}

/**
 * @param found probabilities (tiles, classes), and likewise the reference
 * @param truth class index of each tile, -1 where it is not known
 */
export function compare(
  found: Float32Array,
  reference: Float32Array,
  truth: ArrayLike<number>,
  classes: number,
): ExportFigures {
  const difference = largestDifference(found, reference);
  const known = Array.from(truth).filter((label) => label >= 0).length;
  const accuracy = (probabilities: Float32Array): number => {
    const predicted = argmaxRows(probabilities, classes);
    return known === 0
      ? 0
      : predicted.filter((label, tile) => label === truth[tile]).length / known;
  };
  return {
    tiles: truth.length,
    // Probabilities cannot differ by more, and JSON has no infinity.
    maxDifference: Math.min(difference, 1),
    sameClass: Number.isFinite(difference) ? classAgreement(found, reference, classes) : 0,
    labelled: known,
    accuracy: accuracy(found),
    referenceAccuracy: accuracy(reference),
  };
}

/**
 * @param what the export, for the message
 * @throws LungclsError EXPORT_MISMATCH, with what was found and what is allowed
 */
export function requireFigures(what: string, precision: Precision, figures: ExportFigures): void {
  const tiles = `on ${String(figures.tiles)} held-out tiles`;
  const fail = (expected: string, found: string): never => {
    throw new LungclsError(
      'EXPORT_MISMATCH',
      `Expected ${what} to give ${expected} ${tiles} but ${found}; nothing was written`,
    );
  };
  if (precision !== 'int8') {
    const { maxDifference } = GATE[precision];
    if (figures.maxDifference <= maxDifference) return;
    fail(
      `the probabilities of the tfjs model within ${String(maxDifference)}`,
      `they differ by ${String(figures.maxDifference)}`,
    );
  }
  const { sameClass, accuracy } = GATE.int8;
  if (figures.sameClass < sameClass) {
    fail(
      `the tfjs model's class for ${percent(sameClass)}`,
      `it does for ${percent(figures.sameClass)}`,
    );
  }
  // Half a tile less than one is none: shares of counts are not exact.
  const slack = 0.5 / Math.max(figures.labelled, 1);
  if (Math.abs(figures.accuracy - figures.referenceAccuracy) > accuracy + slack * 1e-6) {
    fail(
      `the tfjs model's accuracy, ${percent(figures.referenceAccuracy)}, within ${String(100 * accuracy)} points`,
      `it has ${percent(figures.accuracy)}`,
    );
  }
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
