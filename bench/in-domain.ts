/**
 * What `in_domain` tells apart: tiles that are none, photographs that packages on this machine ship, noise,
 * and held-out tiles of the model's own data whose colours or content were changed; beside them the held-out tiles as
 * they are. Writes `in-domain.json` and `in-domain.md`.
 *
 *   npm run bench:in-domain -- --run RUN --store STORE [--precision fp32,int8] [--held 1000] [--tiles 100] [--note TEXT]
 *     [--seed 1] [-o bench/results]
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBundle } from '#src/bundle/read.js';
import { RECIPE } from '#src/config.js';
import { readSplitFile } from '#src/dataset/split-file.js';
import { DOMAIN_REASONS, type DomainJudgement } from '#src/domain/domain.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { loadClassifier, PRECISIONS, type Precision } from '#src/inference/classifier.js';
import { turnTiles } from '#src/inference/tta.js';
import { RandomStream } from '#src/training/random.js';
import { cut, findPhotographs } from './in-domain/photographs.js';
import * as shifts from './in-domain/shifts.js';
import { describeMachine } from './machine.js';

const { values } = parseArgs({
  options: {
    /** A run's folder: its model, and which tiles it held out. */
    run: { type: 'string', default: '' },
    store: { type: 'string', default: '' },
    precision: { type: 'string', default: 'fp32,int8' },
    /** Held-out tiles as they are, and those that each change is applied to. */
    held: { type: 'string', default: '1000' },
    tiles: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    note: { type: 'string', default: '' },
    python: { type: 'string', default: '.venv' },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
const precisions = PRECISIONS.filter((name) => values.precision.split(',').includes(name));
const model = join(values.run, 'model');
const store = await TileStore.open(values.store);
const { size } = store.spec;
const random = new RandomStream([Number(values.seed)]);

/** Tiles of one kind. */
interface Group {
  readonly kind: string;
  readonly name: string;
  readonly tiles: readonly Uint8Array[];
}

async function heldOut(): Promise<Uint8Array[]> {
  const split = await readSplitFile(join(values.run, 'split.csv'), store.paths, RECIPE.splitSeed);
  // In random order: the first ones are a sample.
  const rows = split.validation.subarray(0, Number(values.held));
  const tiles = new Uint8Array(rows.length * store.tileBytes);
  await store.readTiles(rows, tiles);
  return Array.from(rows, (_, i) => tiles.subarray(i * store.tileBytes, (i + 1) * store.tileBytes));
}

async function sitePackages(): Promise<string | undefined> {
  const library = join(values.python, 'lib');
  const names = await readdir(library).catch(() => []);
  const python = names.find((name) => name.startsWith('python'));
  return python && join(library, python, 'site-packages');
}

function turned(tile: Uint8Array): Uint8Array {
  const out = new Uint8Array(tile.length);
  turnTiles(tile, 1, size, 5, out);
  return out;
}

