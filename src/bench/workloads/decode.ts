/** From JPEG files to tiles: every way of ours, and sharp. */
import sharp from 'sharp';
import { decodeTiles, type DecodeOptions } from '../../imaging/decoder.js';
import type { ImageSource } from '../../imaging/source.js';
import type { TileBatch } from '../../imaging/tile-batch.js';
import { LungclsError } from '../../errors.js';
import { loadAddon } from '../../native/addon.js';
import type { Check } from '../answers.js';
import { sourcesOf } from '../inputs.js';
import type { TrialSpec } from '../protocol.js';
import type { Found, Trial, VariantPlan, Workload } from '../workload.js';

const BATCH = 32;
/** Another filter gives another picture of the same tissue; a wrong one is much further off. */
const SAME_PICTURE: Check = { kind: 'picture', meanDifference: 6 };

interface Way {
  readonly name: string;
  readonly resize: NonNullable<DecodeOptions['resize']>;
  readonly check: Check;
  readonly env?: Readonly<Record<string, string>>;
}

const WAYS: Readonly<Record<string, Way>> = {
  cv2: { name: 'lungcls-fast, cv2', resize: 'cv2', check: { kind: 'exact' } },
  area: { name: 'lungcls-fast, area', resize: 'area', check: SAME_PICTURE },
  fast: { name: 'lungcls-fast, fast', resize: 'fast', check: SAME_PICTURE },
  'cv2-scalar': {
    name: 'lungcls-fast, cv2, no vector code',
    resize: 'cv2',
    check: { kind: 'exact' },
    env: { LUNGCLS_VECTOR: 'scalar' },
  },
};

function variants({ meanBytes }: Found): VariantPlan[] {
  const floors = [
    { floor: 'entropyTilesPerSecond', perTile: 1 },
    { floor: 'fileReadGBs', perTile: meanBytes / 1e9 },
  ] as const;
  return [
    ...Object.entries(WAYS).map(([variant, { name, check, env }]): VariantPlan => ({
      ...{ variant, name, check, floors, kind: 'native' },
      ...(env === undefined ? {} : { env }),
    })),
    { variant: 'sharp', name: 'sharp', kind: 'npm', check: SAME_PICTURE, floors },
  ];
}

export const decode: Workload = {
  name: 'decode',
  suite: 'decode',
  what: 'From JPEG files to tiles: read, decoded, resized; files in the page cache.',
  needsModel: false,
  peerCheck: SAME_PICTURE,
  plan: (found) =>
    (found.quick ? [found.threads] : found.threadCounts).map((threads) => ({
      group: `${threads} thread${threads === 1 ? '' : 's'}`,
      batch: BATCH,
      threads,
      // With fewer threads the machine's floors, of all of them, say nothing.
      variants: variants(found).map((variant) =>
        threads === found.threads ? variant : { ...variant, floors: [] },
      ),
    })),
  open: (spec) => (spec.variant === 'sharp' ? openSharp(spec) : openOurs(spec)),
};

async function openOurs(spec: TrialSpec): Promise<Trial> {
  const sources = await sourcesOf(spec);
  const { size, threads, batch, checkTiles } = spec;
  const resize = WAYS[spec.variant]?.resize ?? 'cv2';
  const options = { size, threads, resize, batchSize: batch };
  const stream = new DecodeStream(sources, options);
  let rate = (4 * batch) / (await stream.decode(4 * batch));
  return {
    versions: { 'libjpeg-turbo': loadAddon().libjpegTurboVersion },
    device: `CPU, ${threads} threads, ${loadAddon().vectorCode()}`,
    async work(wanted) {
      const tiles = Math.max(1, Math.ceil((rate * wanted) / batch)) * batch;
      const seconds = await stream.decode(tiles);
      rate = tiles / seconds;
      return { tiles, seconds };
    },
    async answers() {
      const values = new Uint8Array(checkTiles * size * size * 3);
      let at = 0;
      for await (const batchOf of decodeTiles(sources.slice(0, checkTiles), options)) {
        const own = batchOf.tiles.subarray(0, batchOf.sources.length * size * size * 3);
        values.set(own, at);
        at += own.length;
        batchOf.release();
      }
      return { shape: [checkTiles, size, size, 3], values };
    },
    close: () => Promise.resolve(),
  };
}

/** One decoder for all rounds, as there is one for all tiles of an archive: its ring is made once. */
class DecodeStream {
  readonly #batches: AsyncGenerator<TileBatch, void, undefined>;
  readonly #batch: number;
  #begin: ((tiles: number) => void) | undefined;
  #next: Promise<IteratorResult<TileBatch, void>> | undefined;

  constructor(sources: readonly ImageSource[], options: DecodeOptions & { batchSize: number }) {
    this.#batch = options.batchSize;
    this.#batches = decodeTiles(this.#sources(sources), options);
  }

  /** @param tiles a whole number of batches @returns seconds */
  async decode(tiles: number): Promise<number> {
    this.#next ??= this.#batches.next();
    // The generator has to be waiting before it can be woken.
    await new Promise((resolve) => setImmediate(resolve));
    const start = performance.now();
    this.#begin?.(tiles);
    for (let left = tiles; left > 0; left -= this.#batch) {
      const next: IteratorResult<TileBatch, void> = await this.#next;
      if (next.done === true) throw new LungclsError('INTERNAL', 'The decoder has ended');
      const { value } = next;
      const bad = value.statuses.find(({ status }) => status !== 'ok');
      if (bad !== undefined) throw new LungclsError('IMAGE_DAMAGED', bad.message);
      value.release();
      this.#next = this.#batches.next();
    }
    return (performance.now() - start) / 1000;
  }

  async *#sources(sources: readonly ImageSource[]): AsyncGenerator<ImageSource> {
    for (let i = 0; ;) {
      let left = await new Promise<number>((resolve) => {
        this.#begin = resolve;
      });
      for (; left > 0; left--, i++) {
        const source = sources[i % sources.length];
        if (source !== undefined) yield source;
      }
    }
  }
}

/** sharp as its documentation has it: one thread an image, as many images at a time as there are threads. */
async function openSharp(spec: TrialSpec): Promise<Trial> {
  const { size, threads, checkTiles } = spec;
  const files = (await sourcesOf(spec)).map(({ file }) => file);
  sharp.concurrency(1);
  sharp.cache(false);
  const read = (file: string): Promise<Buffer> =>
    sharp(file).resize(size, size, { fit: 'fill' }).removeAlpha().raw().toBuffer();
  const trial: Trial = {
    versions: { sharp: sharp.versions.sharp },
    device: `CPU, ${threads} threads`,
    async work(seconds) {
      const start = performance.now();
      const deadline = start + 1000 * seconds;
      let next = 0;
      const worker = async (): Promise<void> => {
        do await read(files[next++ % files.length] ?? '');
        while (performance.now() < deadline);
      };
      await Promise.all(Array.from({ length: threads }, worker));
      return { tiles: next, seconds: (performance.now() - start) / 1000 };
    },
    async answers() {
      const values = new Uint8Array(checkTiles * size * size * 3);
      for (let i = 0; i < checkTiles; i++) {
        values.set(await read(files[i % files.length] ?? ''), i * size * size * 3);
      }
      return { shape: [checkTiles, size, size, 3], values };
    },
    close: () => Promise.resolve(),
  };
  await trial.work(0.2);
  return trial;
}
