#!/usr/bin/env node
/** The program: the only file that ends the process. */
import { EXIT_BROKEN_PIPE, runCommandLine } from './run.js';

// Deprecations inside dependencies are no user's business.
process.noDeprecation = true;

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT_BROKEN_PIPE);
    throw error;
  });
}

const exitCode = await runCommandLine(process.argv.slice(2), process);
// What was printed must have left before the end; libtensorflow's threads would keep us alive.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit(exitCode);
