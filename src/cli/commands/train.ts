import { DEFAULT_BASE, RECIPE } from '../../config.js';
import { defineCommand } from '../command.js';
import { defined, DEVICE, FORCE, outputOption, parseClassWeights, THREADS } from '../options.js';
import { formatSeconds } from '../progress-meter.js';
import { SPLIT_FLAGS, splitLines, splitOptions } from '../split-flags.js';

export const trainCommand = defineCommand({
  usage: 'train <store>',
  describe: 'Train the head on a tile store; writes a report and the model bundle',
  builder: (argv) =>
    argv
      .positional('store', { type: 'string', demandOption: true, describe: 'A tile store' })
      .option('output', outputOption('The run folder to write'))
      .option('base', {
        type: 'string',
        requiresArg: true,
        default: DEFAULT_BASE,
        describe: 'The frozen base (see `base list`)',
      })
      .option('pixels', {
        choices: ['inception', 'recipe'] as const,
        requiresArg: true,
        default: 'inception' as const,
        describe: 'What the base is fed: RGB from -1 to 1, or BGR from 0 to 255 as in the recipe',
      })
      .option('head', {
        choices: ['recipe', 'gap'] as const,
        requiresArg: true,
        default: 'recipe' as const,
        describe:
          "What is trained on the base: the recipe's head, or global average pooling, Dense 256 and Dense, a 200th of its size",
      })
      .option('features', {
        choices: ['auto', 'fp32', 'int8'] as const,
        requiresArg: true,
        default: 'auto' as const,
        describe:
          'In which numbers the base computes the features; int8 is calibrated on training tiles. auto: int8 where that is known to be as good and several times as fast',
      })
      .option('epochs', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.epochs,
        describe: 'Most epochs',
      })
      .option('batch-size', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.batchSize,
        describe: 'Tiles of one training step',
      })
      .option('learning-rate', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.learningRate,
        describe: "Adam's",
      })
      .option('beta-1', {
        type: 'number',
        requiresArg: true,
        default: 0.9,
        describe: "Adam's decay of the first moment",
      })
      .option('beta-2', {
        type: 'number',
        requiresArg: true,
        default: 0.999,
        describe: "Adam's decay of the second moment",
      })
      .option('epsilon', {
        type: 'number',
        requiresArg: true,
        default: 1e-7,
        describe: "Adam's, added to the root of the second moment",
      })
      .option('class-weights', {
        type: 'string',
        requiresArg: true,
        default: 'none',
        describe:
          'Factors of the classes in the training loss: none, balanced (by their tiles), or CLASS=NUMBER,... (1 for those not named)',
      })
      .options(SPLIT_FLAGS)
      .option('seed', {
        type: 'number',
        requiresArg: true,
        default: 0,
        describe: 'Of the initial weights, the order of the tiles, and dropout',
      })
      .option('dropout', {
        type: 'number',
        requiresArg: true,
        defaultDescription: `${RECIPE.dropout}; 0 with --head gap`,
        describe: "Share of the last hidden layer's outputs that dropout zeroes",
      })
      .option('early-stopping', {
        type: 'boolean',
        default: true,
        describe:
          'Stop when validation accuracy no longer rises, and keep the best weights; --no-early-stopping: never',
      })
      .option('early-stopping-patience', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.earlyStoppingPatience,
        describe: 'Epochs to wait for a rise',
      })
      .option('early-stopping-min-delta', {
        type: 'number',
        requiresArg: true,
        default: 0,
        describe: 'Smallest rise that counts',
      })
      .option('reduce-lr', {
        type: 'boolean',
        default: true,
        describe:
          'Lower the learning rate when validation loss no longer falls; --no-reduce-lr: never',
      })
      .option('reduce-lr-patience', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.reduceLrPatience,
        describe: 'Epochs to wait for a fall',
      })
      .option('reduce-lr-factor', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.reduceLrFactor,
        describe: 'What the learning rate is multiplied with',
      })
      .option('reduce-lr-min-delta', {
        type: 'number',
        requiresArg: true,
        default: 1e-4,
        describe: 'Smallest fall that counts',
      })
      .option('reduce-lr-cooldown', {
        type: 'number',
        requiresArg: true,
        default: 0,
        describe: 'Epochs after a reduction in which none is counted',
      })
      .option('reduce-lr-min-lr', {
        type: 'number',
        requiresArg: true,
        default: 0,
        describe: 'The learning rate is never made smaller than this',
      })
      .option('target-accuracy', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.targetAccuracy,
        describe: 'Stop once validation accuracy is above this; 1: never stop for this reason',
      })
      .option('first-layer', {
        choices: ['auto', 'native', 'tfjs'] as const,
        requiresArg: true,
        default: 'auto' as const,
        describe:
          "What computes the head's first layer, 99.9% of its weights: the native CPU kernel, or tfjs like the rest",
      })
      .option('device', DEVICE)
      .option('threads', THREADS)
      .option('checkpoint-minutes', {
        type: 'number',
        requiresArg: true,
        default: 10,
        describe:
          'Minutes after which the state is stored within an epoch too; 0: after epochs only',
      })
      .option('domain', {
        type: 'boolean',
        default: true,
        describe:
          'The model tells tiles unlike those of training from others; --no-domain: it does not',
      })
      .option('tensorboard', {
        type: 'string',
        describe:
          'Also write the curves as TensorBoard event files, into this folder (without a name: into the run folder)',
      })
      .option('tensorboard-batches', {
        type: 'number',
        requiresArg: true,
        default: 0,
        describe: 'With --tensorboard: loss and accuracy every so many batches too; 0: epochs only',
      })
      .option('force', FORCE)
      .example('$0 train store -o run', 'the recipe')
      .example('$0 train store -o run --split grouped', 'copies of one original kept apart')
      .example('$0 train store -o run --head gap --class-weights balanced', 'another head'),
  async run(argv, { task }) {
    const { train } = await import('../../training/train.js');
    const result = await train({
      ...task,
      ...defined({
        store: argv.store,
        output: argv.output,
        base: argv.base,
        pixels: argv.pixels,
        head: argv.head,
        features: argv.features,
        epochs: argv.epochs,
        batchSize: argv['batch-size'],
        learningRate: argv['learning-rate'],
        beta1: argv['beta-1'],
        beta2: argv['beta-2'],
        epsilon: argv.epsilon,
        classWeights: parseClassWeights(argv['class-weights']),
        ...splitOptions(argv),
        seed: argv.seed,
        dropout: argv.dropout,
        earlyStopping: argv['early-stopping'],
        earlyStoppingPatience: argv['early-stopping-patience'],
        earlyStoppingMinDelta: argv['early-stopping-min-delta'],
        reduceLr: argv['reduce-lr'],
        reduceLrPatience: argv['reduce-lr-patience'],
        reduceLrFactor: argv['reduce-lr-factor'],
        reduceLrMinDelta: argv['reduce-lr-min-delta'],
        reduceLrCooldown: argv['reduce-lr-cooldown'],
        reduceLrMinLr: argv['reduce-lr-min-lr'],
        targetAccuracy: argv['target-accuracy'],
        firstLayer: argv['first-layer'],
        device: argv.device,
        threads: argv.threads,
        domain: argv.domain,
        checkpointMinutes: argv['checkpoint-minutes'],
        tensorboard: argv.tensorboard === '' ? true : argv.tensorboard,
        tensorboardBatches: argv['tensorboard-batches'],
        force: argv.force,
      }),
    });
    const { history, bestEpoch, stopReason, validationAccuracy, validationLogLoss } = result;
    return {
      value: result,
      lines: [
        `${history.length} epochs in ${formatSeconds(result.seconds)}, then stopped: ${stopReason}`,
        `Validation: accuracy ${validationAccuracy.toFixed(4)}, log loss ${validationLogLoss.toFixed(4)} (epoch ${bestEpoch})`,
        ...splitLines(result),
        `Report: ${result.report}`,
        `Model: ${result.model}`,
      ],
    };
  },
});
