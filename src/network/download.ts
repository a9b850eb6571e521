/** A file over https, into memory. */
import { LungclsError, messageOf } from '../errors.js';
import type { TaskOptions } from '../runtime/progress.js';

/** Several times the largest file that we name; a limit because the size comes from the server. */
const MAX_BYTES = 512 * 1024 * 1024;

/** @throws LungclsError DOWNLOAD_FAILED | ABORTED */
export async function download(url: string, options: TaskOptions): Promise<Buffer> {
  const { signal } = options;
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok || response.body === null) {
      throw new Error(`the server answered ${String(response.status)} ${response.statusText}`);
    }
    const total = Number(response.headers.get('content-length'));
    const chunks: Uint8Array[] = [];
    let done = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      done += chunk.byteLength;
      if (done > MAX_BYTES) throw new Error(`it is larger than ${String(MAX_BYTES)} bytes`);
      options.onProgress?.({
        stage: 'download',
        done,
        ...(total > 0 ? { total } : {}),
        unit: 'bytes',
      });
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (signal?.aborted === true) {
      throw new LungclsError('ABORTED', `Stopped while fetching ${url}`, { cause: error });
    }
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : undefined;
    const why =
      cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
    throw new LungclsError('DOWNLOAD_FAILED', `Could not fetch ${url}: ${why}`, { cause: error });
  }
}
