/** Compares tiles with OpenCV's, by hash. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTiles } from '#src/imaging/decoder.js';
import type { ResizeMode } from '#src/imaging/preprocessing.js';
import type { ImageSource } from '#src/imaging/source.js';

/** One file of pixels.json, as test/fixtures/pixels/make_pixels.py writes it. */
export interface PixelFixture {
  readonly file: string;
  readonly size: number;
  /** Of OpenCV's tile; null where only the status is compared. */
  readonly sha256: string | null;
  /** Whether libjpeg warns about it. */
  readonly damaged: boolean;
}

/** One tile of modes.json, as test/fixtures/pixels/make_modes.py writes it. */
export interface ModeFixture {
  readonly file: string;
  readonly size: number;
  readonly resize: ResizeMode;
  readonly sha256: string;
}

export function readModes(folder: string): ModeFixture[] {
  return JSON.parse(readFileSync(join(folder, 'modes.json'), 'utf8')) as ModeFixture[];
}

export function readFixtures(folder: string): PixelFixture[] {
  return JSON.parse(readFileSync(join(folder, 'pixels.json'), 'utf8')) as PixelFixture[];
}

/** The status and the SHA-256 of each source's tile. */
export async function tileHashes(
  sources: Iterable<ImageSource>,
  size: number,
  batchSize = 64,
  resize: ResizeMode = 'cv2',
): Promise<{ path: string; status: string; sha256: string }[]> {
  const hashes = [];
  for await (const batch of decodeTiles(sources, { size, batchSize, resize, keepDamaged: true })) {
    const { tiles } = batch;
    const bytes = size * size * 3;
    for (const [i, source] of batch.sources.entries()) {
      hashes.push({
        path: source.path,
        status: batch.statuses[i]?.status ?? 'missing',
        sha256: createHash('sha256')
          .update(tiles.subarray(i * bytes, (i + 1) * bytes))
          .digest('hex'),
      });
    }
    batch.release();
  }
  return hashes;
}

/** The files of `folder` whose tile or status is not the expected one. */
export async function differences(
  folder: string,
  fixtures: readonly PixelFixture[],
): Promise<string[]> {
  const different: string[] = [];
  for (const fixture of fixtures) {
    const source = { path: fixture.file, file: join(folder, fixture.file) };
    const [got] = await tileHashes([source], fixture.size, 1);
    const expected = fixture.damaged ? 'damaged' : 'ok';
    if (got?.status !== expected || (fixture.sha256 !== null && got.sha256 !== fixture.sha256)) {
      different.push(`${fixture.file} at ${String(fixture.size)}: ${got?.status ?? 'missing'}`);
    }
  }
  return different;
}

/** The tiles that are not the expected ones. */
export async function modeDifferences(
  folder: string,
  fixtures: readonly ModeFixture[],
): Promise<string[]> {
  const different: string[] = [];
  for (const { file, size, resize, sha256 } of fixtures) {
    const source = { path: file, file: join(folder, file) };
    const [got] = await tileHashes([source], size, 1, resize);
    if (got?.sha256 !== sha256) {
      different.push(`${file} at ${String(size)}, ${resize}: ${got?.status ?? 'missing'}`);
    }
  }
  return different;
}
