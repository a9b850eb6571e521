/**
 * How well, and how fast, the audit finds the tiles of one original, class by class. Writes audit.json
 * and audit.md.
 *
 *   npm run bench:audit -- --store STORE --truth lc25000-groups-aca-n.csv [-o bench/results]
 *
 * Truth is a csv of path,group; a path may be the end of the store's path. Only tiles that it names count.
 * Of all pairs of tiles that the audit puts into one group, precision is the share that is in one group of
 * the truth; recall is the share the other way round.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { audit } from '#src/index.js';
import { readCsvRows } from '#src/storage/csv.js';
import { describeMachine } from './machine.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    truth: {
      type: 'string',
      default: join('..', 'shared', 'data', 'lc25000-groups-aca-n.csv'),
    },
    originals: { type: 'string' },
    threads: { type: 'string' },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});

async function readGroups(path: string): Promise<Map<string, string>> {
  const groups = new Map<string, string>();
  for await (const [name = '', group = ''] of readCsvRows(path)) groups.set(name, group);
  groups.delete('path');
  return groups;
}

/** Pairs of equal values. */
function pairsOf(names: Iterable<string>): number {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
}

interface Score {
  name: string;
  tiles: number;
  groups: number;
  trueGroups: number;
  precision: number;
  recall: number;
}

/** @param tiles found and true group of each tile */
function score(name: string, tiles: readonly (readonly [found: string, truth: string])[]): Score {
  const both = pairsOf(tiles.map((pair) => pair.join('\n')));
  const found = tiles.map(([group]) => group);
  const truth = tiles.map(([, group]) => group);
  return {
    name,
    tiles: tiles.length,
    groups: new Set(found).size,
    trueGroups: new Set(truth).size,
    precision: both / pairsOf(found),
    recall: both / pairsOf(truth),
  };
}

if (values.store === undefined) throw new Error('Expected --store, a tile store');
const folder = await mkdtemp(join(tmpdir(), 'lungcls-audit-'));
try {
  const result = await audit({
    store: values.store,
    output: folder,
    ...(values.originals === undefined ? {} : { originals: Number(values.originals) }),
    ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
  });
  const found = await readGroups(join(folder, 'groups.csv'));
  const truth = await readGroups(values.truth);
  const classes = new Map<string, [string, string][]>();
  for (const [path, group] of found) {
    const parts = path.split('/');
    const name = parts.map((_, i) => parts.slice(i).join('/')).find((end) => truth.has(end));
    const label = parts.at(-2) ?? '';
    if (name === undefined) continue;
    classes.set(label, [...(classes.get(label) ?? []), [group, truth.get(name) ?? '']]);
  }
  const scores = [...classes].map(([name, tiles]) => score(name, tiles));
  const { output: _, overlaps, ...numbers } = result;
  const report = {
    machine: describeMachine(),
    truth: basename(values.truth),
    originals: values.originals ?? null,
    ...numbers,
    overlaps: overlaps.length,
    scores,
  };
  const share = (value: number): string => value.toFixed(4);
  const table = [
    '# Which tiles come from one original',
    '',
    `${String(result.tiles)} tiles on ${String(result.threads)} threads of ${report.machine.cpu}: ` +
      `${result.seconds.toFixed(0)} s, ${String(result.pairs)} pairs registered. Against ${report.truth}; made by \`npm run bench:audit\`.`,
    '',
    '| class | tiles | groups found | true groups | pair precision | pair recall |',
    '| ----- | ----- | ------------ | ----------- | -------------- | ----------- |',
    ...scores.map(
      (s) =>
        `| ${s.name} | ${String(s.tiles)} | ${String(s.groups)} | ${String(s.trueGroups)} | ${share(s.precision)} | ${share(s.recall)} |`,
    ),
    '',
    '| class | tiles | groups found | largest | alone |',
    '| ----- | ----- | ------------ | ------- | ----- |',
    ...Object.entries(result.classes).map(
      ([name, c]) =>
        `| ${name} | ${String(c.tiles)} | ${String(c.groups)} | ${String(c.largest)} | ${String(c.singletons)} |`,
    ),
    '',
    `Pairs of groups that overlap, kept apart: ${String(overlaps.length)}. A random split has a sibling in training for ` +
      `${String(result.randomSplit?.leaked)} of ${String(result.randomSplit?.validation)} validation tiles.`,
    '',
  ].join('\n');
  await writeFile(join(values.output, 'audit.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(values.output, 'audit.md'), table);
  process.stdout.write(table);
} finally {
  await rm(folder, { recursive: true, force: true });
}
