/** The statistics behind in_domain, beside scikit-learn's and NumPy's (test/fixtures/domain/make_domain.py). */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { COLOUR_COUNT, tileColours } from '#src/domain/colour.js';
import { Domain, type DomainModel } from '#src/domain/domain.js';
import { symmetricEigen } from '#src/domain/eigen.js';
import { decodeDomain, encodeDomain } from '#src/domain/file.js';
import { chooseLimits, fitDomain, type DomainTiles } from '#src/domain/fit.js';
import { Distances, fitGaussian } from '#src/domain/gaussian.js';
import { LungclsError } from '#src/errors.js';
import { decodeSafetensors, encodeSafetensors } from '#src/storage/safetensors.js';
import { RandomStream } from '#src/training/random.js';

interface Fixture {
  gaussians: {
    width: number;
    components: number;
    train: number[];
    judged: number[];
    variances: number[];
    distances: number[];
  }[];
  tiles: { size: number; tile: number[]; statistics: number[]; spread: number }[];
}

// Beside the sources, not in build/.
const url = new URL('../../../test/fixtures/domain/domain.json', import.meta.url);
const fixture = JSON.parse(await readFile(url, 'utf8')) as Fixture;

function near(
  t: import('ava').ExecutionContext,
  found: number,
  wanted: number,
  what: string,
): void {
  t.true(
    Math.abs(found - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted)),
    `${what}: ${found}, not ${wanted}`,
  );
}

for (const { width, components, train, judged, variances, distances } of fixture.gaussians) {
  const n = train.length / width;
  test(`${n} rows of ${width}, ${components} components: scikit-learn's PCA and distances`, (t) => {
    const gaussian = fitGaussian(Float32Array.from(train), width, components);
    t.is(gaussian.axes.length, components * width);
    variances.forEach((variance, k) => {
      const axis = gaussian.axes.subarray(k * width, (k + 1) * width);
      near(t, 1 / axis.reduce((sum, x) => sum + x * x, 0), variance, `variance ${k}`);
    });
    const of = new Distances(gaussian);
    const rows = Float32Array.from(judged);
    distances.forEach((distance, i) => {
      near(t, of.of(rows, i), distance, `distance ${i}`);
    });
  });
}

for (const [i, { size, tile, statistics, spread }] of fixture.tiles.entries()) {
  test(`the colours of tile ${i} are NumPy's`, (t) => {
    // Behind another tile: the index counts.
    const tiles = Uint8Array.from([...tile.map((value) => 255 - value), ...tile]);
    const found = tileColours(tiles, size, 1);
    t.is(statistics.length, COLOUR_COUNT);
    statistics.forEach((value, k) => {
      near(t, found.statistics[k] ?? NaN, value, String(k));
    });
    near(t, found.spread, spread, 'spread');
  });
}

test('a tile of one colour has numbers too', (t) => {
  const { statistics, spread } = tileColours(new Uint8Array(12).fill(255), 2, 0);
  t.deepEqual([...statistics], [255, 255, 255, 0, 0, 0, 0, 0, 0]);
  t.is(spread, 0);
});

test('eigenvectors: of length 1, upright on each other, and the matrix again', (t) => {
  const random = new RandomStream([1]);
  for (const n of [1, 2, 3, 17, 60]) {
    const half = Float64Array.from({ length: n * n }, () => random.uniform() - 0.5);
    const matrix = half.map((_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return (half[i * n + j] ?? 0) + (half[j * n + i] ?? 0);
    });
    const { values, vectors } = symmetricEigen(matrix, n);
    for (let i = 0; i < n; i++) {
      t.true((values[i] ?? 0) <= (values[i - 1] ?? Infinity));
      for (let j = 0; j < n; j++) {
        let [dot, again] = [0, 0];
        for (let k = 0; k < n; k++) {
          dot += (vectors[i * n + k] ?? 0) * (vectors[j * n + k] ?? 0);
          again += (values[k] ?? 0) * (vectors[k * n + i] ?? 0) * (vectors[k * n + j] ?? 0);
        }
        t.true(Math.abs(dot - (i === j ? 1 : 0)) < 1e-12);
        t.true(Math.abs(again - (matrix[i * n + j] ?? 0)) < 1e-12);
      }
    }
  }
});

test('eigenvalues that are equal, and a matrix of zeros', (t) => {
  const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 3 : 0));
  t.deepEqual([...symmetricEigen(identity, 4).values], [3, 3, 3, 3]);
  t.deepEqual([...symmetricEigen(new Float64Array(9), 3).values], [0, 0, 0]);
});

test('limits: equally many beyond each, together not more than asked for', (t) => {
  const a = [9, 1, 2, 3, 4, 5, 6, 7, 8, 0];
  const b = [0, 9, 1, 2, 3, 4, 5, 6, 7, 8];
  t.deepEqual(chooseLimits(a, b, 0), { first: 9, second: 9, rejected: 0 });
  t.deepEqual(chooseLimits(a, b, 1), { first: 9, second: 9, rejected: 0 }, 'one of each is two');
  t.deepEqual(chooseLimits(a, b, 2), { first: 8, second: 8, rejected: 2 });
  t.deepEqual(chooseLimits(a, a, 2), { first: 7, second: 7, rejected: 2 }, 'the same tiles');
  const zero = chooseLimits([0], [0], 0);
  t.true(zero.first > 0 && zero.second > 0, 'something to divide by');
});

