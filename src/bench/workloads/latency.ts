/** One image at a time, as a server gets them: from its JPEG file to its probabilities. */
import { resolveDecodeOptions } from '../../imaging/decode-options.js';
import { SlotDecoder } from '../../imaging/slot-decoder.js';
import { engineVariants, openEngine } from '../engines.js';
import { sourcesOf } from '../inputs.js';
import type { TrialSpec } from '../protocol.js';
import type { Trial, Workload } from '../workload.js';
import { groupName } from './session.js';

export const latency: Workload = {
  name: 'latency',
  suite: 'latency',
  what: 'One JPEG file at a time: read, decoded, classified, before the next is asked for.',
  needsModel: true,
  peerCheck: { kind: 'within', maxDifference: 1e-3 },
  plan: (found) => [
    {
      group: groupName(1, found.threads),
      batch: 1,
      threads: found.threads,
      variants: engineVariants(found, { stage: 'network', fastOnly: found.quick }).map(
        (variant) => ({
          ...variant,
          floors: [
            ...(variant.floors ?? []),
            { stage: 'read and decode', floor: 'entropyTilesPerSecond', perTile: 1 },
          ],
        }),
      ),
    },
  ],
  open,
};

async function open(spec: TrialSpec): Promise<Trial> {
  const { size, threads, checkTiles } = spec;
  const sources = await sourcesOf(spec);
  const { classifier, versions } = await openEngine({ ...spec, batch: 1 });
  const { resize } = classifier.preprocessing;
  const decoder = new SlotDecoder(
    resolveDecodeOptions({ size, threads, resize, batchSize: 1, slots: 2 }),
  );
  let next = 0;
  const one = async (
    at: number,
  ): Promise<{ decode: number; network: number; row: Float32Array }> => {
    const source = sources[at % sources.length];
    const begin = performance.now();
    const batch = await decoder.decode(source === undefined ? [] : [source]);
    const decoded = performance.now();
    const row = await classifier.classifyTiles(batch.tiles, 1);
    const end = performance.now();
    batch.release();
    return { decode: decoded - begin, network: end - decoded, row };
  };
  await one(0);
  await one(1);
  return {
    versions,
    device: classifier.description,
    async work(seconds) {
      const start = performance.now();
      const deadline = start + 1000 * seconds;
      const latenciesMs: number[] = [];
      const stages = { 'read and decode': 0, network: 0 };
      do {
        const { decode, network } = await one(next++);
        latenciesMs.push(decode + network);
        stages['read and decode'] += decode / 1000;
        stages.network += network / 1000;
      } while (performance.now() < deadline);
      return {
        tiles: latenciesMs.length,
        seconds: (performance.now() - start) / 1000,
        latenciesMs,
        stages,
      };
    },
    async answers() {
      const width = classifier.classes.length;
      const values = new Float32Array(checkTiles * width);
      for (let i = 0; i < checkTiles; i++) values.set((await one(i)).row, i * width);
      return { shape: [checkTiles, width], values };
    },
    close: () => classifier.close(),
  };
}
