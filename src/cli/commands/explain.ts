import { defineCommand } from '../command.js';
import { defined, DEVICE, FORCE, MAX_PIXELS, outputOption, THREADS } from '../options.js';

export const explainCommand = defineCommand({
  usage: 'explain <model> <inputs..>',
  describe: 'Show where in a tile a class was seen (Grad-CAM)',
  builder: (argv) =>
    argv
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: "A model bundle's folder (run/model)",
      })
      .positional('inputs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Images; also folders, archives and patterns in quotes, as for predict',
      })
      .option('output', outputOption('The .png to write; for several images a folder'))
      .option('class', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'the one that each image is given',
        describe: 'The class whose evidence is shown',
      })
      .option('calibrated', {
        type: 'boolean',
        defaultDescription: 'where the model has a temperature',
        describe: "Probabilities after temperature scaling; --no-calibrated: the network's own",
      })
      .option('device', DEVICE)
      .option('max-pixels', MAX_PIXELS)
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 explain run/model tile.jpeg -o heat.png', 'what spoke for its class')
      .example(
        '$0 explain run/model a.jpeg b.jpeg -o heat --class lung_scc',
        'what spoke for another one',
      ),
  async run(argv, { task }) {
    const { explainImages } = await import('../../assessment/explain-images.js');
    const result = await explainImages({
      ...task,
      ...defined({
        model: argv.model,
        inputs: argv.inputs,
        output: argv.output,
        className: argv.class,
        calibrated: argv.calibrated,
        device: argv.device,
        maxPixels: argv['max-pixels'],
        threads: argv.threads,
        force: argv.force,
      }),
    });
    const failed = result.images.filter(({ picture }) => picture === undefined);
    return {
      value: result,
      exitCode: failed.length > 0 ? 1 : 0,
      lines: result.images.map(({ path, status, message, picture, label = '', ...image }) => {
        if (picture === undefined) return `${path}: no picture, ${status} (${message})`;
        const { explained = '', probabilities = {} } = image;
        const p = (name: string): string => (probabilities[name] ?? NaN).toFixed(4);
        const other = explained === label ? '' : `; shown: ${explained} ${p(explained)}`;
        return `${path}: ${label} ${p(label)}${other} -> ${picture}`;
      }),
    };
  },
});
