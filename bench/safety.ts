/**
 * The decoder under a load that it must bear: a million decodes without a leak, ten thousand damaged
 * tiles without a wrong pixel.
 *
 *   npm run bench:safety -- leak    [--decodes 1000000] [--threads 1]
 *   npm run bench:safety -- mutants [--count 10000] [--seed 1]
 *     --archive FILE   tiles of 224 x 224 pixels or so; drawn ones where it is not there
 *     --record         write the figures into bench/results/safety.json and safety.md
 *
 * Ends with 1 if memory grows or a mutant comes out wrong.
 */
import { readFile, rm, writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, type Machine } from './machine.js';
import { leak, type LeakResult } from './safety/leak.js';
import { mutants, type MutantsResult } from './safety/mutants.js';
import { tileFiles } from './safety/tiles.js';

interface Recorded<T> {
  machine: Machine;
  date: string;
  result: T;
}

interface Results {
  leak?: Recorded<LeakResult>;
  mutants?: Recorded<MutantsResult>;
}

/** What a resident set may differ by that does not grow: the allocator's own ups and downs. */
const FLAT_MIB = 32;
const RESULTS = join('bench', 'results');
const ARCHIVE = join('..', 'shared', 'data', 'lc25000-lung-224.zip');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    decodes: { type: 'string', default: '1000000' },
    threads: { type: 'string', default: '1' },
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    archive: { type: 'string', default: ARCHIVE },
    record: { type: 'boolean', default: false },
  },
});

const folder = await mkdtemp(join(tmpdir(), 'lungcls-safety-'));
try {
  const report = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const tiles = await tileFiles(values.archive, folder);
  const [command] = positionals;
  const results: Results = {};
  const facts = { machine: describeMachine(), date: new Date().toISOString().slice(0, 10) };
  let good: boolean;
  if (command === 'leak') {
    const result = await leak(tiles, Number(values.decodes), Number(values.threads), report);
    good = result.rssMostMiB - result.rssWarmMiB <= FLAT_MIB;
    results.leak = { ...facts, result };
  } else if (command === 'mutants') {
    const result = await mutants(tiles, Number(values.count), Number(values.seed), report);
    good = result.otherStatus + result.otherPixels + result.stalePixels === 0;
    results.mutants = { ...facts, result };
  } else {
    throw new Error('Expected leak or mutants');
  }
  console.log(JSON.stringify(results, null, 2));
  if (values.record) await record(results);
  process.exitCode = good ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function record(results: Results): Promise<void> {
  const path = join(RESULTS, 'safety.json');
  let before: Results = {};
  try {
    before = JSON.parse(await readFile(path, 'utf8')) as Results;
  } catch {
    // The first run.
  }
  const all = { ...before, ...results };
  await writeFile(path, `${JSON.stringify(all, null, 2)}\n`);
  await writeFile(join(RESULTS, 'safety.md'), describe(all));
}

function describe(all: Results): string {
  const lines = [
    '# Safety',
    '',
    'Made by `node build/bench/safety.js`; all of it is in `safety.json`.',
  ];
  if (all.leak !== undefined) {
    const { result } = all.leak;
    lines.push(
      ...heading('No leak', all.leak),
      `${count(result.decodes)} decodes on ${result.threads} thread(s) in ${result.seconds} s (${result.what}): ` +
        `${result.rssWarmMiB} MiB resident after the first twentieth, ${result.rssEndMiB} MiB at the end, ` +
        `${result.rssMostMiB} MiB at most; the addon's buffers ${result.nativeWarmMiB} and ${result.nativeEndMiB} MiB.`,
      '',
      `Statuses: ${list(result.statuses)}.`,
    );
  }
  if (all.mutants !== undefined) {
    const { result } = all.mutants;
    lines.push(
      ...heading('Damaged tiles', all.mutants),
      `${count(result.mutants)} mutants (${result.what}, seed ${result.seed}) in ${result.seconds} s, each by the ` +
        `product's decoder and by libjpeg-turbo alone: ${result.otherStatus} with another status, ` +
        `${result.otherPixels} with other pixels, ${result.stalePixels} with stale pixels, no crash.`,
      '',
      `Statuses: ${list(result.statuses)}.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function heading(title: string, { machine, date }: Recorded<unknown>): string[] {
  const { cpu, cores, os, node, commit } = machine;
  return [
    '',
    `## ${title}`,
    '',
    `${date}, ${cpu}, ${cores} cores; ${os}; Node ${node}; commit ${commit}.`,
    '',
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function list(statuses: Readonly<Record<string, number>>): string {
  return Object.entries(statuses)
    .sort(([, a], [, b]) => b - a)
    .map(([status, n]) => `${status} ${count(n)}`)
    .join(', ');
}
