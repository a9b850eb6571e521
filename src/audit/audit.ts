/** Which tiles of a store were made from one original, and what that does to a random split. */
import { RECIPE, TOOL_VERSION } from '../config.js';
import { measureLeakage } from '../dataset/leakage.js';
import { trainTestSplit } from '../dataset/split.js';
import { LungclsError } from '../errors.js';
import { TileStore } from '../imaging/tile-store.js';
import { throwIfAborted } from '../runtime/abort.js';
import type { TaskOptions } from '../runtime/progress.js';
import { resolveThreads } from '../runtime/threads.js';
import { groupTiles, LEAST_INLIERS, type Grouping, type GroupingOptions } from './group-tiles.js';
import { checkOutputs, nameGroups, writeAudit } from './groups-file.js';
import { findRelations, NEIGHBOURS, type Relations } from './relations.js';
import { MAX_OFF_CENTRE, MIN_INLIERS } from './verdict.js';

export interface AuditOptions extends TaskOptions {
  /** A tile store. It is only read, unless the output is it. */
  store: string;
  /** The folder for groups.csv, merges.csv and audit.json; the store itself by default. */
  output?: string;
  /** A hint: how many originals each class was made from. */
  originals?: number;
  /** Put fields of one slide that overlap into one group, not only copies; false by default. */
  joinOverlaps?: boolean;
  threads?: number;
  /** Replace what an earlier audit wrote. */
  force?: boolean;
}

export interface ClassGroups {
  readonly tiles: number;
  readonly groups: number;
  readonly largest: number;
  /** Groups of one tile. */
  readonly singletons: number;
}

export interface RandomSplitLeakage {
  /** Tiles of the validation part. */
  readonly validation: number;
  /** Those of them that have a tile of their own group in the training part. */
  readonly leaked: number;
  /** leaked / validation, 0 to 1. */
  readonly share: number;
}

export interface AuditResult {
  readonly output: string;
  readonly tiles: number;
  readonly groups: number;
  /** By class name; a group counts for the class of its first tile. */
  readonly classes: Readonly<Record<string, ClassGroups>>;
  /** Groups that hold tiles of several classes: one original under two labels. */
  readonly mixedGroups: readonly string[];
  /** Pairs of groups that show overlapping fields of one slide. */
  readonly overlaps: readonly (readonly [string, string])[];
  /** Weak links that alone would have joined two groups, and did not. */
  readonly refused: number;
  /** What the recipe's random split would let through; undefined where a store is too small for it. */
  readonly randomSplit: RandomSplitLeakage | undefined;
  readonly pairs: number;
  readonly seconds: number;
  readonly tilesPerSecond: number;
  readonly threads: number;
}

/**
 * Finds the tiles that were made from one original by rotation, crop around the centre, flips and
 * saving anew, and writes groups.csv (path, group), merges.csv and audit.json. Needs neither a network
 * nor a number of originals: local features (SIFT) propose and registration decides.
 * @throws LungclsError OUTPUT_EXISTS | OUTPUT_UNWRITABLE | DISK_FULL | INVALID_OPTION | TOO_FEW_TILES |
 *   ADDON_MISSING | ABORTED, and the codes of TileStore.open
 */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  const { originals, joinOverlaps = false, force = false, onMessage } = options;
  if (originals !== undefined && (!Number.isInteger(originals) || originals < 1)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a positive integer for originals but received ${String(originals)} of type ${typeof originals}`,
    );
  }
  const threads = resolveThreads(options.threads);
  const output = options.output ?? options.store;
  await checkOutputs(output, force);
  const store = await TileStore.open(options.store);
  try {
    if (store.count === 0) {
      throw new LungclsError('TOO_FEW_TILES', `${options.store} holds no tile`, {
        path: options.store,
      });
    }
    const start = performance.now();
    const found = await findRelations({ ...options, store, threads }, LEAST_INLIERS);
    const grouping = groupTiles(store.labels, found.relations, { originals, joinOverlaps });
    const names = nameGroups(grouping, store);
    const seconds = (performance.now() - start) / 1000;
    throwIfAborted(options.signal);
    const result: AuditResult = {
      output,
      tiles: store.count,
      groups: grouping.groups,
      classes: classGroups(store, grouping),
      mixedGroups: mixedGroups(store, grouping, names),
      overlaps: grouping.overlaps.map(([a, b]) => [names[a] ?? '', names[b] ?? '']),
      refused: grouping.refused.length,
      randomSplit: randomSplitLeakage(grouping, names),
      pairs: found.pairs,
      seconds,
      tilesPerSecond: store.count / seconds,
      threads,
    };
    if (result.mixedGroups.length > 0) {
      onMessage?.(
        `${String(result.mixedGroups.length)} groups hold tiles of several classes: the same tissue under two labels`,
        'warning',
      );
    }
    await writeAudit(
      output,
      store,
      grouping,
      names,
      describe(store, result, found, { originals, joinOverlaps }),
    );
    return result;
  } finally {
    store.close();
  }
}

function sizesOf({ groupOf, groups }: Grouping): Uint32Array {
  const sizes = new Uint32Array(groups);
  for (const group of groupOf) sizes[group] = (sizes[group] ?? 0) + 1;
  return sizes;
}

function classGroups(store: TileStore, grouping: Grouping): Record<string, ClassGroups> {
  const sizes = sizesOf(grouping);
  const labelOf = new Int32Array(grouping.groups).fill(-1);
  grouping.groupOf.forEach((group, row) => {
    if (labelOf[group] === -1) labelOf[group] = store.labels[row] ?? -1;
  });
  return Object.fromEntries(
    store.classes.map((name, label) => {
      const own = Array.from(sizes).filter((_, group) => labelOf[group] === label);
      return [
        name,
        {
          tiles: store.labels.filter((of) => of === label).length,
          groups: own.length,
          largest: own.reduce((most, size) => Math.max(most, size), 0),
          singletons: own.filter((size) => size === 1).length,
        },
      ];
    }),
  );
}

function mixedGroups(store: TileStore, { groupOf }: Grouping, names: readonly string[]): string[] {
  const labels = names.map(() => new Set<number>());
  groupOf.forEach((group, row) => labels[group]?.add(store.labels[row] ?? -1));
  return names.filter((_, group) => (labels[group]?.size ?? 0) > 1);
}

function randomSplitLeakage(
  { groupOf }: Grouping,
  names: readonly string[],
): RandomSplitLeakage | undefined {
  if (groupOf.length < 2) return undefined;
  const split = trainTestSplit(groupOf.length, RECIPE.split, RECIPE.splitSeed);
  const { tiles, share } = measureLeakage(split, { ids: groupOf, names });
  return { validation: split.validation.length, leaked: tiles, share };
}

/** audit.json */
function describe(
  store: TileStore,
  result: AuditResult,
  found: Relations,
  { originals, joinOverlaps }: GroupingOptions,
): object {
  const { output: _, ...numbers } = result;
  return {
    format: 'lungcls-audit',
    version: 1,
    toolVersion: TOOL_VERSION,
    storeFingerprint: store.fingerprint,
    method: {
      candidates: `${String(NEIGHBOURS)} nearest by VLAD of SIFT features, each read also mirrored`,
      decision: 'similarity transform between mutual nearest features',
      minInliers: MIN_INLIERS,
      maxOffCentre: MAX_OFF_CENTRE,
      originals: originals ?? null,
      joinOverlaps,
    },
    split: { share: RECIPE.split, seed: RECIPE.splitSeed },
    ...numbers,
    stepSeconds: found.seconds,
  };
}
