import { LungclsError } from '../../errors.js';
import { defineCommand, type CommandResult } from '../command.js';
import { defined, FORCE, THREADS } from '../options.js';
import { formatCount, formatSeconds } from '../progress-meter.js';

export const auditCommand = defineCommand({
  usage: 'audit <store>',
  describe: 'Find the tiles that were made from one original',
  builder: (argv) =>
    argv
      .positional('store', { type: 'string', demandOption: true, describe: 'A tile store' })
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        defaultDescription: 'the store',
        describe:
          'The folder for groups.csv, merges.csv and audit.json; with --explain the .png to write',
      })
      .option('originals', {
        type: 'number',
        requiresArg: true,
        describe: 'A hint: the number of originals of each class (250 in LC25000)',
      })
      .option('join-overlaps', {
        type: 'boolean',
        default: false,
        describe: 'Also put overlapping fields of one slide into one group',
      })
      .option('explain', {
        type: 'string',
        array: true,
        nargs: 2,
        describe: 'Two tiles, by row or path: show the one laid over the other, and nothing else',
      })
      .option('audit', {
        type: 'string',
        requiresArg: true,
        defaultDescription: 'the store',
        describe: 'With --explain: the folder that an audit wrote, for the copies between the two',
      })
      .option('threads', THREADS)
      .option('force', FORCE)
      .example('$0 audit store', 'writes store/groups.csv')
      .example('$0 audit store --explain 12 4711 -o pair.png', 'why two tiles are one group'),
  async run(argv, { task }) {
    const { store, output, explain } = argv;
    if (explain !== undefined) {
      const [first, second, ...rest] = explain;
      if (first === undefined || second === undefined || rest.length > 0) {
        throw new LungclsError('USAGE', 'Expected two tiles for --explain');
      }
      if (output === undefined) throw new LungclsError('USAGE', 'Expected -o with --explain');
      const { explainPair, summary } = await import('../../audit/explain.js');
      const common = { ...task, ...defined({ audit: argv.audit, threads: argv.threads }) };
      const result = await explainPair({ ...common, store, output, tiles: [first, second] });
      return {
        value: result,
        lines: [
          ...result.steps.map((step) => `${step.from} and ${step.onto}: ${summary(step)}`),
          `Picture: ${output}`,
        ],
      };
    }
    const { audit } = await import('../../audit/audit.js');
    const { originals, threads, force } = argv;
    const joinOverlaps = argv['join-overlaps'];
    const result = await audit({
      ...task,
      store,
      ...defined({ output, originals, joinOverlaps, threads, force }),
    });
    return describe(result);
  },
});

type AuditResult = import('../../audit/audit.js').AuditResult;

function describe(result: AuditResult): CommandResult {
  const { randomSplit, overlaps } = result;
  const classes = Object.entries(result.classes).map(
    ([name, of]) =>
      `  ${name}: ${formatCount(of.tiles)} tiles of ${formatCount(of.groups)} originals, ` +
      `at most ${formatCount(of.largest)} of one; ${formatCount(of.singletons)} alone`,
  );
  return {
    value: result,
    lines: [
      `${formatCount(result.tiles)} tiles come from ${formatCount(result.groups)} originals (${formatSeconds(result.seconds)})`,
      ...classes,
      ...(randomSplit === undefined
        ? []
        : [
            `A random split would have siblings in training of ${formatCount(randomSplit.leaked)} of ` +
              `${formatCount(randomSplit.validation)} validation tiles (${(100 * randomSplit.share).toFixed(1)} %)`,
          ]),
      ...(overlaps.length === 0
        ? []
        : [
            `${formatCount(overlaps.length)} pairs of originals overlap: fields of one slide, kept apart (--join-overlaps joins them); audit.json names them`,
          ]),
      `Groups: ${result.output}`,
    ],
  };
}
