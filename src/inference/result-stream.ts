/** Rows to a stream, such as stdout, no faster than its reader takes them. */
import { writeError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { ResultSink } from './result-file.js';

/** @param signal ends the wait for a reader that does not read */
export function streamSink(
  stream: NodeJS.WritableStream,
  signal: AbortSignal | undefined,
): ResultSink {
  return {
    async append(text) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          resolve();
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        stream.write(text, (error) => {
          signal?.removeEventListener('abort', onAbort);
          if (error === undefined || error === null) resolve();
          else reject(writeError(error, 'the output stream'));
        });
      });
      throwIfAborted(signal);
    },
  };
}
