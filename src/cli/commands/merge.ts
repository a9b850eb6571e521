import { defineCommand } from '../command.js';
import { defined, FORCE, FORMAT, outputOption } from '../options.js';
import { formatCount } from '../progress-meter.js';

export const mergeCommand = defineCommand({
  usage: 'merge <inputs..>',
  describe: 'Put the results of all shards of a job together',
  builder: (argv) =>
    argv
      .positional('inputs', {
        type: 'string',
        array: true,
        demandOption: true,
        default: undefined,
        describe: 'The files that predict --shard wrote: all the shards of one job, in any order',
      })
      .option('output', outputOption('The file to write: .csv, .jsonl or .parquet'))
      .option('format', FORMAT)
      .option('force', FORCE)
      .example('$0 merge part*.parquet -o all.parquet', 'rows in the order of the inputs'),
  async run(argv, { task }) {
    const { merge } = await import('../../inference/merge.js');
    const result = await merge({
      ...task,
      ...defined({
        parts: argv.inputs,
        output: argv.output,
        format: argv.format,
        force: argv.force,
      }),
    });
    return {
      value: result,
      lines: [
        `${formatCount(result.rows)} rows of ${formatCount(result.shards)} shards`,
        `Results: ${result.output}`,
      ],
    };
  },
});
