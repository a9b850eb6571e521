/**
 * The pipeline on 1,000, 10,000, 100,000 tiles: time, memory, files and bytes on disk against their number.
 * Writes scale.json and scale.md; docs/scale.md's figures come from there (scripts/readme-results.mjs).
 *
 *   npm run bench:scale -- [--images archive.zip] [--model run/model] [--precision fp32] [--sizes 1000,10000]
 *     [--threads N] [--note TEXT] [-o bench/results]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runScale } from '#src/bench/scale.js';
import { describeMachine } from './machine.js';

const { values } = parseArgs({
  options: {
    images: { type: 'string' },
    model: { type: 'string' },
    precision: { type: 'string', default: 'fp32' },
    sizes: { type: 'string' },
    threads: { type: 'string' },
    note: { type: 'string', default: '' },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});
const precision = (['fp32', 'fp16', 'int8'] as const).find((name) => name === values.precision);
if (precision === undefined) throw new Error('Expected fp32, fp16 or int8 for --precision');

const machine = describeMachine();
const { lines } = await runScale({
  output: values.output,
  force: true,
  precision,
  ...(values.images !== undefined && { images: values.images }),
  ...(values.model !== undefined && { model: values.model }),
  ...(values.sizes !== undefined && { sizes: values.sizes.split(',').map(Number) }),
  ...(values.threads !== undefined && { threads: Number(values.threads) }),
  onProgress: ({ stage, total }) => {
    console.error(`${stage}: ${String(total)} tiles`);
  },
});

// Where it was measured, and what a reader must know.
const json = join(values.output, 'scale.json');
const results = JSON.parse(await readFile(json, 'utf8')) as object;
await writeFile(
  json,
  `${JSON.stringify({ ...results, machine, note: values.note }, undefined, 2)}\n`,
);
const where =
  `${machine.cores} cores of ${machine.cpu} (${machine.extensions.join(', ')}), Node ${machine.node}; ` +
  `commit ${machine.commit}. Made by \`npm run bench:scale\`.`;
const notes = values.note === '' ? [] : [values.note, ''];
await writeFile(
  join(values.output, 'scale.md'),
  ['# Time, memory and files by the number of tiles', '', where, '', ...notes, ...lines, ''].join(
    '\n',
  ),
);
console.log(lines.join('\n'));
