import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { TF_CHOICES } from '#src/config.js';
import { forcedTensorflow, tensorflowProblem } from '#src/runtime/tensorflow.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

const execute = promisify(execFile);

/** Loads TensorFlow in a process of its own, trains a small head, and returns what it says. */
const PROGRAM = `
  import { loadTensorflow } from '#src/runtime/tensorflow.js';
  try {
    const { tf, choice, description, skipped } = await loadTensorflow();
    const model = tf.sequential({ layers: [
      tf.layers.dense({ units: 16, inputShape: [8], activation: 'relu' }),
      tf.layers.batchNormalization(),
      tf.layers.dropout({ rate: 0.3, seed: 1 }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ] });
    model.compile({ optimizer: tf.train.adam(0.05), loss: 'categoricalCrossentropy' });
    const x = tf.randomNormal([96, 8], 0, 1, 'float32', 7);
    const y = tf.oneHot(x.slice([0, 0], [96, 3]).argMax(1).cast('int32'), 3);
    const { history } = await model.fit(x, y, { epochs: 30, verbose: 0, shuffle: false });
    const again = await loadTensorflow();
    console.log(JSON.stringify({ choice, description, skipped, backend: tf.getBackend(),
      first: history.loss[0], last: history.loss.at(-1), same: again.tf === tf }));
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  }
`;

interface Outcome {
  choice?: string;
  description: string;
  skipped: { choice: string; reason: string }[];
  backend: string;
  first: number;
  last: number;
  same: boolean;
  code?: string;
  message?: string;
}

async function load(forced: string, program = PROGRAM): Promise<Outcome> {
  const { stdout } = await execute(
    process.execPath,
    // Flags that node-pre-gyp would take for its own.
    ['--input-type=module', '-e', program, '--', '--directory', '/nowhere', 'install'],
    { cwd: repositoryRoot, env: { ...process.env, LUNGCLS_TF: forced }, timeout: 120_000 },
  );
  return JSON.parse(stdout) as Outcome;
}

for (const choice of TF_CHOICES) {
  const problem = tensorflowProblem(choice);
  const run = problem === undefined ? test : test.skip;
  run(`${choice}, forced by LUNGCLS_TF, trains a small head`, async (t) => {
    const outcome = await load(choice);
    t.is(outcome.message, undefined);
    t.is(outcome.choice, choice);
    t.is(outcome.backend, choice === 'wasm' ? 'wasm' : 'tensorflow');
    t.regex(
      outcome.description,
      choice === 'wasm'
        ? /^tfjs wasm backend \d/
        : /^tfjs-node(-gpu)? on libtensorflow \d.* \([CG]PU\)$/,
    );
    t.true(outcome.last < outcome.first / 1.5, `${outcome.first} -> ${outcome.last}`);
    t.true(outcome.same);
    t.deepEqual(outcome.skipped, []);
  });
}

test('unforced, the best one that is there is taken, and the others are accounted for', async (t) => {
  const best = TF_CHOICES.find((choice) => tensorflowProblem(choice) === undefined);
  const outcome = await load('');
  t.is(outcome.choice, best);
  t.deepEqual(
    outcome.skipped.map(({ choice }) => choice),
    TF_CHOICES.slice(0, TF_CHOICES.indexOf(best ?? 'wasm')),
  );
});

test('another choice than the one that is loaded is refused', async (t) => {
  const outcome = await load(
    'wasm',
    `import { loadTensorflow } from '#src/runtime/tensorflow.js';
     await loadTensorflow();
     await loadTensorflow('tfjs-node').catch(({ code, message }) => {
       console.log(JSON.stringify({ code, message }));
     });`,
  );
  t.is(outcome.code, 'BACKEND_UNAVAILABLE');
  t.regex(outcome.message ?? '', /tfjs-node was asked for but this process already runs tfjs wasm/);
});

test('LUNGCLS_TF takes the three names only', async (t) => {
  t.is(forcedTensorflow({}), undefined);
  t.is(forcedTensorflow({ LUNGCLS_TF: '' }), undefined);
  t.is(forcedTensorflow({ LUNGCLS_TF: 'tfjs-node' }), 'tfjs-node');
  const outcome = await load('cuda');
  t.is(outcome.code, 'INVALID_OPTION');
  t.is(
    outcome.message,
    'Expected one of tfjs-node-gpu, tfjs-node, wasm for the environment variable LUNGCLS_TF but received "cuda"',
  );
});
