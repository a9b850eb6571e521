import { defineCommand } from '../command.js';

export const doctorCommand = defineCommand({
  usage: 'doctor',
  describe: 'Say what this machine can run, what is missing, and the command that mends it',
  builder: (argv) => argv.example('$0 doctor', 'changes nothing'),
  async run() {
    const { doctor } = await import('../../runtime/doctor.js');
    const facts = await doctor();
    return { value: facts, lines: [] };
  },
});
