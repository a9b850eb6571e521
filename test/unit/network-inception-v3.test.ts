import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { inferShapes, inputsOf, type NetworkNode } from '#src/network/graph.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { kerasLayerOrder } from '#src/network/keras-order.js';
import { describeHead, headGraph } from '#src/network/head.js';
import { weightShapes } from '#src/network/weights.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface KerasLayer {
  name: string;
  class: string;
  inputs: string[];
  filters?: number;
  kernel_size?: number[];
  strides?: number[];
  padding?: string;
  use_bias?: boolean;
  pool_size?: number[];
  scale?: boolean;
  epsilon?: number;
  weights: Record<string, number[]>;
}

// Made by test/fixtures/network/make_network.py.
const keras = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/network/layers.json'), 'utf8'),
) as KerasLayer[];

const graph = inceptionV3ToMixed7();
const shapes = weightShapes(graph, [256, 256, 3]);

/** A node in Keras's words. */
function described(node: NetworkNode): KerasLayer {
  const weights: Record<string, number[]> = {};
  for (const [name, shape] of shapes) {
    if (name.startsWith(`${node.name}/`)) weights[name.slice(node.name.length + 1)] = [...shape];
  }
  const common = { name: node.name, inputs: [...inputsOf(node)], weights };
  switch (node.op) {
    case 'conv':
      return {
        ...common,
        class: 'Conv2D',
        filters: node.filters,
        kernel_size: [...node.kernel],
        strides: [node.stride, node.stride],
        padding: node.padding,
        use_bias: node.bias,
      };
    case 'batchNormalization':
      return {
        ...common,
        class: 'BatchNormalization',
        scale: node.scale,
        epsilon: node.epsilon,
      };
    case 'maxPool':
    case 'averagePool':
      return {
        ...common,
        class: node.op === 'maxPool' ? 'MaxPooling2D' : 'AveragePooling2D',
        pool_size: [node.size, node.size],
        strides: [node.stride, node.stride],
        padding: node.padding,
      };
    case 'concat':
      return { ...common, class: 'Concatenate' };
    default:
      return { ...common, class: 'Activation' };
  }
}

test("the description is Keras's InceptionV3, layer by layer, in the order of model.layers", (t) => {
  const expected = keras
    .filter((layer) => layer.class !== 'InputLayer')
    .map((layer) => ({ ...layer, axis: undefined }));
  const found = kerasLayerOrder(graph).map((node) => ({ ...described(node), axis: undefined }));
  t.deepEqual(found, expected);
});

test('nodes come in the order in which Keras builds them: numbers ascend', (t) => {
  const convolutions = graph.nodes.filter((node) => node.op === 'conv').map(({ name }) => name);
  t.is(convolutions.length, 70);
  t.deepEqual(
    convolutions,
    Array.from({ length: 70 }, (_, i) => (i === 0 ? 'conv2d' : `conv2d_${String(i)}`)),
  );
});

test('mixed7 of a 256 tile is 14 x 14 x 768, of a 96 tile 4 x 4 x 768', (t) => {
  t.deepEqual(inferShapes(graph, [256, 256, 3]).get('mixed7'), [14, 14, 768]);
  t.deepEqual(inferShapes(graph, [96, 96, 3]).get('mixed7'), [4, 4, 768]);
});

test('a tile that is too small is refused, naming the layer', (t) => {
  const error = t.throws(() => inferShapes(graph, [30, 30, 3]));
  t.like(error, { code: 'INVALID_OPTION' });
  t.regex(error.message, /30 x 30 x 3.*layer/);
});

test("the head has the recipe's layers and weights", (t) => {
  const head = headGraph({ classes: 3 });
  t.deepEqual(
    [...weightShapes(head, [14, 14, 768])].map(([name, shape]) => `${name} ${shape.join('x')}`),
    [
      'dense/kernel 150528x256',
      'dense/bias 256',
      'batch_normalization/gamma 256',
      'batch_normalization/beta 256',
      'batch_normalization/moving_mean 256',
      'batch_normalization/moving_variance 256',
      'dense_1/kernel 256x128',
      'dense_1/bias 128',
      'batch_normalization_1/gamma 128',
      'batch_normalization_1/beta 128',
      'batch_normalization_1/moving_mean 128',
      'batch_normalization_1/moving_variance 128',
      'dense_2/kernel 128x3',
      'dense_2/bias 3',
    ],
  );
});

test('gap pools, and has a 200th of the weights', (t) => {
  const count = (head: 'recipe' | 'gap'): number =>
    [...weightShapes(headGraph({ head, classes: 3 }), [14, 14, 768]).values()]
      .map((shape) => shape.reduce((a, b) => a * b, 1))
      .reduce((a, b) => a + b);
  t.deepEqual(
    [...weightShapes(headGraph({ head: 'gap', classes: 3 }), [14, 14, 768])],
    [
      ['dense/kernel', [768, 256]],
      ['dense/bias', [256]],
      ['dense_1/kernel', [256, 3]],
      ['dense_1/bias', [3]],
    ],
  );
  t.is(Math.round(count('recipe') / count('gap')), 195);
});

test('a head in words', (t) => {
  t.is(
    describeHead(headGraph({ classes: 3 })),
    'Flatten, Dense 256 relu, BatchNormalization, Dense 128 relu, Dropout 0.3, BatchNormalization, Dense 3 softmax',
  );
  t.is(
    describeHead(headGraph({ head: 'gap', classes: 100 })),
    'GlobalAveragePooling2D, Dense 256 relu, Dense 100 softmax',
  );
  t.is(
    describeHead(headGraph({ head: 'gap', classes: 2, dropout: 0.5 })),
    'GlobalAveragePooling2D, Dense 256 relu, Dropout 0.5, Dense 2 softmax',
  );
});

for (const classes of [0, 1, 101, 2.5, Number.NaN]) {
  test(`a head of ${classes} classes is refused`, (t) => {
    t.throws(() => headGraph({ classes }), {
      code: 'INVALID_OPTION',
      message: /2 to 100/,
    });
  });
}
