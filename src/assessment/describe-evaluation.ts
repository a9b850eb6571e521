/** An evaluated model and its store as the report tells them. */
import type { JsonRecord } from '../bundle/metadata.js';
import { onnxFileOf, type Bundle } from '../bundle/read.js';
import { TOOL_VERSION } from '../config.js';
import type { Groups } from '../dataset/groups.js';
import type { TileStore } from '../imaging/tile-store.js';
import type { EvaluationData } from '../report/data.js';
import { resolveThreads } from '../runtime/threads.js';
import { fingerprint, type Json } from '../storage/hash.js';
import { describeMachine, describeStore, samplePictures } from '../training/run-results.js';
import type { EvaluateOptions } from './evaluate.js';

/** Tiles of each class that the page shows. */
const SAMPLES_PER_CLASS = 3;

export interface Described {
  readonly options: EvaluateOptions;
  readonly bundle: Bundle;
  readonly store: TileStore;
  readonly groups: Groups | undefined;
  readonly temperature: number | undefined;
}

type KnownBefore = Omit<
  EvaluationData,
  'accuracy' | 'logLoss' | 'confusionMatrix' | 'classificationReport' | 'times'
>;

/** Everything that the report says and that needs no probabilities. */
export async function describeEvaluation(described: Described): Promise<KnownBefore> {
  const { options, bundle, store, groups, temperature } = described;
  const { metadata } = bundle;
  const { classes, base, pixels, head, training, metrics, toolVersion } = metadata;
  const facts = await describeStore(store, options.store);
  const threads = resolveThreads(options.threads);
  const trainedOn = training['store'];
  return {
    title: `${options.model} on ${options.store}`,
    createdAt: new Date().toISOString(),
    toolVersion: TOOL_VERSION,
    classes,
    store: {
      ...facts,
      perClass: classes.map((name) => facts.perClass[store.classes.indexOf(name)] ?? 0),
    },
    samples: (await samplePictures(store, SAMPLES_PER_CLASS)).map((sample) => ({
      ...sample,
      label: classes.indexOf(store.classes[sample.label] ?? ''),
    })),
    base,
    pixels,
    head,
    settings: {
      model: options.model,
      store: options.store,
      groups: groups?.from ?? null,
      calibrated: temperature !== undefined,
      engine: options.engine ?? 'onnx',
      precision: options.precision ?? 'fp32',
      device: options.device ?? 'auto',
      batchSize: options.batchSize ?? 32,
    },
    model: {
      path: options.model,
      fingerprint: fingerprint({
        preprocessing: metadata.preprocessingFingerprint,
        files: JSON.stringify(metadata.files),
      }),
      toolVersion,
      training: flat(training),
      metrics: flat(withoutIntervals(metrics)),
      sameStore: typeof trainedOn === 'string' ? trainedOn === store.fingerprint : undefined,
    },
    ...(groups && {
      groups: { from: groups.from, count: countOf(groups), unknownTiles: groups.unknown },
    }),
    calibrated: temperature !== undefined,
    runsOn: describeMachine(undefined, '', threads),
    hashes: [
      { name: 'store', value: store.fingerprint },
      { name: 'preprocessing', value: store.preprocessingFingerprint },
      { name: 'base', value: base.fingerprint },
      ...Object.entries(metadata.files)
        .filter(([name]) => onnxFileOf(bundle, options.precision).endsWith(name))
        .map(([name, { sha256 }]) => ({ name, value: sha256 })),
    ],
  };
}

/** Groups that have a tile in the store: a file may name more. */
function countOf({ ids, names }: Groups): number {
  return new Set(ids.filter((id) => id < names.length)).size;
}

function withoutIntervals(metrics: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name !== 'intervals'));
}

/** Leaves by their dotted names, as text. */
function flat(value: Json, path = ''): Record<string, string> {
  if (typeof value !== 'object' || value === null) return { [path]: String(value) };
  if (Array.isArray(value)) return { [path]: value.map(String).join(', ') };
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, inner]) =>
      flat(inner, path === '' ? key : `${path}.${key}`),
    ),
  ) as Record<string, string>;
}
