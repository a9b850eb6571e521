/** The whole bench: prepares inputs, measures the machine, runs every group of trials, writes the results. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBundle, type Bundle } from '../bundle/read.js';
import { RECIPE, TF_CHOICES, TOOL_VERSION, type TfChoice } from '../config.js';
import { writeError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import { cudaProblem } from '../runtime/cuda.js';
import { forcedTensorflow, tensorflowProblem } from '../runtime/tensorflow.js';
import { refuseExisting } from '../storage/existing.js';
import { defaultModel } from './default-model.js';
import { packageVersion } from './engines.js';
import { measureFloors } from './floors.js';
import { runGroup, type Contender } from './group-run.js';
import { asGiven, prepareImages, type BenchImages } from './images.js';
import { GpuWatch } from './gpu.js';
import { describeMachine, sourceCommit, systemLoad } from './machine.js';
import { NoiseProbe, roundNoise } from './noise.js';
import { benchSettings, type BenchOptions, type BenchSettings } from './options.js';
import { findPython, peerVariants, PEERS_FOLDER, readPeers, type Peer } from './peers.js';
import {
  BENCH_FORMAT,
  BENCH_VERSION,
  type BenchResults,
  type Comparison,
  type TrialResult,
} from './results.js';
import { withFloors } from './summary.js';
import { gigaflopPerTile } from './work.js';
import type { FloorUse, Found, GroupPlan, Workload } from './workload.js';
import { loadWorkload, WORKLOAD_NAMES } from './workloads/index.js';
import { RESULT_FILES, writeResults } from './write.js';

/** The program of a trial; it prints, so it stands with the command line. */
const TRIAL = fileURLToPath(new URL('../cli/bench-trial.js', import.meta.url));

/** What a group runs on. */
interface Stage {
  readonly options: BenchOptions;
  readonly settings: BenchSettings;
  readonly found: Found;
  readonly images: BenchImages;
  readonly model: { readonly path: string; readonly bundle: Bundle; readonly what: string } | null;
  readonly peers: readonly Peer[];
  readonly folder: string;
  readonly probe: NoiseProbe;
}

type Skipped = BenchResults['skipped'][number];

/**
 * Runs the suites and writes bench.json, bench.md and bench.html into the output folder.
 * @throws LungclsError INVALID_OPTION | OUTPUT_EXISTS | INPUT_EMPTY | MODEL_INVALID | DISK_FULL |
 *   OUTPUT_UNWRITABLE | ABORTED, and those of what it measures where that cannot even be prepared
 */
