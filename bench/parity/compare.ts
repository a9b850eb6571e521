/** Decodes what OpenCV has decoded, and counts the differences. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readZip } from '#src/dataset/zip.js';
import { decodeTiles, type DecodeOptions, type ImageSource } from '#src/index.js';

/** Files of any size, each with its tile's size, or an archive's tiles at 256 x 256. */
export type ExpectedSet =
  | { what: string; kind: 'files'; folder: string; list: string }
  | { what: string; kind: 'archive'; archive: string; list: string };

export interface Expected {
  sets: ExpectedSet[];
}

export interface Counts {
  what: string;
  tiles: number;
  bytes: number;
  /** Of files that libjpeg-turbo warns about; kept, as --keep-damaged does. */
  damaged: number;
  different: number;
  examples: string[];
}

/** See test/fixtures/pixels/make_pixels.py and make_modes.py. */
interface ListedFile {
  file: string;
  size: number;
  sha256: string | null;
  damaged?: boolean;
  resize?: NonNullable<DecodeOptions['resize']>;
}

const ARCHIVE_SIZE = 256;
const BATCH = 64;
const MAX_EXAMPLES = 5;

interface Tile {
  path: string;
  status: string;
  sha256: string;
}

async function* hashed(
  sources: readonly ImageSource[],
  size: number,
  resize: NonNullable<DecodeOptions['resize']>,
): AsyncGenerator<Tile> {
  const bytes = size * size * 3;
  const options = { size, resize, batchSize: Math.min(BATCH, sources.length), keepDamaged: true };
  for await (const batch of decodeTiles(sources, options)) {
    for (const [i, { path }] of batch.sources.entries()) {
      const pixels = batch.tiles.subarray(i * bytes, (i + 1) * bytes);
      const sha256 = createHash('sha256').update(pixels).digest('hex');
      yield { path, status: batch.statuses[i]?.status ?? 'missing', sha256 };
    }
    batch.release();
  }
}

function count(counts: Counts, tile: Tile, size: number, listed: Omit<ListedFile, 'file'>): void {
  const status = listed.damaged === true ? 'damaged' : 'ok';
  counts.tiles++;
  counts.bytes += size * size * 3;
  if (status === 'damaged') counts.damaged++;
  const samePixels = listed.sha256 === null || listed.sha256 === tile.sha256;
  // The list of modes does not say which files are damaged.
  const sameStatus =
    listed.damaged === undefined
      ? tile.status === 'ok' || tile.status === 'damaged'
      : tile.status === status;
  if (samePixels && sameStatus) return;
  counts.different++;
  if (counts.examples.length < MAX_EXAMPLES) counts.examples.push(`${tile.path} (${tile.status})`);
}

/** `step`: one tile of the archive in so many. */
export async function compareAll({ sets }: Expected, step: number): Promise<Counts[]> {
  const all: Counts[] = [];
  for (const set of sets) {
    const counts = { what: set.what, tiles: 0, bytes: 0, damaged: 0, different: 0, examples: [] };
    const list: unknown = JSON.parse(await readFile(set.list, 'utf8'));
    if (set.kind === 'files') {
      for (const listed of list as ListedFile[]) {
        const source = { path: listed.file, file: join(set.folder, listed.file) };
        for await (const tile of hashed([source], listed.size, listed.resize ?? 'cv2')) {
          count(counts, tile, listed.size, listed);
        }
      }
    } else {
      const hashes = list as string[];
      const { images } = await readZip(set.archive);
      const chosen = [...images].filter((_, i) => i % step === 0);
      let i = 0;
      for await (const tile of hashed(chosen, ARCHIVE_SIZE, 'cv2')) {
        const listed = { size: ARCHIVE_SIZE, sha256: hashes[i] ?? '', damaged: false };
        count(counts, tile, ARCHIVE_SIZE, listed);
        i += step;
      }
    }
    all.push(counts);
  }
  return all;
}
