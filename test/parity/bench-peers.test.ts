/** Do the peers of bench/peers give our answers? Those whose packages no Python here has are skipped. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeSampleTiles } from '#src/dataset/sample/tiles.js';
import { decodeTiles } from '#src/imaging/decoder.js';
import { loadClassifier } from '#src/inference/classifier.js';
import { readNpyHeader, writeNpy } from '#src/storage/npy.js';
import { peerPython, runPeer, type PeerSpec } from '../fixtures/peer-process.js';
import { repositoryRoot } from '../fixtures/shared-data.js';
import { TINY_SIZE, tinyBundle } from '../fixtures/tiny-bundle.js';

interface Peer {
  name: string;
  script: string;
  workloads: string[];
  versionsOf: string[];
  check?: string;
}

const FOLDER = join(repositoryRoot, 'bench', 'peers');
const PEERS = JSON.parse(readFileSync(join(FOLDER, 'peers.json'), 'utf8')) as Peer[];
const CHECKED = 5;
/** Mean difference of a sample between two bilinear filters, one of which averages: 768 to 96 pixels. */
const SAME_PICTURE = 8;
const SAME_PROBABILITY = 1e-4;

let folder = '';
let spec: Omit<PeerSpec, 'workload' | 'variant'>;
let tiles: Uint8Array;
let probabilities: Float32Array;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lungcls-peers-'));
  const drawn = join(folder, 'drawn');
  await makeSampleTiles({ output: drawn, originalsPerClass: 1, variantsPerOriginal: 3 });
  const names = (await readdir(drawn, { recursive: true })).filter((name) => /\.jpe?g$/.test(name));
  const files = names.sort().map((name) => join(drawn, name));
  const parts: Uint8Array[] = [];
  const sources = files.map((file) => ({ path: file, file }));
  for await (const batch of decodeTiles(sources, { size: TINY_SIZE, batchSize: files.length })) {
    parts.push(batch.tiles.slice(0, batch.sources.length * TINY_SIZE ** 2 * 3));
    batch.release();
  }
  tiles = Buffer.concat(parts);
  const path = join(folder, 'tiles.npy');
  await writeNpy(path, { dtype: '|u1', shape: [files.length, TINY_SIZE, TINY_SIZE, 3] }, tiles);
  const model = await tinyBundle();
  const classifier = await loadClassifier(model, { device: 'cpu', batchSize: CHECKED });
  probabilities = (await classifier.classifyTiles(tiles, CHECKED)).slice();
  await classifier.close();
  spec = {
    ...{ files, tiles: path, model, onnx: join(model, 'model.onnx') },
    ...{ size: TINY_SIZE, batch: 4, checkTiles: CHECKED },
  };
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

for (const { name, script, workloads, versionsOf, check } of PEERS) {
  for (const workload of workloads) {
    const python = peerPython(['numpy', ...versionsOf]);
    const title = `${name}: ${workload}`;
    if (python === undefined) {
      test.skip(`${title} (no Python here has ${versionsOf.join(', ')})`, (t) => t.pass());
      continue;
    }
    test.serial(title, async (t) => {
      const own = {
        ...spec,
        workload,
        variant: name,
        ...(workload === 'training' && { batch: 64 }),
      };
      const { code, events, stderr } = await runPeer(python, join(FOLDER, script), own);
      t.is(code, 0, stderr);
      if (events[0]?.event === 'missing') {
        // Installed, but it cannot be loaded here: the bench has to be told by what, and nothing else.
        t.log(`skipped: ${String(events[0]['what'])} cannot be imported`);
        t.is(events.length, 1);
        t.regex(String(events[0]['what']), /^[\w.-]+/);
        return;
      }
      t.deepEqual(
        events.map(({ event }) => event),
        ['ready', 'round', 'round', 'end'],
      );
      const versions = Object.keys(events[0]?.['versions'] ?? {});
      t.true(
        versionsOf.every((module) => versions.includes(module)),
        versions.join(),
      );
      const answers = await numbers(String(events.at(-1)?.['answers']));
      if (workload === 'training') {
        t.true(answers.length > 0 && answers.every((loss) => loss > 0 && loss < 10));
      } else if (workload === 'decode') {
        const apart = mean(answers, tiles.subarray(0, answers.length));
        t.is(answers.length, CHECKED * TINY_SIZE ** 2 * 3);
        t.true(apart <= (check === 'exact' ? 0 : SAME_PICTURE), `differs by ${apart}`);
      } else {
        t.is(answers.length, probabilities.length);
        const apart = Math.max(...answers.map((p, i) => Math.abs(p - (probabilities[i] ?? NaN))));
        t.true(apart < SAME_PROBABILITY, `differs by ${apart}`);
      }
    });
  }
}

async function numbers(path: string): Promise<number[]> {
  const { dtype, dataOffset } = await readNpyHeader(path);
  const bytes = Uint8Array.from((await readFile(path)).subarray(dataOffset));
  return Array.from(dtype === '<f4' ? new Float32Array(bytes.buffer) : bytes);
}

function mean(a: readonly number[], b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? NaN)), 0) / a.length;
}
