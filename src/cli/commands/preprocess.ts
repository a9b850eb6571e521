import { RECIPE } from '../../config.js';
import { defineCommand } from '../command.js';
import { defined, FORCE, MAX_PIXELS, output, parseClasses, THREADS } from '../options.js';
import { formatCount, formatRate, formatSeconds } from '../progress-meter.js';

export const preprocessCommand = defineCommand({
  usage: 'preprocess <input>',
  describe: 'Decode and resize labelled images into a tile store',
  builder: (argv) =>
    argv
      .positional('input', {
        type: 'string',
        demandOption: true,
        describe: 'A .zip archive, or a folder, with one sub-folder a class',
      })
      .option('output', output('The tile store to write, a folder'))
      .option('size', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.imgSize,
        describe: 'Side of a tile in pixels',
      })
      .option('classes', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'all; of LC25000 the three lung classes',
        describe: 'The classes to take, by folder name, separated by commas, in this order',
      })
      .option('max-pixels', MAX_PIXELS)
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 preprocess archive.zip -o store', 'LC25000 as it was downloaded')
      .example('$0 preprocess tiles/ -o store --classes normal,tumour', 'a folder of your own'),
  async run(argv, { task }) {
    const { preprocess } = await import('../../dataset/preprocess.js');
    const result = await preprocess({
      ...task,
      ...defined({
        input: argv.input,
        output: argv.output,
        size: argv.size,
        classes: parseClasses(argv.classes),
        maxPixels: argv['max-pixels'],
        threads: argv.threads,
        force: argv.force,
      }),
    });
    const perClass = Object.entries(result.perClass).map(
      ([name, count]) => `${name} ${formatCount(count)}`,
    );
    const rate = result.seconds > 0 ? `, ${formatRate(result.rows / result.seconds)} tiles/s` : '';
    return {
      value: result,
      lines: [
        `${formatCount(result.rows)} tiles (${perClass.join(', ')}) in ${formatSeconds(result.seconds)}${rate}`,
        ...(result.errors > 0
          ? [`${formatCount(result.errors)} images gave no tile; index.csv in the store says why`]
          : []),
        `Tile store: ${argv.output}`,
      ],
    };
  },
});