/** Noise around a colour; pooled features that vary in 12 of 20 directions. */
function tiles(count: number, seed: number, level = 150): DomainTiles & { pixels: Uint8Array } {
  const random = new RandomStream([seed]);
  const size = 16;
  const pixels = Uint8Array.from({ length: count * size * size * 3 }, (_, i) => {
    const channel = [0, -40, 20][i % 3] ?? 0;
    return level + channel + 60 * (random.uniform() - 0.5);
  });
  const pooled = Float32Array.from({ length: count * 20 }, (_, i) =>
    i % 20 < 12 ? random.uniform() : 0.25,
  );
  const colours = Array.from({ length: count }, (_, i) => tileColours(pixels, size, i));
  return { pooled, colours, pixels };
}

const fitted = fitDomain(tiles(400, 1), tiles(200, 2), 'fp32') as DomainModel;

test('of the validation tiles at most 1 % are outside, as it says', (t) => {
  const domain = new Domain(fitted);
  const { pooled, colours } = tiles(200, 2);
  const judged = colours.map((colour, i) => domain.judge(pooled, i, colour));
  const outside = judged.filter(({ inDomain }) => !inDomain);
  t.is(outside.length, fitted.rejected);
  t.true(outside.length >= 1 && outside.length <= 2);
  for (const { inDomain, score, reason } of judged) {
    t.is(inDomain, score <= 1);
    t.is(reason === undefined, inDomain);
    t.is(Math.fround(score), score);
  }
  t.is(Math.max(...judged.filter(({ inDomain }) => inDomain).map(({ score }) => score)), 1);
});

test('what is unlike is named: blank, colour, content', (t) => {
  const domain = new Domain(fitted);
  const { pooled, colours } = tiles(1, 3);
  const [inside] = colours;
  if (inside === undefined) return t.fail();
  t.true(domain.judge(pooled, 0, inside).inDomain);
  for (const level of [0, 128, 255]) {
    const blank = tileColours(new Uint8Array(768).fill(level), 16, 0);
    const { score, reason } = domain.judge(pooled, 0, blank);
    t.is(reason, 'blank', String(level));
    t.true(score > 1 && Number.isFinite(score));
  }
  const [dark] = tiles(1, 3, 90).colours;
  t.is(domain.judge(pooled, 0, dark ?? inside).reason, 'colour');
  t.is(
    domain.judge(
      pooled.map((x) => x + 1),
      0,
      inside,
    ).reason,
    'content',
  );
  // Along a direction in which no training tile varied.
  const beside = pooled.map((x, i) => (i === 15 ? x + 1 : x));
  t.is(domain.judge(beside, 0, inside).reason, 'content');
});

test('too few tiles are told in words', (t) => {
  t.regex(
    fitDomain(tiles(49, 1), tiles(5, 2), 'fp32') as string,
    /^49 training tiles and 5 validation/,
  );
  t.is(typeof fitDomain(tiles(50, 1), tiles(0, 2), 'fp32'), 'string');
  const few = fitDomain(tiles(50, 1), tiles(1, 2), 'int8');
  t.is(
    typeof few === 'string' ? few : few.content.axes.length,
    6 * 20,
    'as many directions as they carry',
  );
});

test('its bytes are safetensors, the same each time, and read back', async (t) => {
  const bytes = encodeDomain(fitted);
  t.deepEqual(encodeDomain(fitted), bytes);
  t.deepEqual(await decodeDomain(bytes, 'x'), fitted);
  const { tensors } = await decodeSafetensors(bytes, 'x');
  t.deepEqual([...tensors.keys()], ['content.mean', 'content.axes', 'colour.mean', 'colour.axes']);
});

test('bytes that are no domain are refused, whatever is wrong', async (t) => {
  const bytes = encodeDomain(fitted);
  const { tensors, metadata } = await decodeSafetensors(bytes, 'x');
  const facts = JSON.parse(metadata['lungcls.domain'] ?? '') as Record<string, unknown>;
  const changed = (change: Record<string, unknown>): Uint8Array =>
    Buffer.concat(
      encodeSafetensors(tensors, { 'lungcls.domain': JSON.stringify({ ...facts, ...change }) }),
    );
  const wide = new Map(tensors).set('content.mean', { shape: [3], data: new Float32Array(3) });
  const infinite = new Map(tensors).set('colour.mean', {
    shape: [COLOUR_COUNT],
    data: new Float32Array(COLOUR_COUNT).fill(Infinity),
  });
  const wrong: Uint8Array[] = [
    new Uint8Array(),
    bytes.subarray(0, bytes.length - 1),
    changed({ version: 2 }),
    changed({ contentLimit: 0 }),
    changed({ colourLimit: 'far' }),
    changed({ residual: undefined }),
    changed({ precision: 'fp64' }),
    Buffer.concat(encodeSafetensors(tensors, {})),
    Buffer.concat(encodeSafetensors(wide, metadata)),
    Buffer.concat(encodeSafetensors(infinite, metadata)),
  ];
  for (const [i, some] of wrong.entries()) {
    const error = await t.throwsAsync(
      decodeDomain(some, 'x'),
      { instanceOf: LungclsError },
      String(i),
    );
    t.is(error.code, 'MODEL_INVALID', String(i));
  }
});
