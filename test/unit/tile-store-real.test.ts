/** The reference archive, where it is: every image decodes, in bounded memory. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { samples } from '#src/dataset/samples.js';
import { TileStore } from '#src/imaging/tile-store.js';
import { temporaryFolder } from '../fixtures/dataset/folders.js';
import { sharedData } from '../fixtures/shared-data.js';

const CHILD = fileURLToPath(new URL('../fixtures/dataset/preprocess-child.js', import.meta.url));
const archive = sharedData('lc25000-lung-224.zip');

(archive === undefined ? test.skip : test)('15,000 tiles, no error, under 1.5 GB', async (t) => {
  const root = await temporaryFolder(t);
  const output = join(root, 'store');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CHILD, JSON.stringify({ input: archive, output })],
    { maxBuffer: 1 << 24 },
  );
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as {
    result: { rows: number; errors: number; perClass: object; seconds: number };
    peakBytes: number;
  };
  t.log(`${last.result.seconds.toFixed(1)} s, peak ${(last.peakBytes / 2 ** 20).toFixed(0)} MiB`);
  t.is(last.result.rows, 15_000);
  t.is(last.result.errors, 0);
  t.deepEqual(last.result.perClass, { lung_n: 5000, lung_aca: 5000, lung_scc: 5000 });
  t.true(last.peakBytes < 1.5e9);
  const store = await TileStore.open(output);
  t.deepEqual(store.classes, ['lung_n', 'lung_aca', 'lung_scc']);
  for (const [row, name] of [
    [0, 'lung_n/lungn1.jpeg'],
    [9, 'lung_n/lungn10.jpeg'],
    [5000, 'lung_aca/lungaca1.jpeg'],
    [14_999, 'lung_scc/lungscc5000.jpeg'],
  ] as const) {
    t.true(store.paths[row]?.endsWith(`/lung_image_sets/${name}`));
  }
  store.close();
  const picture = await samples({ store: output, output: join(root, 'samples.png') });
  t.is(picture.tiles.length, 9);
});
