import { defineCommand } from '../command.js';
import { FORCE, outputOption } from '../options.js';

export const samplesCommand = defineCommand({
  usage: 'samples <store>',
  describe: 'Show random tiles of each class in one picture',
  builder: (argv) =>
    argv
      .positional('store', { type: 'string', demandOption: true, describe: 'A tile store' })
      .option('output', outputOption('The picture to write, a .png'))
      .option('per-class', {
        type: 'number',
        requiresArg: true,
        default: 3,
        describe: 'Tiles of each class',
      })
      .option('seed', {
        type: 'number',
        requiresArg: true,
        default: 0,
        describe: 'Another seed shows other tiles',
      })
      .option('force', FORCE)
      .example('$0 samples store -o samples.png', 'three tiles a class'),
  async run(argv, { task }) {
    const { samples } = await import('../../dataset/samples.js');
    const result = await samples({
      ...task,
      store: argv.store,
      output: argv.output,
      perClass: argv['per-class'],
      seed: argv.seed,
      force: argv.force,
    });
    return { value: result, lines: [`Picture: ${argv.output}`] };
  },
});
