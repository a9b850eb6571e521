import { DEFAULT_BASE } from '../../config.js';
import type { Fact } from '../../runtime/doctor.js';
import { defineCommand } from '../command.js';

const MARKS: Record<Fact['status'], string> = { ok: 'ok', missing: 'MISSING', optional: '-' };

export const doctorCommand = defineCommand({
  usage: 'doctor',
  describe: 'Say what this machine can run, what is missing, and the command that mends it',
  builder: (argv) =>
    argv.example('$0 doctor', 'changes nothing; exit code 1 if something is missing'),
  async run() {
    const { doctor } = await import('../../runtime/doctor.js');
    const facts = await doctor(await baseFacts());
    const missing = facts.filter(({ status }) => status === 'missing');
    const width = Math.max(...facts.map(({ name }) => name.length));
    return {
      value: { ok: missing.length === 0, facts },
      lines: [
        ...facts.flatMap(({ name, status, value, mend }) => [
          `${MARKS[status].padEnd(7)}  ${name.padEnd(width)}  ${value}`,
          ...(status === 'ok' || mend === undefined
            ? []
            : [`${' '.repeat(7)}  ${' '.repeat(width)}  -> ${mend}`]),
        ]),
        missing.length === 0
          ? 'Everything that is needed is here'
          : `Missing: ${missing.map(({ name }) => name).join(', ')}`,
      ],
      exitCode: missing.length === 0 ? 0 : 1,
    };
  },
});

/** The default base is needed for training; the others are there or not. */
async function baseFacts(): Promise<Fact[]> {
  const { listBases } = await import('../../network/bases.js');
  return (await listBases()).map(({ id, state, directory }) => ({
    id: `base-${id}`,
    name: `Base ${id}`,
    status: state === 'fetched' ? 'ok' : id === DEFAULT_BASE ? 'missing' : 'optional',
    value: state === 'fetched' ? directory : state,
    ...(state === 'fetched' ? {} : { mend: `lungcls-fast base fetch ${id}` }),
  }));
}
