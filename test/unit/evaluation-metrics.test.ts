import test from 'ava';
import { classificationReport } from '#src/evaluation/classification-report.js';
import { argmaxRows, confusionMatrix, logLoss } from '#src/evaluation/confusion.js';
import { formatFixed, numpySum } from '#src/evaluation/numpy.js';

test('a confusion matrix has true classes as rows', (t) => {
  t.deepEqual(confusionMatrix([0, 0, 1], [1, 1, 1], 2), [
    [0, 2],
    [0, 1],
  ]);
});

test('labels outside the classes and unequal lengths are refused', (t) => {
  t.throws(() => confusionMatrix([0, 2], [0, 0], 2), { message: /element 1 is 2/ });
  t.throws(() => confusionMatrix([0], [-1], 2), { message: /predicted -1/ });
  t.throws(() => confusionMatrix([0], [0, 1], 2), { message: /as many predictions as labels, 1/ });
  t.throws(() => classificationReport([[1]], ['a', 'b']), { message: /2 rows/ });
});

test('the lower class wins a tie', (t) => {
  t.deepEqual([...argmaxRows(new Float32Array([0.5, 0.5, 0, 0.2, 0.4, 0.4]), 3)], [0, 1]);
});

test('a probability of zero costs the logarithm of the epsilon of its type', (t) => {
  t.is(logLoss([0], new Float32Array([0, 1]), 2), -Math.log(2 ** -23));
  t.is(logLoss([0], new Float64Array([0, 1]), 2), -Math.log(2 ** -52));
});

test('numbers are rounded as Python rounds them', (t) => {
  const cases: [number, number, string][] = [
    [0.125, 2, '0.12'],
    [0.375, 2, '0.38'],
    [0.625, 2, '0.62'],
    [0.875, 2, '0.88'],
    [0.5, 0, '0'],
    [1.5, 0, '2'],
    [0.285, 2, '0.28'],
    [1, 2, '1.00'],
    [NaN, 2, 'nan'],
  ];
  for (const [value, digits, text] of cases) t.is(formatFixed(value, digits), text);
});

test('the sum follows NumPy for every length', (t) => {
  t.is(numpySum([]), -0);
  const n = 1000;
  t.is(numpySum(Array.from({ length: n }, (_, i) => i)), (n * (n - 1)) / 2);
});
