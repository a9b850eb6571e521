/**
 * Mutated tiles through the product's decoder, and through libjpeg-turbo alone: the same status and the
 * same pixels, in memory that held something else before.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIMITS } from '#src/config.js';
import { sourceNumbers, nativeFile } from '#src/imaging/native-source.js';
import type { ImageSource } from '#src/imaging/source.js';
import { loadAddon, nativeStatus, type NativeTileDecoder } from '#src/native/addon.js';
import { Dice, mutate } from './mutate.js';
import type { TileFiles } from './tiles.js';

export interface MutantsResult {
  readonly what: string;
  readonly seed: number;
  readonly mutants: number;
  /** Mutants by status; `damaged` ones are decoded as far as they go half of the time. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly otherStatus: number;
  readonly otherPixels: number;
  readonly stalePixels: number;
  readonly seconds: number;
  /** The first that went wrong. */
  readonly failures: readonly string[];
}

const BATCH = 64;
/** Up, the same, and down by the ways that the resize has; a few threads' worth of turns. */
const SIZES = [256, 224, 112, 75, 37];
const NO_IMAGE = new Set(['not-jpeg']);

interface Decoded {
  readonly statuses: readonly string[];
  readonly tiles: Uint8Array;
}

export async function mutants(
  tiles: TileFiles,
  count: number,
  seed: number,
  report: (text: string) => void,
): Promise<MutantsResult> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-mutants-'));
  const statuses: Record<string, number> = {};
  const failures: string[] = [];
  const wrong = { otherStatus: 0, otherPixels: 0, stalePixels: 0 };
  try {
    for (let first = 0; first < count; first += BATCH) {
      const numbers = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => first + i);
      const files = await writeMutants(folder, tiles.sources, seed, numbers);
      const size = SIZES[(first / BATCH) % SIZES.length] ?? 256;
      const keepDamaged = (first / BATCH) % 2 === 0;
      const options = { size, keepDamaged };
      const product = await decode(files, { ...options, sparse: true, before: 0xa5 });
      const reference = await decode(files, { ...options, sparse: false, before: 0x5a });
      const bytes = size * size * 3;
      numbers.forEach((number, i) => {
        const status = product.statuses[i] ?? '';
        statuses[status] = (statuses[status] ?? 0) + 1;
        const tile = product.tiles.subarray(i * bytes, (i + 1) * bytes);
        const expected = reference.tiles.subarray(i * bytes, (i + 1) * bytes);
        const hasPixels = status === 'ok' || (status === 'damaged' && keepDamaged);
        const problem =
          status !== reference.statuses[i]
            ? 'otherStatus'
            : !hasPixels && tile.some((value) => value !== 0)
              ? 'stalePixels'
              : Buffer.compare(tile, expected) !== 0
                ? 'otherPixels'
                : undefined;
        if (problem === undefined) return;
        wrong[problem]++;
        if (failures.length < 10) {
          failures.push(
            `${problem}: mutant ${number} of seed ${seed}, size ${size}: ${status}, by libjpeg-turbo ${reference.statuses[i] ?? ''}`,
          );
        }
      });
      if (first % (BATCH * 20) === 0) report(`${first + numbers.length} mutants`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    what: tiles.what,
    seed,
    mutants: count,
    statuses,
    ...wrong,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    failures,
  };
}

async function writeMutants(
  folder: string,
  sources: readonly ImageSource[],
  seed: number,
  numbers: readonly number[],
): Promise<string[]> {
  return await Promise.all(
    numbers.map(async (number, i) => {
      // Each mutant by its own number, so that one can be made again alone.
      const dice = new Dice(Math.imul(seed, 0x9e3779b1) + number);
      const file = join(folder, `${i}.jpeg`);
      await writeFile(file, mutate(await bytesOf(dice.of(sources)), dice));
      return file;
    }),
  );
}

async function bytesOf(source: ImageSource): Promise<Uint8Array> {
  const read = loadAddon().readSource.bind(loadAddon());
  const { status, message, bytes } = await read(
    nativeFile(source),
    sourceNumbers([source]),
    LIMITS.maxFileBytes,
  );
  if (status !== 0) throw new Error(`${source.path}: ${message}`);
  return bytes;
}

interface DecodeSettings {
  size: number;
  keepDamaged: boolean;
  sparse: boolean;
  /** What every byte of the memory holds before. */
  before: number;
}

async function decode(files: readonly string[], settings: DecodeSettings): Promise<Decoded> {
  const { size, keepDamaged, sparse, before } = settings;
  const addon = loadAddon();
  const decoder: NativeTileDecoder = new addon.TileDecoder({
    ...{
      size,
      keepDamaged,
      sparse,
      resize: 'cv2',
      batchSize: BATCH,
      slots: 1,
      threads: 2,
      cudaDriver: '',
    },
    // A mutated header may claim any size; real tiles are far smaller.
    maxPixels: 4_000_000,
    maxFileBytes: LIMITS.maxFileBytes,
    maxMemory: LIMITS.maxMemory,
    maxMilliseconds: LIMITS.maxSeconds * 1000,
  });
  try {
    const stale = decoder.view(0, BATCH);
    new Uint8Array(stale).fill(before);
    decoder.detach(stale);
    const entries = sourceNumbers(files.map((file) => ({ path: file, file })));
    const { statuses, messages } = await decoder.decode(0, files, entries);
    const names = Array.from(statuses, (status) => nativeStatus(status));
    names.forEach((status, i) => {
      const silent = status !== 'ok' && !NO_IMAGE.has(status) && (messages[i] ?? '') === '';
      if (silent) throw new Error(`A status without a message: ${status}`);
    });
    const view = decoder.view(0, files.length);
    const copy = Uint8Array.from(new Uint8Array(view));
    decoder.detach(view);
    return { statuses: names, tiles: copy };
  } finally {
    decoder.close();
  }
}
