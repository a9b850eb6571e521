/**
 * Fuzzes the parsers written in TypeScript: seeded changes of small valid files. Each must give a value
 * or an error with a code; never another exception, more than five seconds, or memory without bound.
 *
 *   npm run fuzz:parsers -- [TARGET...] [--seconds 60] [--seed N] [--record]
 *     --from I --count 1   one file again, by the number that a finding names; --save FILE keeps it
 *     --record             adds it to bench/results/fuzz.json and fuzz.md
 *
 * Prints a line of JSON a target; ends with 1 after a finding.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { TARGETS } from './targets.js';
import type { Finding, Report, WorkerData } from './worker.js';

/** Longest that a parser may take over a small file. */
const MOST_SECONDS = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: 'Infinity' },
    save: { type: 'string', default: '' },
    record: { type: 'boolean', default: false },
  },
});

const targets = positionals.length === 0 ? Object.keys(TARGETS) : positionals;
for (const target of targets) {
  if (!Object.hasOwn(TARGETS, target)) {
    throw new Error(`Expected one of ${Object.keys(TARGETS).join(', ')} but received ${target}`);
  }
}
for (const target of targets) {
  const start = performance.now();
  const report = await fuzz(target);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ target, seconds, ...report }));
  if (report.findings.length > 0) process.exitCode = 1;
  if (values.record) record(target, seconds, report);
}

async function fuzz(target: string): Promise<Report> {
  const progress = new SharedArrayBuffer(16);
  const data: WorkerData = {
    target,
    progress,
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    from: Number(values.from),
    count: Number(values.count),
    save: values.save,
  };
  const worker = new Worker(new URL('worker.js', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  const most = TARGETS[target]?.mostSeconds ?? MOST_SECONDS;
  const [iteration, begun] = [0, 1].map((i) => () => new Float64Array(progress)[i] ?? 0);
  const endedBy = (what: string): Report => {
    const finding: Finding = { iteration: iteration?.() ?? 0, what };
    return { executions: finding.iteration - data.from, findings: [finding] };
  };
  return await new Promise<Report>((resolve) => {
    const timer = setInterval(() => {
      const since = begun?.() ?? 0;
      if (since === 0 || Date.now() - since < most * 1000) return;
      resolve(endedBy(`took more than ${most} s`));
    }, 250);
    worker.once('message', (report: Report) => {
      resolve(report);
    });
    worker.once('error', (error) => {
      resolve(endedBy(`ended the thread: ${String(error)}`));
    });
    worker.once('exit', () => {
      clearInterval(timer);
      resolve(endedBy('ended the thread'));
    });
  }).finally(() => worker.terminate());
}

function record(target: string, seconds: number, { executions, findings }: Report): void {
  const run = {
    target: `parser ${target}`,
    what: 'seeded changes of valid files: a value or an error with a code',
    ...{ seconds, executions, findings: findings.length },
    tool: `bench/fuzz (Node ${process.versions.node.split('.')[0] ?? ''})`,
  };
  execFileSync(process.execPath, ['scripts/fuzz-results.mjs', JSON.stringify(run)]);
}
