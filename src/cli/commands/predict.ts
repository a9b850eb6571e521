import { LungclsError } from '../../errors.js';
import { defineCommand } from '../command.js';
import { keepHeapSmall } from '../heap.js';
import {
  BATCH_SIZE,
  defined,
  DEVICE,
  ENGINE,
  FORCE,
  FORMAT,
  MAX_PIXELS,
  PRECISION,
  outputOption,
  showDash,
  THREADS,
} from '../options.js';
import { outOfDomainLines } from '../out-of-domain.js';
import { formatCount, formatRate, formatSeconds } from '../progress-meter.js';

export const predictCommand = defineCommand({
  usage: 'predict <model> [inputs..]',
  describe: 'Classify images into a CSV, JSONL or Parquet file',
  builder: (argv) =>
    argv
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'A model bundle (run/model), or the .onnx in it',
      })
      .positional('inputs', {
        type: 'string',
        array: true,
        default: [],
        describe:
          'Folders (with all below them), .zip, .tar and .tar.gz archives, images, patterns in quotes, - for a list of names on stdin; or one tile store',
      })
      .option(
        'output',
        outputOption(
          'The file to write: .csv, .jsonl or .parquet; - for stdout. Its column in_domain says whether a tile is like those of training',
        ),
      )
      .option('format', FORMAT)
      .option('top', {
        type: 'number',
        requiresArg: true,
        describe: 'Also list so many of the best labels, each with its probability',
      })
      .option('threshold', {
        type: 'number',
        requiresArg: true,
        describe: 'Label images uncertain whose largest probability is below this',
      })
      .option('tta', {
        choices: ['d4'] as const,
        requiresArg: true,
        describe: 'd4: mean probabilities over the 8 flips and rotations; takes 8 times as long',
      })
      .option('calibrated', {
        type: 'boolean',
        defaultDescription: 'where the model has a temperature',
        describe:
          "Probabilities after temperature scaling; --no-calibrated: the network's own. Labels are the same",
      })
      .option('shard', {
        type: 'string',
        requiresArg: true,
        describe:
          'Classify part i of n (i/n, the first is 1), or auto: as the SLURM, AWS Batch or Kubernetes array says',
      })
      .option('list', {
        type: 'string',
        requiresArg: true,
        describe: 'A file with the names of images, one a line or separated by NUL',
      })
      .option('null', {
        alias: '0',
        type: 'boolean',
        default: false,
        describe:
          'The names on stdin or in --list end with NUL (find -print0), not with a line end',
      })
      .option('engine', ENGINE)
      .option('precision', PRECISION)
      .option('device', DEVICE)
      .option('batch-size', BATCH_SIZE)
      .option('max-pixels', MAX_PIXELS)
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 predict run/model tiles/ -o out.csv', 'every image in a folder')
      .example(
        'find . -name "*.jpeg" -print0 | $0 predict run/model - -0 -o out.csv',
        'a list of names, however odd',
      )
      .example(
        '$0 predict run/model big.tar.gz -o part.parquet --shard 3/8 --top 2',
        'one of eight parts; see merge',
      ),
  async run(argv, { task, json }) {
    keepHeapSmall();
    const output = showDash(argv.output);
    const inputs = argv.inputs.map(showDash);
    const toStdout = output === '-';
    if (toStdout && json) {
      throw new LungclsError(
        'USAGE',
        'Expected a file for -o together with --json: both want stdout',
      );
    }
    const { parseShard } = await import('../../inference/shard.js');
    const { predict } = await import('../../inference/predict.js');
    const result = await predict({
      ...task,
      ...defined({
        model: argv.model,
        inputs,
        output: toStdout ? process.stdout : output,
        list: inputs.includes('-') ? process.stdin : undefined,
        listFile: argv.list,
        nulSeparated: argv.null,
        format: argv.format,
        top: argv.top,
        threshold: argv.threshold,
        tta: argv.tta,
        calibrated: argv.calibrated,
        shard: argv.shard === undefined ? undefined : parseShard(argv.shard),
        engine: argv.engine,
        device: argv.device,
        precision: argv.precision,
        batchSize: argv['batch-size'],
        maxPixels: argv['max-pixels'],
        threads: argv.threads,
        force: argv.force,
      }),
    });
    const failed = result.rows - (result.perStatus['ok'] ?? 0);
    const perClass = Object.entries(result.perClass).map(
      ([name, n]) => `${name} ${formatCount(n)}`,
    );
    const perStatus = Object.entries(result.perStatus)
      .filter(([status]) => status !== 'ok')
      .map(([status, n]) => `${status} ${formatCount(n)}`);
    return {
      value: result,
      stdoutTaken: toStdout,
      lines: [
        `${formatCount(result.rows)} images (${perClass.join(', ')})` +
          (result.alreadyFinished
            ? ', finished before'
            : ` in ${formatSeconds(result.seconds)}, ${formatRate(result.tilesPerSecond)} tiles/s`),
        ...(failed > 0
          ? [`${formatCount(failed)} images could not be classified (${perStatus.join(', ')})`]
          : []),
        ...outOfDomainLines(result.outOfDomain, 'images'),
        ...(toStdout ? [] : [`Results: ${output}`]),
      ],
    };
  },
});
