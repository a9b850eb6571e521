/** Rows to a stream, such as stdout, no faster than its reader takes them. */
import { once } from 'node:events';
import { writeError } from '../errors.js';
import type { ResultSink } from './result-file.js';

/** @param signal ends the wait for a reader that no longer reads */
export function streamSink(
  stream: NodeJS.WritableStream,
  signal: AbortSignal | undefined,
): ResultSink {
  return {
    async append(text) {
      try {
        if (stream.write(text)) return;
        await once(stream, 'drain', signal === undefined ? {} : { signal });
      } catch (error) {
        if (signal?.aborted === true) return;
        throw writeError(error, 'the output stream');
      }
    },
  };
}
