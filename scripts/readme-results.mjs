// Fills README's tables of figures from bench/results/pipeline.json and bench.json, and those of docs/scale.md from
// scale.json, so that none is written by hand.
//   node scripts/readme-results.mjs          writes them
//   node scripts/readme-results.mjs --check  fails where one of them says something else
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { scaleFigures } from './scale-figures.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** A table's page, its place there, its file, and what makes it. */
const TABLES = [
  { page: 'README.md', name: 'bench', file: 'bench.json', table: benchTable },
  { page: 'README.md', name: 'results', file: 'pipeline.json', table: pipelineTable },
  { page: join('docs', 'scale.md'), name: 'scale', file: 'scale.json', table: scaleFigures },
];

/** Seconds as a person says them. */
function duration(seconds) {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
}

function pipelineTable({ machine, steps, notes, archive }) {
  const rows = steps.map(
    (step) =>
      `| ${step.name} | ${step.what} | ${duration(step.seconds)} | ${step.peakPrivateMiB} MiB |`,
  );
  return [
    `The lung half of LC25000 (${archive}), on ${machine.cores} cores of ${machine.cpu} (${machine.extensions.join(', ')}), ` +
      `Node ${machine.node}. Made by \`npm run bench:pipeline -- --images archive.zip\`.`,
    '',
    '| command | what | time | peak memory, mapped files not counted |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...notes.flatMap((note) => [note, '']),
  ].join('\n');
}

/** Three digits: 1701, 85.2, 4.31. */
function rate(value) {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** Of each workload its last group: the largest batch, all threads. */
function benchTable({
  machine,
  versions,
  commit,
  date,
  trials,
  comparisons,
  workloads,
  images,
  model,
  settings,
}) {
  const rows = workloads.flatMap(({ name }) => {
    const all = machine.threads;
    const own = trials.filter(
      ({ workload, status, threads, kind, variant }) =>
        workload === name &&
        (status === 'ok' || status === 'wrong') &&
        threads === all &&
        !(kind === 'tfjs' && variant === 'tfjs-wasm'),
    );
    const batch = Math.max(...own.map((trial) => trial.batch));
    return own
      .filter((trial) => trial.batch === batch)
      .map((trial) => {
        const { status, tilesPerSecond, latencyMs, reference, group, variant } = trial;
        if (status === 'wrong') return `| ${name}, ${group} | ${trial.name} | wrong answer | | |`;
        const ratio = comparisons.find(
          (entry) => entry.workload === name && entry.group === group && entry.variant === variant,
        );
        const against = reference
          ? 'the reference'
          : ratio === undefined
            ? ''
            : `${ratio.ratio.median.toFixed(2)} x`;
        const p50 = latencyMs === null ? '' : `${rate(latencyMs.p50)} / ${rate(latencyMs.p99)}`;
        return `| ${name}, ${group} | ${trial.name} | ${rate(tilesPerSecond.median)} | ${against} | ${p50} |`;
      });
  });
  return [
    `${machine.cores} cores of ${machine.cpu} (${machine.extensions.join(', ')}), ${machine.gpu === null ? 'no GPU' : machine.gpu.name}, ` +
      `Node ${versions.node}; commit ${commit}, ${date.slice(0, 10)}. Images: ${basename(images.what)}, ${images.files} files. ` +
      `${model === null ? '' : `${model.gigaflopPerTile.toFixed(2)} GFLOP a tile. `}Medians of ${settings.rounds} rounds in turns. ` +
      'Made by `lungcls-fast bench`; all of it: [bench/results/bench.md](bench/results/bench.md).',
    '',
    '| what | by | tiles/s | against the reference | ms a batch, p50 / p99 |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** The page as it is, and as the results say that it should be. */
async function filled(page) {
  const path = join(root, page);
  const before = await readFile(path, 'utf8');
  let text = before;
  for (const { name, file, table } of TABLES.filter((entry) => entry.page === page)) {
    const block = new RegExp(`(<!-- ${name}:begin[^>]*-->\\n)[\\s\\S]*?(\\n<!-- ${name}:end -->)`);
    if (!block.test(text)) throw new Error(`${page} has no place for ${file}`);
    const results = join(root, 'bench', 'results', file);
    // Nothing has been recorded of it yet.
    const figures = existsSync(results)
      ? table(JSON.parse(await readFile(results, 'utf8'))).trimEnd()
      : 'No run has been recorded yet.';
    text = text.replace(block, (_, begin, end) => `${begin}\n${figures}\n${end}`);
  }
  const after = await format(text, { ...(await resolveConfig(path)), filepath: path });
  return { path, before, after };
}

for (const page of new Set(TABLES.map((entry) => entry.page))) {
  const { path, before, after } = await filled(page);
  if (!process.argv.includes('--check')) {
    await writeFile(path, after);
  } else if (after !== before) {
    console.error(
      `${page}'s figures are not those of bench/results: node scripts/readme-results.mjs`,
    );
    process.exitCode = 1;
  }
}
