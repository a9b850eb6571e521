import { RECIPE } from '../../config.js';
import { defineCommand } from '../command.js';
import { keepHeapSmall } from '../heap.js';
import { defined, FORCE, MAX_PIXELS, outputOption, parseClasses, THREADS } from '../options.js';
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
      .option('output', outputOption('The tile store to write, a folder'))
      .option('size', {
        type: 'number',
        requiresArg: true,
        default: RECIPE.imgSize,
        describe: 'Side of a tile in pixels',
      })
      .option('resize', {
        choices: ['cv2', 'area', 'fast'] as const,
        requiresArg: true,
        default: 'cv2' as const,
        describe:
          "How: OpenCV's INTER_LINEAR or INTER_AREA, or the first antialiased as JPEGs are decoded",
      })
      .option('classes', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'all; of LC25000 the three lung classes',
        describe: 'The classes to take, by folder name, separated by commas, in this order',
      })
      .option('max-pixels', MAX_PIXELS)
      .option('keep-damaged', {
        type: 'boolean',
        default: false,
        describe: 'Also take images whose data is damaged, as far as they decode',
      })
      .option('verify', {
        type: 'boolean',
        default: false,
        describe: 'Tell changed images by their content, not by size and time',
      })
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 preprocess archive.zip -o store', 'LC25000 as it was downloaded')
      .example('$0 preprocess tiles/ -o store --classes normal,tumour', 'a folder of your own'),
  async run(argv, { task }) {
    keepHeapSmall();
    const { preprocess } = await import('../../dataset/preprocess.js');
    const { resolveThreads } = await import('../../runtime/threads.js');
    task.onMessage(`Decoding on ${threadCount(resolveThreads(argv.threads))}`, 'info');
    const result = await preprocess({
      ...task,
      ...defined({
        input: argv.input,
        output: argv.output,
        size: argv.size,
        resize: argv.resize,
        classes: parseClasses(argv.classes),
        maxPixels: argv['max-pixels'],
        keepDamaged: argv['keep-damaged'],
        verify: argv.verify,
        threads: argv.threads,
        force: argv.force,
      }),
    });
    const perClass = Object.entries(result.perClass).map(
      ([name, count]) => `${name} ${formatCount(count)}`,
    );
    return {
      value: result,
      lines: [
        `${formatCount(result.rows)} tiles (${perClass.join(', ')}) in ${formatSeconds(result.seconds)}, ` +
          `${formatRate(result.tilesPerSecond)} tiles/s on ${threadCount(result.threads)}`,
        ...describeFailures(result.errors, result.failures),
        `Tile store: ${result.store}`,
      ],
    };
  },
});

function threadCount(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

function describeFailures(
  errors: number,
  failures: readonly { path: string; code: string; message: string }[],
): string[] {
  if (errors === 0) return [];
  return [
    `${formatCount(errors)} images gave no tile; index.csv in the store names all of them:`,
    ...failures.map(({ path, code, message }) => `  ${code} ${JSON.stringify(path)}: ${message}`),
    ...(errors > failures.length ? ['  ...'] : []),
  ];
}