async function* groups(all: readonly Uint8Array[]): AsyncGenerator<Group> {
  const some = all.slice(0, Number(values.tiles));
  const changed = async (
    change: (tile: Uint8Array) => Uint8Array | Promise<Uint8Array>,
  ): Promise<Uint8Array[]> => {
    const result: Uint8Array[] = [];
    for (const tile of some) result.push(await change(tile));
    return result;
  };
  yield { kind: 'own', name: 'held-out tiles as they are', tiles: all };
  yield { kind: 'own', name: 'turned by 90 degrees and flipped', tiles: await changed(turned) };
  yield {
    kind: 'own',
    name: 'saved as JPEG of quality 75',
    tiles: await changed((tile) => shifts.recompressed(tile, size, 75)),
  };
  const levels: [string, shifts.Rgb][] = [
    ['white', [255, 255, 255]],
    ['grey', [128, 128, 128]],
    ['black', [0, 0, 0]],
    ['pink, as a mean of H&E', [205, 150, 200]],
  ];
  for (const [name, color] of levels) {
    yield { kind: 'blank', name, tiles: [shifts.plain(size, color, 0, random)] };
  }
  yield {
    kind: 'blank',
    name: 'glass: near white, noise of 2 levels',
    tiles: Array.from({ length: 20 }, () => shifts.plain(size, [242, 240, 243], 2, random)),
  };
  const { photographs, absent } = await findPhotographs(await sitePackages());
  for (const name of absent) console.error(`No photographs of ${name} here`);
  for (const { name, path } of photographs) {
    yield { kind: 'photograph', name, tiles: await cut(path, size, 224, 12) };
  }
  yield {
    kind: 'noise',
    name: 'uniform',
    tiles: Array.from({ length: 20 }, () => shifts.uniformNoise(size, random)),
  };
  yield {
    kind: 'noise',
    name: 'normal, around a mean colour of H&E, deviation 40',
    tiles: Array.from({ length: 20 }, () => shifts.plain(size, [205, 150, 200], 40, random)),
  };
  for (const sigma of [2, 8]) {
    const tiles = Array.from({ length: 20 }, () => shifts.smoothNoise(size, sigma, random));
    yield {
      kind: 'noise',
      name: `smooth, sigma ${String(sigma)}`,
      tiles: await Promise.all(tiles),
    };
  }
  for (const { name, kind, shift } of shifts.SHIFTS) {
    yield { kind, name, tiles: await changed((tile) => shifts.shiftPixels(tile, shift)) };
  }
  for (const sigma of [1, 3]) {
    const name = `blurred, sigma ${String(sigma)}`;
    const tiles = await changed((tile) => shifts.blurred(tile, size, sigma));
    yield { kind: 'content', name, tiles };
  }
  yield {
    kind: 'content',
    name: 'saved as JPEG of quality 10',
    tiles: await changed((tile) => shifts.recompressed(tile, size, 10)),
  };
  yield {
    kind: 'content',
    name: 'squares of 32 pixels shuffled',
    tiles: await changed((tile) => shifts.shuffled(tile, size, 32, random)),
  };
}

interface Row {
  kind: string;
  name: string;
  tiles: number;
  /** By precision. */
  rejected: Record<string, number>;
  reasons: Record<string, Record<string, number>>;
  medianScore: Record<string, number>;
  /** Mean of the largest probability: how sure the classes are all the same. */
  meanConfidence: Record<string, number>;
}

const bundle = await openBundle(model);
if (bundle.domain === undefined) throw new Error(`${model} has no domain: train it anew`);
const classifiers = new Map<Precision, Awaited<ReturnType<typeof loadClassifier>>>();
for (const precision of precisions) {
  classifiers.set(precision, await loadClassifier(model, { precision, batchSize: 16 }));
}

/** Tiles that are asked for at a time. */
const AT_ONCE = 64;

async function judge(
  classifier: Awaited<ReturnType<typeof loadClassifier>>,
  tiles: readonly Uint8Array[],
): Promise<{ domain: readonly DomainJudgement[]; confidence: number }> {
  const width = classifier.classes.length;
  const judged: DomainJudgement[] = [];
  let confidence = 0;
  for (let first = 0; first < tiles.length; first += AT_ONCE) {
    const some = tiles.slice(first, first + AT_ONCE);
    const answer = await classifier.judgeTiles(Buffer.concat(some), some.length);
    judged.push(...(answer.domain ?? []));
    some.forEach((_, i) => {
      confidence += Math.max(...answer.probabilities.subarray(i * width, (i + 1) * width));
    });
  }
  return { domain: judged, confidence: confidence / tiles.length };
}

const tiles = await heldOut();
const rows: Row[] = [];
for await (const group of groups(tiles)) {
  const row: Row = {
    ...{ kind: group.kind, name: group.name, tiles: group.tiles.length },
    ...{ rejected: {}, reasons: {}, medianScore: {}, meanConfidence: {} },
  };
  for (const [precision, classifier] of classifiers) {
    const { domain, confidence } = await judge(classifier, group.tiles);
    const outside = domain.filter(({ inDomain }) => !inDomain);
    row.rejected[precision] = outside.length / domain.length;
    row.reasons[precision] = Object.fromEntries(
      DOMAIN_REASONS.map((name) => [name, outside.filter(({ reason }) => reason === name).length]),
    );
    const scores = domain.map(({ score }) => score).sort((a, b) => a - b);
    row.medianScore[precision] = scores[Math.floor(scores.length / 2)] ?? NaN;
    row.meanConfidence[precision] = confidence;
  }
  rows.push(row);
  console.error(`${row.kind}, ${row.name}: ${JSON.stringify(row.rejected)}`);
}

