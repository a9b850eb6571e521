/** The network alone: tiles that lie in memory, in every engine and precision, by batch size and threads. */
import { openEngine, engineVariants } from '../engines.js';
import { TileBatches } from '../inputs.js';
import type { TrialSpec } from '../protocol.js';
import type { Found, GroupPlan, Trial, Workload } from '../workload.js';

/** A warm-up that takes longer than this, in seconds, is one batch long. */
const SLOW = 1;

function plan(found: Found): GroupPlan[] {
  const { batchSizes, threadCounts, threads, quick } = found;
  const smallest = Math.min(...batchSizes);
  const sweeps = [
    ...batchSizes.map((batch) => ({ batch, threads })),
    ...threadCounts
      .filter((count) => count !== threads && !quick)
      .map((count) => ({ batch: Math.max(...batchSizes), threads: count })),
  ];
  return sweeps.map(({ batch, threads: own }) => ({
    group: groupName(batch, own),
    batch,
    threads: own,
    variants: engineVariants(found, { fastOnly: quick && batch > smallest }).map((variant) =>
      own === threads ? variant : { ...variant, floors: [] },
    ),
  }));
}

export function groupName(batch: number, threads: number): string {
  return `batch ${batch}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

export const session: Workload = {
  name: 'session',
  suite: 'session',
  what: 'The network alone, on tiles that lie in memory.',
  needsModel: true,
  peerCheck: { kind: 'within', maxDifference: 1e-3 },
  plan,
  open: openSession,
};

/** A trial of the network alone. */
export async function openSession(spec: TrialSpec): Promise<Trial> {
  const { batch, checkTiles } = spec;
  const tiles = await TileBatches.read(spec);
  const { classifier, versions } = await openEngine(spec);
  const run = async (): Promise<number> => {
    const begin = performance.now();
    await classifier.classifyTiles(tiles.next(), batch);
    return performance.now() - begin;
  };
  if ((await run()) < 1000 * SLOW) await run();
  return {
    versions,
    device: classifier.description,
    async work(seconds) {
      const start = performance.now();
      const deadline = start + 1000 * seconds;
      const latenciesMs: number[] = [];
      // As many at a time as there are sessions: none waits for another, and a latency is that of its own run.
      const worker = async (): Promise<void> => {
        do latenciesMs.push(await run());
        while (performance.now() < deadline);
      };
      await Promise.all(Array.from({ length: classifier.parallelRuns }, worker));
      const spent = (performance.now() - start) / 1000;
      return { tiles: latenciesMs.length * batch, seconds: spent, latenciesMs };
    },
    async answers() {
      const values = await classifier.classifyTiles(tiles.first(), checkTiles);
      return { shape: [checkTiles, classifier.classes.length], values };
    },
    close: () => classifier.close(),
  };
}
