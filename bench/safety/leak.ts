/** Decodes one image after the other, of every kind, and looks at the memory meanwhile. */
import { decodeTiles } from '#src/imaging/decoder.js';
import type { ImageSource } from '#src/imaging/source.js';
import { loadAddon } from '#src/native/addon.js';
import { oddFiles, type TileFiles } from './tiles.js';

export interface LeakResult {
  readonly what: string;
  readonly decodes: number;
  /** Images by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly threads: number;
  readonly seconds: number;
  /** Resident set after the first twentieth, when every buffer has its size; in MiB, as all of these. */
  readonly rssWarmMiB: number;
  readonly rssEndMiB: number;
  readonly rssMostMiB: number;
  /** Image buffers of the addon at those two moments. */
  readonly nativeWarmMiB: number;
  readonly nativeEndMiB: number;
}

const SIZE = 256;
const BATCH = 64;
/** Every so many tiles one of the odd files. */
const ODD_EVERY = 50;

const mebibytes = (bytes: number): number => Math.round((bytes / 2 ** 20) * 10) / 10;

export async function leak(
  tiles: TileFiles,
  decodes: number,
  threads: number,
  report: (text: string) => void,
): Promise<LeakResult> {
  const addon = loadAddon();
  const statuses: Record<string, number> = {};
  const started = performance.now();
  const warmAt = Math.floor(decodes / 20);
  const sample = (): { rss: number; native: number } => ({
    rss: process.memoryUsage.rss(),
    native: addon.nativeBytes(),
  });
  let warm: ReturnType<typeof sample> | undefined;
  let most = 0;
  let done = 0;
  let told = 0;
  const sources = endless(tiles.sources, await oddFiles(), decodes);
  const options = { size: SIZE, batchSize: BATCH, threads };
  for await (const batch of decodeTiles(sources, options)) {
    for (const { status } of batch.statuses) statuses[status] = (statuses[status] ?? 0) + 1;
    done += batch.statuses.length;
    batch.release();
    if (done >= warmAt) warm ??= sample();
    if (done - told >= decodes / 50) {
      told = done;
      const now = sample();
      if (warm !== undefined) most = Math.max(most, now.rss);
      report(`${done} decodes, ${mebibytes(now.rss)} MiB resident`);
    }
  }
  const end = sample();
  const first = warm ?? end;
  return {
    what: `${tiles.what}; every ${ODD_EVERY}th file one of the tests' odd ones`,
    decodes: done,
    statuses,
    threads,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    rssWarmMiB: mebibytes(first.rss),
    rssEndMiB: mebibytes(end.rss),
    rssMostMiB: mebibytes(Math.max(most, end.rss)),
    nativeWarmMiB: mebibytes(first.native),
    nativeEndMiB: mebibytes(end.native),
  };
}

function* endless(
  tiles: readonly ImageSource[],
  odd: readonly ImageSource[],
  count: number,
): Generator<ImageSource> {
  for (let i = 0; i < count; i++) {
    const list = i % ODD_EVERY === ODD_EVERY - 1 ? odd : tiles;
    const source = list[(list === odd ? Math.floor(i / ODD_EVERY) : i) % list.length];
    if (source !== undefined) yield source;
  }
}