/** What it costs: seconds for the same tiles with and without it, alternately, the best of three. */
const cost: Record<string, { without: number; with: number }> = {};
const timed = Buffer.concat(tiles.slice(0, 128));
for (const [precision, classifier] of classifiers) {
  const best = { without: Infinity, with: Infinity };
  for (let round = 0; round < 3; round++) {
    for (const which of ['without', 'with'] as const) {
      const begin = performance.now();
      await (which === 'with'
        ? classifier.judgeTiles(timed, 128)
        : classifier.classifyTiles(timed, 128));
      best[which] = Math.min(best[which], (performance.now() - begin) / 1000);
    }
  }
  cost[precision] = best;
  await classifier.close();
}
store.close();

const machine = describeMachine();
const { tiles: fittedOn, validationTiles, rejected, precision: features } = bundle.domain;
const report = {
  ...{
    machine,
    command: `npm run bench:in-domain -- ${process.argv.slice(2).map(withoutFolder).join(' ')}`,
  },
  model: { head: bundle.metadata.head, features, fittedOn, validationTiles, rejected },
  ...{ split: bundle.metadata.training['splitDescription'], note: values.note, rows, cost },
};
await mkdir(values.output, { recursive: true });
await writeFile(join(values.output, 'in-domain.json'), `${JSON.stringify(report, null, 2)}\n`);

const percent = (share: number | undefined): string => `${(100 * (share ?? NaN)).toFixed(1)} %`;
const reasonsOf = (row: Row): string => {
  const own = Object.entries(row.reasons[precisions[0] ?? ''] ?? {}).filter(([, n]) => n > 0);
  return own.map(([name, n]) => `${name} ${String(n)}`).join(', ');
};
const table = rows.map((row) => [
  row.kind,
  row.name,
  String(row.tiles),
  ...precisions.map((precision) => percent(row.rejected[precision])),
  reasonsOf(row),
  (row.medianScore[precisions[0] ?? ''] ?? NaN).toFixed(2),
  (row.meanConfidence[precisions[0] ?? ''] ?? NaN).toFixed(3),
]);
const heads = [
  ...['kind', 'tiles', 'number', ...precisions.map((precision) => `outside, ${precision}`)],
  ...['for what', 'median score', 'mean largest probability'],
];
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
await writeFile(
  join(values.output, 'in-domain.md'),
  [
    '# What in_domain tells apart',
    '',
    `Made by \`${report.command}\`; every figure is in \`in-domain.json\`.`,
    '',
    `Machine: ${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.extensions.join(' ')}; ` +
      `${machine.os}; Node ${machine.node}; commit ${machine.commit}.`,
    '',
    `The model: ${bundle.metadata.head}; statistics of ${String(fittedOn)} training tiles, features in ${features}; thresholds set on ` +
      `${String(validationTiles)} held-out tiles, of which ${String(rejected)} are outside; the first row is some of them. ${typeof report.split === 'string' ? report.split : ''}.`,
    '',
    `Reasons, scores and probabilities are those in ${precisions[0] ?? ''}. The largest probability shows what the classes alone would have said.`,
    '',
    line(heads),
    line(heads.map(() => '---')),
    ...table.map(line),
    '',
    ...Object.entries(cost).map(
      ([precision, { without, with: judged }]) =>
        `128 tiles in ${precision}: ${without.toFixed(2)} s for the classes alone, ${judged.toFixed(2)} s with in_domain (best of three, alternately).`,
    ),
    '',
    ...(values.note === '' ? [] : [values.note, '']),
  ].join('\n'),
);
// ONNX Runtime's threads would keep it alive.
process.exit(0);

/** Where something stands on this machine is nothing to record. */
function withoutFolder(word: string): string {
  return word === values.run || word === values.store ? basename(word) : word;
}
