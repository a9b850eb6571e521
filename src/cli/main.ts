#!/usr/bin/env node
/** The program: the only file that ends the process. */
import { writeSync } from 'node:fs';
import { systemErrorCode, writeError } from '../errors.js';
import { EXIT_BROKEN_PIPE, EXIT_FAILURE, runCommandLine } from './run.js';

// Deprecations inside dependencies are no user's business.
process.noDeprecation = true;

const readerGone = new AbortController();
process.stdout.on('error', (error) => {
  if (systemErrorCode(error) === 'EPIPE') {
    readerGone.abort();
  } else {
    const { code, message } = writeError(error, 'stdout');
    writeSync(2, `error[${code}]: ${message}\n`);
    process.exit(EXIT_FAILURE);
  }
});
// Whoever listened to progress and messages has gone: the work goes on without.
process.stderr.on('error', () => undefined);

const exitCode = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  readerGone: readerGone.signal,
});
// What was printed must have left before the end; libtensorflow's threads would keep us alive.
await new Promise<void>((resolve) => {
  process.stdout.write('', () => {
    resolve();
  });
});
process.exit(readerGone.signal.aborted ? EXIT_BROKEN_PIPE : exitCode);
