/** The program of one trial of `bench`: node bench-trial.js SPEC.json; docs/bench.md has what it says. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseSpec } from '../bench/protocol.js';
import { serveTrial } from '../bench/serve.js';
import { loadWorkload } from '../bench/workloads/index.js';

process.noDeprecation = true;
// Libraries greet on stdout, which belongs to the protocol.
for (const name of ['log', 'info', 'debug', 'warn'] as const) console[name] = console.error;

const spec = parseSpec(await readFile(process.argv[2] ?? '', 'utf8'));
const workload = await loadWorkload(spec.workload);
await serveTrial(workload, spec, createInterface(process.stdin), (event) => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
});
await new Promise<void>((resolve) => {
  process.stdout.write('', () => {
    resolve();
  });
});
// libtensorflow's threads would keep it alive.
process.exit(0);
