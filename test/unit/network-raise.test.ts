/** From a network to a tfjs layers model and back: the same network. */
import test from 'ava';
import { classifierNetwork, PIXELS } from '#src/network/compose.js';
import { inferShapes } from '#src/network/graph.js';
import { headGraph, HEADS } from '#src/network/head.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { lowerToLayersModel } from '#src/network/lower-tfjs.js';
import { raiseLayersModel } from '#src/network/raise-tfjs.js';
import { applyPasses, INFERENCE_PASSES } from '#src/onnx/passes.js';
import { hashedWeights } from '../fixtures/network/hashed.js';

const SIZE = 96;
const base = inceptionV3ToMixed7();
const weights = hashedWeights(base, [SIZE, SIZE, 3]);
const features = inferShapes(base, [SIZE, SIZE, 3]).get(base.output) ?? [];

/** As model.json gives it back. */
function stored(topology: unknown): unknown {
  return JSON.parse(JSON.stringify(topology));
}

for (const head of HEADS) {
  for (const pixels of PIXELS) {
    test(`head ${head}, pixels ${pixels}, before and after the passes`, (t) => {
      const options = { head, pixels, size: SIZE, classes: 3, dropout: 0.1 };
      const headWeights = hashedWeights(headGraph(options), features);
      const network = classifierNetwork(weights, headWeights, options);
      for (const candidate of [network, applyPasses(network, INFERENCE_PASSES)]) {
        const { topology, weights: list } = lowerToLayersModel(candidate, 'test');
        const byName = new Map(list.map(({ name, shape, data }) => [name, { shape, data }]));
        const raised = raiseLayersModel(stored(topology), byName, 'here');
        t.deepEqual(raised.graph, candidate.graph);
        t.deepEqual(raised.inputShape, candidate.inputShape);
        t.deepEqual(lowerToLayersModel(raised, 'test').weights, list);
      }
    });
  }
}

test('what we did not write is refused, with what is wrong', (t) => {
  const options = { head: 'gap', pixels: 'inception', size: SIZE, classes: 3 } as const;
  const network = classifierNetwork(weights, hashedWeights(headGraph(options), features), options);
  const { topology, weights: list } = lowerToLayersModel(network, 'test');
  const byName = new Map(list.map(({ name, shape, data }) => [name, { shape, data }]));
  const text = JSON.stringify(topology);
  const refused = (changed: unknown, message: RegExp, own = byName): void => {
    t.throws(() => raiseLayersModel(changed, own, 'here'), { code: 'MODEL_INVALID', message });
  };
  refused(null, /here: expected an object/);
  refused({ config: {} }, /a list for layers/);
  refused(JSON.parse(text.replace('"Dense"', '"LSTM"')), /head_dense is a LSTM/);
  refused(JSON.parse(text.replace('"relu"', '"tanh"')), /relu or softmax for layer activation/);
  refused(JSON.parse(text.replace('"valid"', '"full"')), /same or valid for the padding of/);
  refused(
    JSON.parse(text.replace('"units":256', '"units":"256"')),
    /a number for head_dense\.units/,
  );
  refused(
    JSON.parse(text.replace('"units":256', '"units":255')),
    /head_dense\/kernel of shape \[768, 255\]/,
  );
  refused(topology, /a weight conv2d\/kernel of shape .* but found none/, new Map());
});
