/** Which tiles train and which validate: from settings and store to splits, and what to say of them. */
import { groupedFolds, stratifiedFolds } from '../dataset/folds.js';
import { groupedSplit } from '../dataset/grouped-split.js';
import { findGroups, type Groups } from '../dataset/groups.js';
import { readSplitFile } from '../dataset/split-file.js';
import { trainTestSplit, type Split } from '../dataset/split.js';
import { LungclsError } from '../errors.js';
import { measureLeakage } from '../dataset/leakage.js';
import type { TileStore } from '../imaging/tile-store.js';
import type { ReportSplit } from '../report/data.js';
import { sha256 } from '../storage/hash.js';
import { holdBack } from './hold-back.js';
import type { SplitSettings } from './split-options.js';

/** Fewer tells too little, even about a single number. */
const FEWEST_CALIBRATION_TILES = 100;

export interface PlannedSplit extends Split {
  readonly facts: ReportSplit;
}

/** Every split that a run trains on. */
export interface SplitPlan {
  /** The one whose head becomes the model. */
  readonly main: PlannedSplit;
  /** To compare it with: grouped where the main one is random, and the other way round. */
  readonly other?: PlannedSplit;
  readonly folds?: readonly PlannedSplit[];
  /** Of the main split's training part: what the temperature's head trains on, and what is held back. */
  readonly calibration?: PlannedSplit;
  /** Why nothing could be held back. */
  readonly calibrationProblem?: string;
  /** Of the store's tiles, where known. */
  readonly groups?: Groups;
  /** Of which tile is where in all of them. */
  readonly fingerprint: string;
}

/**
 * Makes the splits that the settings ask for.
 * @param groupsFile see findGroups
 * @throws LungclsError INVALID_OPTION | TOO_FEW_CLASSES | TOO_FEW_TILES | GROUPS_UNKNOWN | SPLIT_INVALID |
 *   SPLIT_IMPOSSIBLE | INPUT_NOT_FOUND | INPUT_UNREADABLE
 */
export async function planSplits(
  store: TileStore,
  settings: SplitSettings,
  groupsFile?: string,
): Promise<SplitPlan> {
  checkClasses(store);
  const groups = await findGroups(store, groupsFile);
  const planned = (kind: ReportSplit['kind'], split: Split, more: Partial<ReportSplit>) => ({
    ...split,
    facts: describe(store, settings, groups, kind, split, more),
  });
  const { validationShare, splitSeed: seed, splitTolerance: tolerance, split: asked } = settings;
  const withCalibration = (
    plan: Omit<SplitPlan, 'fingerprint'>,
    splits: readonly Split[],
  ): SplitPlan => {
    const calibration = planCalibration(store, settings, groups, plan.main);
    if (typeof calibration === 'string') {
      return { ...plan, calibrationProblem: calibration, fingerprint: fingerprintOf(splits) };
    }
    if (calibration === undefined) return { ...plan, fingerprint: fingerprintOf(splits) };
    const own = planned(groups === undefined ? 'random' : 'grouped', calibration, {});
    return { ...plan, calibration: own, fingerprint: fingerprintOf([...splits, own]) };
  };
  if (validationShare === null) {
    const split = await readGivenSplit(asked, store, seed);
    const main = planned('file', split, { file: asked });
    return withCalibration({ main, ...(groups && { groups }) }, [main]);
  }
  const { labels, classes } = store;
  const make = (kind: 'random' | 'grouped'): PlannedSplit => {
    if (kind === 'random') {
      const split = trainTestSplit(store.count, validationShare, seed);
      return planned(kind, split, {
        validationShare,
        note: "scikit-learn's train_test_split, not stratified, not grouped",
      });
    }
    const options = {
      labels,
      classes,
      groups: known(groups, store),
      validationShare,
      tolerance,
      seed,
    };
    return planned(kind, groupedSplit(options), { validationShare });
  };
  const kind = asked === 'grouped' ? 'grouped' : 'random';
  const main = make(kind);
  const other = settings.compareSplits ? make(kind === 'random' ? 'grouped' : 'random') : undefined;
  const k = settings.folds;
  const folds =
    k === null
      ? undefined
      : (kind === 'random'
          ? stratifiedFolds(labels, k, seed)
          : groupedFolds(labels, known(groups, store), k, seed)
        ).map((fold) => planned(kind, fold, {}));
  const plan = {
    main,
    ...(groups && { groups }),
    ...(other === undefined ? {} : { other }),
    ...(folds === undefined ? {} : { folds }),
  };
  return withCalibration(plan, [main, ...(other === undefined ? [] : [other]), ...(folds ?? [])]);
}

