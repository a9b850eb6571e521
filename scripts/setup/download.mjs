// One file over HTTPS, checked by hash. Fails quickly where there is no network.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** How long a server may take to answer, and then to send the next piece, in ms. */
const PATIENCE = 6000;

/**
 * Fetches `url` into the file `path` and checks its SHA-256; removes it again if anything is wrong.
 * @throws Error saying what went wrong, in one line.
 */
export async function download(url, path, sha256) {
  const stalled = new AbortController();
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stalled.abort();
    }, PATIENCE);
  };
  const host = new URL(url).host;
  try {
    wait();
    const response = await fetch(url, { signal: stalled.signal });
    if (!response.ok) throw new Error(`${host} answered ${response.status}`);
    const hash = createHash('sha256');
    const watch = new Transform({
      transform(chunk, _encoding, done) {
        wait();
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), watch, createWriteStream(path));
    const got = hash.digest('hex');
    if (got !== sha256) throw new Error(`${url} has the hash ${got} instead of ${sha256}`);
  } catch (error) {
    await rm(path, { force: true });
    if (stalled.signal.aborted) throw new Error(`${host} did not answer within ${PATIENCE} ms`);
    const { cause } = error;
    throw new Error(cause?.code === undefined ? error.message : `${host}: ${cause.code}`);
  } finally {
    clearTimeout(timer);
  }
}
