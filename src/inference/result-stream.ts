/** Rows to a stream, such as stdout, no faster than its reader takes them. */
import { writeError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { ResultSink } from './result-file.js';
import type { LineFormat } from './result-format.js';

/** @param signal ends the wait for a reader that does not read */
export function streamSink(
  stream: NodeJS.WritableStream,
  format: LineFormat,
  signal: AbortSignal | undefined,
): ResultSink {
  let { header } = format;
  return {
    async append(rows) {
      const text = header + rows.map((fields) => format.line(fields)).join('');
      header = '';
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
