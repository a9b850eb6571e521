/**
 * A long run: an archive classified again and again under other names, and what memory it takes meanwhile.
 *
 *   npm run bench:long-run -- --images ARCHIVE.zip --model run/model [--tiles 200000]
 *     [--precision int8] [--work DIR] [--note TEXT] [-o bench/results]
 *
 * The names are hard links of the archive, as many as are needed for so many tiles. Writes long-run.json
 * (every sample) and long-run.md. Ends with 1 if memory grows, or if a tile's row differs from that of the
 * same tile under another name.
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { processMemory } from '#src/bench/measure-process.js';
import { listImages } from '#src/dataset/list.js';
import { describeMachine } from './machine.js';

const CLI = 'dist/cli/main.js';
const SAMPLE_MS = 2000;
/** What a resident set may differ by that does not grow: the allocator's own ups and downs. */
const FLAT_MIB = 32;

interface Sample {
  seconds: number;
  /** Rows that the run had reported. */
  rows: number;
  /** Resident, pages of mapped files counted, in MiB. */
  rssMiB: number;
  /** Without them. */
  privateMiB: number;
}

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    model: { type: 'string' },
    tiles: { type: 'string', default: '200000' },
    precision: { type: 'string', default: 'int8' },
    work: { type: 'string', default: tmpdir() },
    note: { type: 'string', default: '' },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
const { images, model } = values;
if (images === undefined || model === undefined) throw new Error('Give --images and --model');

const machine = describeMachine();
let perArchive = 0;
for await (const source of listImages([images])) if (source.path !== '') perArchive++;
const copies = Math.ceil(Number(values.tiles) / perArchive);
const work = await mkdtemp(join(values.work, 'lungcls-long-run-'));
try {
  const archives = Array.from({ length: copies }, (_, i) => join(work, `copy-${String(i)}.zip`));
  for (const path of archives) await link(images, path).catch(() => copyFile(images, path));
  const output = join(work, 'result.csv');
  const { samples, seconds } = await classify(model, archives, output);
  const { rows, different } = await compareCopies(output, perArchive);
  const result = {
    ...{ machine, date: new Date().toISOString().slice(0, 10), note: values.note },
    precision: values.precision,
    ...{ copies, perArchive, rows, different, seconds },
    ...memoryOf(samples),
    samples,
  };
  await mkdir(values.output, { recursive: true });
  await writeFile(join(values.output, 'long-run.json'), `${JSON.stringify(result)}\n`);
  await writeFile(join(values.output, 'long-run.md'), page(result));
  const good =
    rows === copies * perArchive && different === 0 && result.lateMiB - result.earlyMiB <= FLAT_MIB;
  console.error(page(result));
  if (!good) process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Runs `predict` in a process of its own and looks at it now and then. */
async function classify(
  bundle: string,
  archives: readonly string[],
  output: string,
): Promise<{ samples: Sample[]; seconds: number }> {
  const begin = performance.now();
  const seconds = (): number => (performance.now() - begin) / 1000;
  const words = ['predict', bundle, ...archives, '-o', output, '--precision', values.precision];
  const child = spawn(process.execPath, [CLI, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  let rows = 0;
  const lines = createInterface(child.stderr);
  lines.on('line', (line) => {
    // Such as "predict    1,024 of 15,000 tiles (6%)  190 tiles/s  1 min 12 s left".
    const found = /^predict\s+([\d,]+)/.exec(line)?.[1];
    if (found === undefined) console.error(line);
    else rows = Number(found.replaceAll(',', ''));
  });
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    const { rss, anonymous } = processMemory(child.pid ?? 0);
    // Zeros are of a process that has just ended.
    if (rss > 0) samples.push({ seconds: seconds(), rows, rssMiB: rss, privateMiB: anonymous });
  }, SAMPLE_MS);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => {
    clearInterval(timer);
  });
  if (exitCode !== 0) throw new Error(`predict ended with ${String(exitCode)}`);
  return { samples, seconds: seconds() };
}

/** Private memory once the run has settled, and at its end: medians of the second and the last tenth. */
function memoryOf(samples: readonly Sample[]): {
  earlyMiB: number;
  lateMiB: number;
  mostMiB: number;
} {
  const tenth = Math.ceil(samples.length / 10);
  const median = (some: readonly Sample[]): number =>
    some.map(({ privateMiB }) => privateMiB).sort((a, b) => a - b)[Math.floor(some.length / 2)] ??
    NaN;
  return {
    earlyMiB: median(samples.slice(tenth, 2 * tenth)),
    lateMiB: median(samples.slice(-tenth)),
    mostMiB: Math.max(...samples.map(({ privateMiB }) => privateMiB)),
  };
}

/** Whether every copy of the archive got the rows of the first one. */
async function compareCopies(
  path: string,
  count: number,
): Promise<{ rows: number; different: number }> {
  const first: string[] = [];
  let rows = -1; // the header
  let different = 0;
  for await (const line of createInterface(createReadStream(path))) {
    // Our names hold no commas before the copy's own, so what follows ".zip" is the same in each.
    const rest = line.slice(line.indexOf('.zip') + 4);
    if (rows >= 0 && rows < count) first.push(rest);
    else if (rows >= count && rest !== first[rows % count]) different++;
    rows++;
  }
  return { rows, different };
}

function page(result: {
  machine: ReturnType<typeof describeMachine>;
  date: string;
  note: string;
  precision: string;
  copies: number;
  perArchive: number;
  rows: number;
  different: number;
  seconds: number;
  earlyMiB: number;
  lateMiB: number;
  mostMiB: number;
}): string {
  const { machine: m, rows, seconds } = result;
  const number = (value: number): string => Math.round(value).toLocaleString('en-US');
  return [
    '# A long run',
    '',
    'Made by `npm run bench:long-run`; every sample is in `long-run.json`.',
    '',
    `${result.date}, ${m.cpu} (${m.extensions.join(', ')}), ${String(m.cores)} cores, ${m.os}, Node ${m.node}, commit ${m.commit}.`,
    '',
    `${number(rows)} tiles (${number(result.perArchive)} of an archive under ${String(result.copies)} names), ${result.precision}, in ${number(seconds)} s: ` +
      `${(rows / seconds).toFixed(1)} tiles/s.`,
    '',
    `Private memory: ${number(result.earlyMiB)} MiB in the second tenth of the run, ${number(result.lateMiB)} MiB in the last, ${number(result.mostMiB)} MiB at most. ` +
      `${number(result.different)} rows differ from those of the same tile under another name.`,
    '',
    ...(result.note === '' ? [] : [result.note, '']),
  ].join('\n');
}
