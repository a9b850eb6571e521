/** Tells whether the images of a data set are still those of an earlier run. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readError, systemErrorCode } from '../errors.js';
import type { ImageSource } from '../imaging/source.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { Dataset } from './dataset.js';

/** Files asked for their size and time at once. */
const PARALLEL = 64;

/**
 * SHA-256 (hex) over every image's path, label, size and time of last change; of an archive over its
 * own size and time and its entries' positions and checksums. Where files lie does not count.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | ABORTED
 */
export async function datasetIdentity(dataset: Dataset, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  if (dataset.kind === 'zip') hash.update(await describeFile(dataset.input));
  for (let begin = 0; begin < dataset.items.length; begin += PARALLEL) {
    throwIfAborted(signal);
    const items = dataset.items.slice(begin, begin + PARALLEL);
    const facts = await Promise.all(items.map((item) => describe(item.source)));
    items.forEach(({ source, label }, i) => {
      hash.update(`${JSON.stringify([source.path, label])} ${facts[i] ?? ''}\n`);
    });
  }
  return hash.digest('hex');
}

async function describe({ entry, file, fileBytes }: ImageSource): Promise<string> {
  if (entry === undefined) {
    return describeFile(fileBytes === undefined ? file : Buffer.from(fileBytes));
  }
  return [
    entry.headerOffset,
    entry.compressedSize,
    entry.uncompressedSize,
    entry.method,
    entry.crc32,
  ].join();
}

async function describeFile(path: string | Buffer): Promise<string> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return `${String(size)},${String(mtimeNs)}`;
  } catch (error) {
    const code = systemErrorCode(error);
    // A link to nothing is an image like others: it will have its status.
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EACCES') return code;
    throw readError(error, String(path));
  }
}