/** What of the training part is held back; or why nothing is, where it was asked for. */
function planCalibration(
  { labels, classes }: TileStore,
  { calibrationShare: share, splitSeed: seed }: SplitSettings,
  groups: Groups | undefined,
  { train }: Split,
): Split | string | undefined {
  if (share === 0) return undefined;
  const tiles = Math.ceil(share * train.length);
  if (tiles < FEWEST_CALIBRATION_TILES) {
    return `${String(tiles)} tiles held back would be too few to fit one on; it takes ${String(FEWEST_CALIBRATION_TILES)}`;
  }
  return holdBack({ train, labels, classes, groups, share, seed });
}

/** A name that is no file may as well be a misspelt kind of split. */
async function readGivenSplit(file: string, store: TileStore, seed: number): Promise<Split> {
  try {
    return await readSplitFile(file, store.paths, seed);
  } catch (error) {
    if (!(error instanceof LungclsError) || error.code !== 'INPUT_NOT_FOUND') throw error;
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected random, grouped or a CSV file for split but received "${file}", and there is no such file`,
      { path: file, cause: error },
    );
  }
}

function checkClasses(store: TileStore): void {
  const perClass = store.classes.map((name, c) => ({
    name,
    tiles: store.labels.reduce((count, label) => count + (label === c ? 1 : 0), 0),
  }));
  if (perClass.filter(({ tiles }) => tiles > 0).length < 2) {
    throw new LungclsError(
      'TOO_FEW_CLASSES',
      `Expected tiles of at least two classes in ${store.directory} but found ${perClass.map(({ name, tiles }) => `${name}: ${String(tiles)}`).join(', ')}`,
      { path: store.directory },
    );
  }
}

function known(groups: Groups | undefined, store: TileStore): Groups {
  if (groups !== undefined) return groups;
  throw new LungclsError(
    'GROUPS_UNKNOWN',
    `A grouped split needs to know which tiles come from one original, and nothing says so of ${store.directory}: run \`lungcls-fast audit ${store.directory}\`, or give --groups FILE (path,group)`,
    { path: store.directory },
  );
}

function describe(
  store: TileStore,
  settings: SplitSettings,
  groups: Groups | undefined,
  kind: ReportSplit['kind'],
  split: Split,
  more: Partial<ReportSplit>,
): ReportSplit {
  const { train, validation } = split;
  const validationPerClass = store.classes.map(() => 0);
  for (const tile of validation) {
    const label = store.labels[tile] ?? 0;
    validationPerClass[label] = (validationPerClass[label] ?? 0) + 1;
  }
  const unused = store.count - train.length - validation.length;
  return {
    kind,
    seed: settings.splitSeed,
    ...more,
    train: train.length,
    validation: validation.length,
    ...(unused > 0 ? { unused } : {}),
    validationPerClass,
    ...(groups === undefined
      ? {}
      : {
          groups: { from: groups.from, count: groups.names.length, unknownTiles: groups.unknown },
          leakage: measureLeakage(split, groups),
        }),
  };
}

function fingerprintOf(splits: readonly Split[]): string {
  const parts = splits.flatMap(({ train, validation }) => [train, validation]);
  return sha256(
    parts
      .map((part) => sha256(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
      .join(),
  );
}
