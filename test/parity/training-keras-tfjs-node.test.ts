import test from 'ava';
import { denseSupport } from '#src/native/addon.js';
import { loadTensorflow, tensorflowProblem } from '#src/runtime/tensorflow.js';
import { followKeras } from '../fixtures/training/follow-keras.js';

const run = tensorflowProblem('tfjs-node') === undefined ? test.serial : test.skip;

// Two implementations of the same arithmetic in float32 differ in the order of their sums: by some
// 1e-7 in a step, and after 50 steps of Adam by little more.
for (const native of [false, true]) {
  for (const blocks of [1, 4]) {
    const runs = native && !denseSupport().available ? test.skip : run;
    const layer = native ? 'native kernel' : 'tfjs';
    runs(
      `tfjs-node, first layer in ${layer}, ${String(blocks)} blocks: 50 steps follow Keras`,
      async (t) => {
        const { tf } = await loadTensorflow('tfjs-node');
        const distance = await followKeras(tf, blocks, native);
        t.log(JSON.stringify(distance));
        t.true(distance.loss < 2e-6);
        t.is(distance.accuracy, 0);
        t.true(distance.weights < 1e-5);
        t.true(distance.evaluationLoss < 2e-6);
        t.true(distance.probabilities < 2e-6);
        t.is(distance.leakedTensors, 0);
      },
    );
  }
}
