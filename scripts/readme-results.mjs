// Fills README's table of figures from bench/results/pipeline.json, so that none is written by hand.
//   node scripts/readme-results.mjs          writes it
//   node scripts/readme-results.mjs --check  fails where README says something else
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const README = join(root, 'README.md');
const RESULTS = join(root, 'bench', 'results', 'pipeline.json');
const BLOCK = /(<!-- results:begin[^>]*-->\n)[\s\S]*?(\n<!-- results:end -->)/;

/** Seconds as a person says them. */
function duration(seconds) {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
}

function table({ machine, steps, notes, archive }) {
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

const before = await readFile(README, 'utf8');
if (!BLOCK.test(before)) throw new Error('README.md has no place for the results');
const results = JSON.parse(await readFile(RESULTS, 'utf8'));
const filled = before.replace(
  BLOCK,
  (_, begin, end) => `${begin}\n${table(results).trimEnd()}\n${end}`,
);
const after = await format(filled, { ...(await resolveConfig(README)), filepath: README });
if (!process.argv.includes('--check')) {
  await writeFile(README, after);
} else if (after !== before) {
  console.error(
    "README.md's figures are not those of bench/results: node scripts/readme-results.mjs",
  );
  process.exitCode = 1;
}