export async function bench(options: BenchOptions): Promise<BenchResults> {
  const startedAt = performance.now();
  const settings = benchSettings(options);
  const { output, signal } = options;
  if (options.force !== true) await refuseExisting(join(output, RESULT_FILES.json));
  await mkdir(output, { recursive: true }).catch((error: unknown) => {
    throw writeError(error, output);
  });
  const loadBefore = systemLoad();
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-bench-'));
  using gpuWatch = await GpuWatch.start();
  try {
    const workloads = await workloadsOf(settings);
    const stage = await prepare(options, settings, workloads, folder);
    const { images, model, found, probe } = stage;
    options.onMessage?.('Measuring what the machine can do', 'info');
    const measured = await measureFloors({
      threads: settings.threads,
      files: images.files,
      meanBytes: images.meanBytes,
      folder,
    });
    const skipped: Skipped[] = [...measured.skipped, ...enginesSkipped(stage, workloads)];
    const trials: { trial: TrialResult; uses: readonly FloorUse[] }[] = [];
    const comparisons: Comparison[] = [];
    for (const workload of workloads) {
      for (const plan of workload.plan(found)) {
        throwIfAborted(signal);
        const result = await runPlan(stage, workload, plan);
        trials.push(...result.trials);
        comparisons.push(...result.comparisons);
      }
    }
    for (const { trial } of trials) {
      if (trial.status !== 'missing') continue;
      const what = `${trial.workload}: ${trial.name}`;
      // It may be missing in several groups.
      if (skipped.some((entry) => entry.what === what)) continue;
      skipped.push({ what, why: `not installed: ${trial.reason}` });
    }
    const shares = trials.map(({ trial, uses }) => withFloors(trial, uses, measured.floors));
    const results: BenchResults = {
      ...{ format: BENCH_FORMAT, version: BENCH_VERSION, toolVersion: TOOL_VERSION },
      date: new Date().toISOString(),
      commit: sourceCommit(),
      machine: describeMachine(gpuWatch),
      versions: { node: process.version, ...mergeVersions(shares) },
      settings: {
        ...{
          suites: settings.suites,
          rounds: settings.rounds,
          roundSeconds: settings.roundSeconds,
        },
        ...{ batchSizes: settings.batchSizes, threadCounts: settings.threadCounts },
        peers: options.peers ?? false,
      },
      images: {
        what: images.what,
        files: images.files.length,
        meanBytes: Math.round(images.meanBytes),
        size: images.size,
      },
      model: model === null ? null : { what: model.what, gigaflopPerTile: found.gigaflopPerTile },
      workloads: workloads.map(({ name, what }) => ({ name, what })),
      noise: { ...probe.estimate(), rounds: roundNoise(shares), loadBefore },
      floors: measured.floors,
      trials: shares,
      comparisons,
      skipped,
      seconds: (performance.now() - startedAt) / 1000,
    };
    await writeResults(output, results);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function workloadsOf({ suites }: BenchSettings): Promise<Workload[]> {
  const all = await Promise.all(WORKLOAD_NAMES.map(loadWorkload));
  return all.filter(({ suite }) => suites.includes(suite));
}

async function prepare(
  options: BenchOptions,
  settings: BenchSettings,
  workloads: readonly Workload[],
  folder: string,
): Promise<Stage> {
  const { peers = false, peersFolder } = options;
  const given = options.model === undefined ? null : await openBundle(options.model);
  const { size, resize } = given?.metadata.preprocessing ?? { size: RECIPE.imgSize, resize: 'cv2' };
  const images = await prepareImages({ ...options, size, resize, folder });
  const needed = workloads.some(({ needsModel }) => needsModel);
  const model = needed ? await modelOf(options, given, images) : null;
  const { threads, threadCounts, batchSizes, quick } = settings;
  const head =
    model?.bundle.metadata.head.includes('GlobalAveragePooling2D') === true ? 'gap' : 'recipe';
  const found: Found = {
    tensorflows: tensorflowsFound(quick),
    precisions: [
      'fp32' as const,
      ...(model?.bundle.fp16Path === undefined ? [] : (['fp16'] as const)),
      ...(model?.bundle.int8Path === undefined ? [] : (['int8'] as const)),
    ],
    cuda: cudaProblem() === undefined,
    gigaflopPerTile: gigaflopPerTile(size, head, model?.bundle.metadata.classes.length),
    meanBytes: images.meanBytes,
    files: images.files.length,
    ...{ threads, threadCounts, batchSizes, quick },
  };
  return {
    ...{ options, settings, found, images, model, folder },
    peers: peers ? await readPeers(peersFolder) : [],
    probe: new NoiseProbe(),
  };
}

/** In a short run one of the two that run on libtensorflow: they are the same there, but for a GPU. */
function tensorflowsFound(quick: boolean): TfChoice[] {
  const forced = forcedTensorflow();
  const found = (forced === undefined ? TF_CHOICES : [forced]).filter(
    (choice) => tensorflowProblem(choice) === undefined,
  );
  const first = found.find((choice) => choice !== 'wasm');
  return found.filter((choice) => !quick || choice === 'wasm' || choice === first);
}

async function modelOf(
  options: BenchOptions,
  given: Bundle | null,
  images: BenchImages,
): Promise<Stage['model']> {
  if (given !== null && options.model !== undefined) {
    return { path: options.model, bundle: given, what: asGiven(options.model) };
  }
  const path = await defaultModel({ path: images.tiles, size: images.size }, options);
  const bundle = await openBundle(path);
  const { name } = bundle.metadata.base;
  const what = `the recipe’s network (${name}, cut at mixed7; ${bundle.metadata.head}), its head not trained`;
  return { path, bundle, what };
}

/** What cannot be measured because it is not here: said by name. */
function enginesSkipped({ found, model }: Stage, workloads: readonly Workload[]): Skipped[] {
  if (!workloads.some(({ needsModel }) => needsModel)) return [];
  const backends = TF_CHOICES.flatMap((choice): Skipped[] => {
    if (found.tensorflows.includes(choice)) return [];
    const why =
      tensorflowProblem(choice) ??
      (forcedTensorflow() === undefined
        ? 'a short run has one backend on libtensorflow'
        : 'LUNGCLS_TF forces another');
    return [{ what: `tfjs on ${choice}`, why }];
  });
  const cuda = cudaProblem();
  const lacking = (['fp16', 'int8'] as const).filter((name) => !found.precisions.includes(name));
  return [
    ...backends,
    ...(cuda === undefined ? [] : [{ what: 'ONNX Runtime on CUDA', why: cuda }]),
    ...(model === null
      ? []
      : lacking.map((name) => ({
          what: `ONNX Runtime, ${name}`,
          why: 'the model has no such file',
        }))),
    ...(found.quick && found.tensorflows.includes('wasm')
      ? [
          {
            what: 'tfjs on wasm in larger batches and from files',
            why: 'a short run: it is one thread',
          },
        ]
      : []),
  ];
}

async function runPlan(
  stage: Stage,
  workload: Workload,
  plan: GroupPlan,
): Promise<{
  trials: { trial: TrialResult; uses: readonly FloorUse[] }[];
  comparisons: readonly Comparison[];
}> {
  const { options, settings, folder, probe } = stage;
  const { onProgress, onMessage, signal } = options;
  const contenders = contendersOf(stage, workload, plan);
  const title = `${workload.name}, ${plan.group}`;
  onMessage?.(`${title}: ${contenders.map((own) => own.plan.name).join('; ')}`, 'info');
  const { trials, comparisons } = await runGroup({
    ...{ suite: workload.suite, workload: workload.name, group: plan.group, contenders },
    ...{ rounds: settings.rounds, roundSeconds: settings.roundSeconds, signal },
    folder: join(folder, `${workload.name}-${plan.group.replaceAll(/\W+/g, '-')}`),
    environment: threadEnvironment(plan.threads),
    onRound: (done, total, note) => {
      onProgress?.({ stage: title, done, total, unit: 'rounds', note });
    },
    probe: () => {
      probe.run();
    },
  });
  const uses = (i: number): readonly FloorUse[] => contenders[i]?.plan.floors ?? [];
  return { trials: trials.map((trial, i) => ({ trial, uses: uses(i) })), comparisons };
}

/** Ours and the peers. */
function contendersOf(stage: Stage, workload: Workload, plan: GroupPlan): Contender[] {
  const { images, model, peers, settings, options } = stage;
  const bundle = model?.bundle;
  const onnxFiles = { fp32: bundle?.onnxPath, fp16: bundle?.fp16Path, int8: bundle?.int8Path };
  const spec = (variant: string, onnx: string | undefined): Contender['spec'] => ({
    ...{ workload: workload.name, variant, files: images.list, tiles: images.tiles },
    ...{ model: model?.path ?? null, onnx: onnx ?? null, labels: images.labels },
    ...{ size: images.size, batch: plan.batch, threads: plan.threads },
    checkTiles: Math.min(settings.checkTiles, images.files.length),
  });
  const own = plan.variants.map((variant): Contender => ({
    plan: variant,
    command: { program: process.execPath, args: [TRIAL] },
    spec: spec(variant.variant, onnxFiles.fp32),
  }));
  const python = findPython();
  const others = peerVariants(peers, workload).map(({ peer, plan: variant }): Contender => ({
    plan: variant,
    command: { program: python, args: [join(options.peersFolder ?? PEERS_FOLDER, peer.script)] },
    spec: spec(peer.name, onnxFiles[peer.precision ?? 'fp32']),
  }));
  return [...own, ...others];
}

/** What libraries look at to choose their number of threads; the same for every trial of a group. */
function threadEnvironment(threads: number): Record<string, string> {
  const count = String(threads);
  return {
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    TF_NUM_INTRAOP_THREADS: count,
    TF_NUM_INTEROP_THREADS: '1',
    UV_THREADPOOL_SIZE: String(Math.max(4, threads)),
  };
}

function mergeVersions(trials: readonly TrialResult[]): Record<string, string> {
  const own = { 'onnxruntime-node': packageVersion('onnxruntime-node') };
  return Object.assign(own, ...trials.map(({ versions }) => versions)) as Record<string, string>;
}
