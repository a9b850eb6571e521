/**
 * Trains the recipe's head on made-up features of the recipe's size: for every line on stdin one pass
 * over the tiles, for each of which it prints a line of JSON.
 *
 *   node build/bench/train-step-child.js <features file> <tiles> <tfjs-node|wasm|...> <native|tfjs>
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { RECIPE, TF_CHOICES } from '#src/config.js';
import { MappedRows } from '#src/native/addon.js';
import { loadTensorflow } from '#src/runtime/tensorflow.js';
import { availableThreads } from '#src/runtime/threads.js';
import { featureBatches } from '#src/training/feature-batches.js';
import { chooseFirstLayer, createFirstDense } from '#src/training/head/choose-dense.js';
import { headGraph } from '#src/network/head.js';
import { HeadTrainer } from '#src/training/head/head.js';
import { initialHeadWeights } from '#src/training/head/initial.js';
import { headShape } from '#src/training/head/shape.js';
import { dropoutMasks, epochOrder } from '#src/training/random.js';
import { FEATURES } from './train-step-features.js';

const [, , file = '', count = '', name = '', layer = ''] = process.argv;
const tiles = Number(count);
const tensorflow = await loadTensorflow(TF_CHOICES.find((choice) => choice === name));
const firstLayer = chooseFirstLayer(layer === 'native' ? 'native' : 'tfjs', tensorflow);
const shape = headShape(headGraph({ classes: 3 }), [14, 14, 768]);
const threads = availableThreads();
const head = new HeadTrainer(tensorflow.tf, shape, initialHeadWeights(shape, 0), {
  createFirstDense: (kernel) => createFirstDense(firstLayer, tensorflow, kernel, threads),
});
const rows = MappedRows.open(file, {
  offset: 0,
  rowBytes: (2 * FEATURES) / head.blocks,
  rows: tiles * head.blocks,
});
const source = { rows, blocks: head.blocks, features: FEATURES };
let step = 0;

/** Seconds a step, over one pass. */
async function pass(epoch: number): Promise<number> {
  const order = epochOrder(tiles, 0, epoch);
  const startedAt = performance.now();
  const before = step;
  for await (const gathered of featureBatches(source, order, RECIPE.batchSize)) {
    const { tiles: chosen, batch, upcoming } = gathered;
    const { loss } = await head.train({
      batch,
      labels: Array.from(chosen, (tile) => tile % shape.classes),
      masks: dropoutMasks(shape.dropouts, batch.rows, 0, step),
      learningRate: RECIPE.learningRate,
      step: ++step,
      upcoming,
    });
    if (!Number.isFinite(loss)) throw new Error(`The loss is ${String(loss)}`);
  }
  return (performance.now() - startedAt) / 1000 / (step - before);
}

/** Most bytes resident without those of mapped files, and at this moment, in MiB (proc(5)). */
function privateMiB(): number {
  const status = readFileSync('/proc/self/status', 'latin1');
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

console.log(
  JSON.stringify({ tensorflow: tensorflow.description, firstLayer: firstLayer.description }),
);
let passes = 0;
for await (const line of createInterface(process.stdin)) {
  if (line === 'end') break;
  const secondsPerStep = await pass(++passes);
  console.log(JSON.stringify({ secondsPerStep, privateMiB: privateMiB() }));
}
rows.close();
head.dispose();
