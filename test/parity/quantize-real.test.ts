/** The 8-bit network on real tiles, where they and the base are there: its features against float32's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openDataset } from '#src/dataset/dataset.js';
import { DEFAULT_BASE } from '#src/config.js';
import { decodeTiles } from '#src/imaging/decoder.js';
import { calibrateModel } from '#src/bundle/int8.js';
import { loadBase } from '#src/network/bases.js';
import { baseModel } from '#src/onnx/export.js';
import { modelBytes, type OnnxModel } from '#src/onnx/model.js';
import { createOnnxSession } from '#src/runtime/onnx-session.js';
import { sharedData } from '../fixtures/shared-data.js';

const SIZE = 256;
const CALIBRATION = 24;
const HELD_OUT = 9;
const TILE = SIZE * SIZE * 3;

const archive = sharedData('lc25000-lung-224.zip');
const base = await loadBase(DEFAULT_BASE).catch(() => undefined);
const run = archive !== undefined && base !== undefined ? test : test.skip;

run('rounded to 8 bits, the features of real tiles stay near those of float32', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-int8-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { items } = await openDataset(archive ?? '');
  const count = CALIBRATION + HELD_OUT;
  // From all over the archive, and so of every class; the held-out ones lie between the others.
  const sources = Array.from({ length: count }, (_, i) => {
    return items.at(Math.floor(((i * 7) % count) * (items.length / count))).source;
  });
  const tiles = new Uint8Array(count * TILE);
  let filled = 0;
  for await (const batch of decodeTiles(sources, { size: SIZE, batchSize: 11 })) {
    tiles.set(batch.tiles.subarray(0, batch.sources.length * TILE), filled);
    filled += batch.sources.length * TILE;
    batch.release();
  }
  t.is(filled, tiles.length);

  const model = baseModel(base ?? { weights: new Map() }, { pixels: 'inception', size: SIZE });
  const calibration = tiles.subarray(0, CALIBRATION * TILE);
  const check = { tiles: calibration, count: CALIBRATION, size: SIZE, classes: 3 };
  const quantized = await calibrateModel(model, check, {});
  const features = async (own: OnnxModel): Promise<Float32Array> => {
    const session = await createOnnxSession({ model: modelBytes(own), device: 'cpu' });
    const held = tiles.subarray(CALIBRATION * TILE);
    const outputs = await session.run(held, [HELD_OUT, SIZE, SIZE, 3]);
    await session.close();
    return outputs.get(own.output.name)?.data ?? new Float32Array();
  };
  const [reference, found] = [await features(model), await features(quantized)];
  let error = 0;
  let size = 0;
  for (const [i, value] of reference.entries()) {
    error += (value - (found[i] ?? NaN)) ** 2;
    size += value ** 2;
  }
  const relative = Math.sqrt(error / size);
  t.log(`relative error ${relative.toFixed(4)}`);
  // 0.057; on other tiles 0.13 with weights of 7 bits and neither correction.
  t.true(relative > 0.01 && relative < 0.085);
});
