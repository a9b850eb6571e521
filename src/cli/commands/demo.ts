import { defineCommand } from '../command.js';
import { defined, DEVICE, FORCE, THREADS } from '../options.js';
import { formatSeconds } from '../progress-meter.js';

export const demoCommand = defineCommand({
  usage: 'demo',
  describe: 'Run the whole pipeline on synthetic tiles: preprocess, samples, train, predict',
  builder: (argv) =>
    argv
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        default: 'lungcls-demo',
        describe: 'The folder for everything it makes',
      })
      .option('device', DEVICE)
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 demo', 'takes a minute or two; says where the report is'),
  async run(argv, { task }) {
    const { demo } = await import('../../demo.js');
    const result = await demo({
      ...task,
      ...defined({
        output: argv.output,
        device: argv.device,
        threads: argv.threads,
        force: argv.force,
      }),
    });
    const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
    return {
      value: result,
      lines: [
        result.alreadyDone
          ? `Done already; everything is in ${argv.output} (--force makes it anew)`
          : `Done in ${formatSeconds(result.seconds)}; everything is in ${argv.output}`,
        `Report: ${result.report}`,
        `Predictions for ${result.heldOut.rows} tiles the model has not seen: ${result.predictions}`,
        `  ${percent(result.heldOut.accuracy)} of them right (validation while training: ${percent(result.validationAccuracy)})`,
        'These tiles are drawn by a program: the figures say nothing about real tissue.',
      ],
    };
  },
});
