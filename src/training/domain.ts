/** What the training tiles of a run are like, so that its model can tell others from them. */
import type { TileColours } from '../domain/colour.js';
import { tileColours } from '../domain/colour.js';
import { Domain, type DomainJudgement, type DomainModel } from '../domain/domain.js';
import { fitDomain, type DomainTiles } from '../domain/fit.js';
import type { TileStore } from '../imaging/tile-store.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { pooledFeatures } from './head-input.js';
import type { Run, TrainingMeans } from './run.js';

/** Training tiles that it is fitted on, at most: more change nothing, and each costs 300 KB of reading. */
const FIT_TILES = 4096;
/** Tiles read at a time, 12 MB of pixels. */
const READ_TILES = 64;

export interface FittedDomain {
  readonly model: DomainModel;
  /** Of each validation tile. */
  readonly validation: readonly DomainJudgement[];
}

/**
 * Fits it on the first training tiles, which are a sample of them as a split is in random order, and sets its
 * thresholds on the validation part. Says so where there are too few.
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | ABORTED
 */
export async function fitRunDomain(
  { plan, store, settings }: Run,
  { features }: Pick<TrainingMeans, 'features'>,
  task: TaskOptions,
): Promise<FittedDomain | undefined> {
  const { train, validation } = plan.main;
  const look = async (rows: Int32Array): Promise<DomainTiles> => ({
    pooled: await pooledFeatures(features, rows, task),
    colours: await readColours(store, rows, task),
  });
  const judged = await look(validation);
  const precision = settings.features === 'int8' ? 'int8' : 'fp32';
  const model = fitDomain(await look(train.subarray(0, FIT_TILES)), judged, precision);
  if (typeof model === 'string') {
    task.onMessage?.(
      `The model cannot tell tiles that are unlike those of training: ${model}`,
      'info',
    );
    return undefined;
  }
  const { rejected, validationTiles, tiles } = model;
  task.onMessage?.(
    `Tiles unlike those of training: fitted on ${String(tiles)}; ${String(rejected)} of ${String(validationTiles)} validation tiles are outside`,
    'info',
  );
  const domain = new Domain(model);
  return {
    model,
    validation: judged.colours.map((colours, i) => domain.judge(judged.pooled, i, colours)),
  };
}

async function readColours(
  store: TileStore,
  rows: Int32Array,
  { signal }: TaskOptions,
): Promise<TileColours[]> {
  const colours: TileColours[] = [];
  const tiles = new Uint8Array(READ_TILES * store.tileBytes);
  for (let first = 0; first < rows.length; first += READ_TILES) {
    throwIfAborted(signal);
    const some = rows.subarray(first, first + READ_TILES);
    await store.readTiles(some, tiles);
    some.forEach((_, i) => colours.push(tileColours(tiles, store.spec.size, i)));
  }
  return colours;
}
