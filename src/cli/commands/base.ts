import { DEFAULT_BASE, RESEARCH_NOTICE } from '../../config.js';
import { defineCommand, type RegisterCommand } from '../command.js';
import { defined } from '../options.js';

const listCommand = defineCommand({
  usage: 'list',
  describe: 'List the known bases and which of them are here',
  builder: (argv) => argv.example('$0 base list', 'what there is'),
  async run() {
    const { listBases } = await import('../../network/bases.js');
    const bases = await listBases();
    return {
      value: bases,
      lines: bases.flatMap((base) => [
        `${base.id}: ${base.state}`,
        ...[base.name, base.description, base.licence, base.source]
          .filter((text) => text !== '')
          .map((text) => `  ${text}`),
      ]),
    };
  },
});

const fetchCommand = defineCommand({
  usage: 'fetch [base]',
  describe: 'Fetch the weights of a base, checked by their hash',
  builder: (argv) =>
    argv
      .positional('base', {
        type: 'string',
        default: DEFAULT_BASE,
        describe: 'A name that `base list` shows',
      })
      .example('$0 base fetch', 'the default base'),
  async run(argv, { task }) {
    const { fetchBase } = await import('../../network/bases.js');
    const base = await fetchBase(argv.base, task);
    return { value: describeBase(base), lines: [`${base.id} is here (${base.fingerprint})`] };
  },
});

const importCommand = defineCommand({
  usage: 'import <file>',
  describe: "Take the weights of a base from a file of Keras's (.h5, .weights.h5, .keras)",
  builder: (argv) =>
    argv
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'Weights of InceptionV3, with or without its top',
      })
      .option('name', {
        type: 'string',
        requiresArg: true,
        defaultDescription: "imported- and the weights' fingerprint",
        describe: 'What to call it; `train --base NAME` uses it',
      })
      .example(
        '$0 base import inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5 --name imagenet',
        "Keras's own ImageNet weights",
      ),
  async run(argv, { task }) {
    const { importBase } = await import('../../network/bases.js');
    const base = await importBase({ ...task, ...defined({ file: argv.file, name: argv.name }) });
    return { value: describeBase(base), lines: [`${base.id} is here (${base.fingerprint})`] };
  },
});

/** Everything but the weights themselves. */
function describeBase(base: {
  id: string;
  name: string;
  fingerprint: string;
  source: string;
  licence: string;
}): unknown {
  const { id, name, fingerprint, source, licence } = base;
  return { id, name, fingerprint, source, licence };
}

export const baseCommand: RegisterCommand = (parser, execute) => {
  parser.command('base', 'List, fetch or import the frozen base networks', (argv) => {
    for (const register of [listCommand, fetchCommand, importCommand]) register(argv, execute);
    return argv.demandCommand(1, 'Expected list, fetch or import').epilogue(RESEARCH_NOTICE);
  });
};
