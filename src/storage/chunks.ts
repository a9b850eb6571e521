/** Content of files as pieces in order, so that large parts of it need not be copied. */

export type FileChunks = readonly Uint8Array[];

/** Chunks in pieces worth a write: a model's structure is thousands of chunks of a few bytes. */
export function* joinSmall(chunks: FileChunks): Generator<Uint8Array> {
  const enough = 1 << 20;
  let pending: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    pending.push(chunk);
    bytes += chunk.byteLength;
    if (bytes < enough) continue;
    const [only] = pending;
    yield pending.length === 1 && only !== undefined ? only : Buffer.concat(pending);
    pending = [];
    bytes = 0;
  }
  yield Buffer.concat(pending);
}
