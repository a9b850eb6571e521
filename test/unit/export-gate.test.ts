/** How an export is judged. */
import test from 'ava';
import { compare, requireFigures, type ExportFigures } from '#src/export/gate.js';

/** Probabilities that name these classes, two a row. */
function naming(classes: readonly number[]): Float32Array {
  return Float32Array.from(classes.flatMap((name) => (name === 0 ? [0.75, 0.25] : [0.25, 0.75])));
}

/** 1,000 tiles, of which the first `wrong` are named otherwise than by the reference, which is right. */
function figures(wrong: number): ExportFigures {
  const truth = Array.from({ length: 1000 }, () => 0);
  const found = naming(truth.map((_, i) => (i < wrong ? 1 : 0)));
  return compare(found, naming(truth), truth, 2);
}

test('figures are shares of the tiles, and of those whose class is known', (t) => {
  const found = compare(naming([0, 1, 1, 0]), naming([0, 0, 1, 1]), [0, 0, 1, -1], 2);
  t.deepEqual(found, {
    tiles: 4,
    maxDifference: 0.5,
    sameClass: 0.5,
    labelled: 3,
    accuracy: 2 / 3,
    referenceAccuracy: 1,
  });
  const unknown = compare(naming([0]), naming([0]), [-1], 2);
  t.like(unknown, { labelled: 0, accuracy: 0, referenceAccuracy: 0 });
  t.like(compare(Float32Array.of(NaN, 1), naming([0]), [0], 2), { maxDifference: 1, sameClass: 0 });
});

test('fp32 and fp16 are judged by probabilities', (t) => {
  const with_ = (maxDifference: number): ExportFigures => ({ ...figures(0), maxDifference });
  t.notThrows(() => {
    requireFigures('m', 'fp32', with_(1e-4));
    requireFigures('m', 'fp16', with_(5e-3));
    requireFigures('m', 'int8', with_(0.5));
  });
  for (const [precision, difference] of [
    ['fp32', 1.1e-4],
    ['fp16', 5.1e-3],
  ] as const) {
    t.throws(
      () => {
        requireFigures('m', precision, with_(difference));
      },
      { code: 'EXPORT_MISMATCH', message: /1000 held-out tiles but they differ by .*nothing was/ },
    );
  }
});

test('int8 is judged by classes and by accuracy', (t) => {
  t.notThrows(() => {
    requireFigures('m', 'int8', figures(3));
  });
  const fails = (own: ExportFigures, message: RegExp): void => {
    t.throws(
      () => {
        requireFigures('m', 'int8', own);
      },
      { code: 'EXPORT_MISMATCH', message },
    );
  };
  fails(figures(6), /class for 99\.50 % on 1000 held-out tiles but it does for 99\.40 %/);
  // 99.6 % the same class, but all of the others wrong now.
  fails(figures(4), /accuracy, 100\.00 %, within 0\.3 points .* but it has 99\.60 %/);
  t.notThrows(() => {
    requireFigures('m', 'int8', { ...figures(4), labelled: 0, accuracy: 0, referenceAccuracy: 0 });
  });
});
