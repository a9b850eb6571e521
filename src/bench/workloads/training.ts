/** Training the head on features that are there: batches of the recipe, by what computes its first layer. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RECIPE } from '../../config.js';
import { floatToHalf, MappedRows } from '../../native/addon.js';
import { headGraph } from '../../network/head.js';
import { loadTensorflow } from '../../runtime/tensorflow.js';
import { featureBatches } from '../../training/feature-batches.js';
import { chooseFirstLayer, createFirstDense } from '../../training/head/choose-dense.js';
import { HeadTrainer } from '../../training/head/head.js';
import { initialHeadWeights } from '../../training/head/initial.js';
import { headShape } from '../../training/head/shape.js';
import { dropoutMasks, epochOrder, RandomStream } from '../../training/random.js';
import { packageVersion } from '../engines.js';
import type { TrialSpec } from '../protocol.js';
import type { Trial, VariantPlan, Workload } from '../workload.js';

/** mixed7 of a 256 x 256 tile. */
const MAP = [14, 14, 768] as const;
const FEATURES = MAP[0] * MAP[1] * MAP[2];
const TILES = 128;
/** Share of zeros behind the relu, as in the lung half of LC25000. */
const ZEROS = 0.88;
/** Steps whose losses are the answer. */
const CHECKED_STEPS = 4;
/** Weights and Adam's two moments, float32, pass through memory in every step. */
const STEP_GB = (3 * 4 * FEATURES * 256) / 1e9;

export const training: Workload = {
  name: 'training',
  suite: 'training',
  what: 'Training the recipe’s head on features from a mapped file, a tile counted each time it is seen.',
  needsModel: false,
  peerCheck: { kind: 'none', why: 'a peer starts from weights of its own' },
  plan: ({ tensorflows, threads }) => [
    {
      group: `batch ${RECIPE.batchSize}, ${threads} threads`,
      batch: RECIPE.batchSize,
      threads,
      variants: tensorflows.flatMap((choice): VariantPlan[] => {
        // Plain tfjs in WebAssembly takes many seconds a step.
        const layers = choice === 'wasm' ? (['native'] as const) : (['native', 'tfjs'] as const);
        return layers.map((layer) => ({
          variant: `${layer} ${choice}`,
          name:
            layer === 'native' ? `native first layer, rest on ${choice}` : `tfjs alone (${choice})`,
          kind: layer === 'native' ? 'native' : 'tfjs',
          check: { kind: 'within', maxDifference: 0.01 },
          env: { LUNGCLS_TF: choice },
          floors: [{ floor: 'memoryReadGBs', perTile: STEP_GB / RECIPE.batchSize }],
        }));
      }),
    },
  ],
  open: openTraining,
};

/** Features that are mostly zeros: a long run of numbers, in which each tile begins elsewhere. */
async function writeFeatures(path: string): Promise<void> {
  const random = new RandomStream([1]);
  const numbers = Float32Array.from({ length: 2 * FEATURES }, () =>
    Math.max(0, random.uniform() - ZEROS),
  );
  const halves = new Uint16Array(numbers.length);
  floatToHalf(numbers, halves);
  const file = await open(path, 'w');
  try {
    for (let i = 0; i < TILES; i++) {
      const first = random.below(FEATURES);
      await file.write(halves.slice(first, first + FEATURES));
    }
  } finally {
    await file.close();
  }
}

async function openTraining(spec: TrialSpec): Promise<Trial> {
  const path = join(spec.out, 'features.f16');
  await writeFeatures(path);
  const tensorflow = await loadTensorflow();
  const wanted = spec.variant.startsWith('native') ? 'native' : 'tfjs';
  const layer = chooseFirstLayer(wanted, tensorflow);
  const shape = headShape(headGraph({ classes: 3 }), MAP);
  const head = new HeadTrainer(tensorflow.tf, shape, initialHeadWeights(shape, 0), {
    createFirstDense: (kernel) => createFirstDense(layer, tensorflow, kernel, spec.threads),
  });
  const rows = MappedRows.open(path, {
    offset: 0,
    rowBytes: (2 * FEATURES) / head.blocks,
    rows: TILES * head.blocks,
  });
  const source = { rows, blocks: head.blocks, features: FEATURES };
  let step = 0;
  const losses: number[] = [];
  const pass = async (epoch: number): Promise<number> => {
    let tiles = 0;
    for await (const gathered of featureBatches(source, epochOrder(TILES, 0, epoch), spec.batch)) {
      const { tiles: chosen, batch, upcoming } = gathered;
      const { loss } = await head.train({
        ...{ batch, upcoming },
        labels: Array.from(chosen, (tile) => tile % shape.classes),
        masks: dropoutMasks(shape.dropouts, batch.rows, 0, step),
        learningRate: RECIPE.learningRate,
        step: ++step,
      });
      tiles += chosen.length;
      if (losses.length < CHECKED_STEPS) losses.push(loss);
    }
    return tiles;
  };
  let epoch = 0;
  // The first steps, from the same weights on the same tiles, are also the answer.
  while (losses.length < CHECKED_STEPS) await pass(++epoch);
  return {
    versions: { '@tensorflow/tfjs': packageVersion('@tensorflow/tfjs') },
    device: `${layer.description}; ${tensorflow.description}`,
    async work(seconds) {
      const start = performance.now();
      let tiles = 0;
      do tiles += await pass(++epoch);
      while (performance.now() - start < 1000 * seconds);
      return { tiles, seconds: (performance.now() - start) / 1000 };
    },
    answers: () => Promise.resolve({ shape: [CHECKED_STEPS], values: Float32Array.from(losses) }),
    close: () => {
      rows.close();
      head.dispose();
      return Promise.resolve();
    },
  };
}
