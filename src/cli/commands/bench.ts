import { join } from 'node:path';
import { LungclsError } from '../../errors.js';
import { defineCommand, type CommandContext, type CommandResult } from '../command.js';
import { defined, FORCE, PRECISION } from '../options.js';
import { formatSeconds } from '../progress-meter.js';

/** Names as in src/bench/workload.ts, which is not loaded for a help page. */
const SUITES = 'decode, store, session, end-to-end, training, latency, memory';

export const benchCommand = defineCommand({
  usage: 'bench',
  describe: 'Measure how fast this machine is, beside TensorFlow.js, others, and its own limits',
  builder: (argv) =>
    argv
      .option('suite', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'decode,session,end-to-end,latency, shortly',
        describe: `What to measure, separated by commas: ${SUITES}; all; or scale`,
      })
      .option('images', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'tiles that a program draws',
        describe: 'A folder or an archive of images',
      })
      .option('model', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'one that nobody trained',
        describe: 'A model bundle (run/model)',
      })
      .option('peers', {
        type: 'boolean',
        default: false,
        describe: 'Also measure others in Python; what is not installed is left out and named',
      })
      .option('duration', {
        type: 'number',
        requiresArg: true,
        defaultDescription: '14; without --suite: 2.1',
        describe: 'Seconds that each trial is measured, over all its rounds',
      })
      .option('batch-sizes', {
        type: 'string',
        requiresArg: true,
        defaultDescription: '1,8,32; without --suite: 1,8',
        describe: 'Tiles the network takes at once, separated by commas',
      })
      .option('threads', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'one, and all that this process may use',
        describe: 'Numbers of threads, separated by commas',
      })
      .option('sizes', {
        type: 'string',
        requiresArg: true,
        default: '1000,10000,100000',
        describe: 'For --suite scale: numbers of tiles, separated by commas',
      })
      .option('precision', {
        ...PRECISION,
        describe: 'For --suite scale: which ONNX file of the bundle',
      })
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        defaultDescription: 'lungcls-bench/, by date and time',
        describe: 'The folder for bench.json, bench.md and bench.html',
      })
      .option('compare', {
        type: 'string',
        nargs: 2,
        requiresArg: true,
        describe:
          'Two bench.json, the older one first: what got faster or slower; measures nothing',
      })
      .option('force', FORCE)
      .example('$0 bench', 'under three minutes; says what it compared')
      .example('$0 bench --suite all --images tiles.zip --model run/model --peers -o results', '')
      .example('$0 bench --compare old/bench.json new/bench.json', ''),
  async run(argv, context) {
    const pair: unknown = argv.compare;
    if (pair !== undefined) return await compare(pair);
    const output = argv.output ?? join('lungcls-bench', timestamp(new Date()));
    const suites = argv.suite === undefined ? undefined : words(argv.suite);
    const { images, model, peers, duration, force } = argv;
    if (suites?.includes('scale') === true) {
      if (suites.length > 1) {
        throw new LungclsError(
          'USAGE',
          'Expected scale alone for --suite: it takes long by itself',
        );
      }
      const { runScale } = await import('../../bench/scale.js');
      const threads = argv.threads === undefined ? undefined : numbers('threads', argv.threads)[0];
      const sizes = numbers('sizes', argv.sizes);
      const { precision } = argv;
      return await runScale({
        ...context.task,
        ...defined({ sizes, output, images, model, precision, threads, force }),
      });
    }
    return await measure(context, {
      ...defined({ suites, images, model, peers, duration, output, force }),
      ...(argv['batch-sizes'] === undefined
        ? {}
        : { batchSizes: numbers('batch-sizes', argv['batch-sizes']) }),
      ...(argv.threads === undefined ? {} : { threadCounts: numbers('threads', argv.threads) }),
    });
  },
});

type BenchCall = Omit<
  Parameters<(typeof import('../../bench/bench.js'))['bench']>[0],
  'onProgress'
>;

async function measure({ task }: CommandContext, options: BenchCall): Promise<CommandResult> {
  const { bench } = await import('../../bench/bench.js');
  const { terminalLines } = await import('../../bench/text.js');
  const { RESULT_FILES } = await import('../../bench/write.js');
  const results = await bench({ ...task, ...options });
  const wrong = results.trials.filter(({ status }) => status === 'wrong' || status === 'failed');
  return {
    value: results,
    lines: [
      ...terminalLines(results),
      `Done in ${formatSeconds(results.seconds)}`,
      `Results: ${join(options.output, RESULT_FILES.json)}, ${RESULT_FILES.markdown}, ${RESULT_FILES.html}`,
    ],
    exitCode: wrong.length > 0 ? 1 : 0,
  };
}

async function compare(pair: unknown): Promise<CommandResult> {
  const [older, newer] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
  if (typeof older !== 'string' || typeof newer !== 'string') {
    throw new LungclsError(
      'USAGE',
      'Expected two files for --compare: the older one, then the newer',
    );
  }
  const { readBench } = await import('../../bench/read.js');
  const { compareBenches, comparisonLines } = await import('../../bench/compare.js');
  const comparison = compareBenches(await readBench(older), await readBench(newer));
  return { value: comparison, lines: comparisonLines(comparison) };
}

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function numbers(name: string, text: string): number[] {
  const values = words(text).map(Number);
  if (values.length > 0 && values.every((value) => Number.isInteger(value) && value > 0))
    return values;
  throw new LungclsError(
    'USAGE',
    `Expected positive integers separated by commas for --${name} but received ${JSON.stringify(text)}`,
  );
}

/** 2026-11-27T14-05-09, UTC: no colons, for the sake of other systems' file names. */
function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(':', '-');
}
