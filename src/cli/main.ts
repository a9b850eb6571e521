#!/usr/bin/env node
/** The program: the only file that ends the process. */
import { writeSync } from 'node:fs';
import { systemErrorCode, writeError } from '../errors.js';
import { EXIT_BROKEN_PIPE, EXIT_FAILURE, runCommandLine } from './run.js';

// Deprecations inside dependencies are no user's business.
process.noDeprecation = true;

for (const [name, stream] of [
  ['stdout', process.stdout],
  ['stderr', process.stderr],
] as const) {
  stream.on('error', (error) => {
    if (systemErrorCode(error) === 'EPIPE') process.exit(EXIT_BROKEN_PIPE);
    if (name === 'stdout') {
      const { code, message } = writeError(error, name);
      writeSync(2, `error[${code}]: ${message}\n`);
    }
    process.exit(EXIT_FAILURE);
  });
}

const exitCode = await runCommandLine(process.argv.slice(2), process);
// What was printed must have left before the end; libtensorflow's threads would keep us alive.
await new Promise<void>((resolve) => {
  process.stdout.write('', () => {
    resolve();
  });
});
process.exit(exitCode);
