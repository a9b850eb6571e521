/**
 * How far each way to resize is from a Lanczos filter, in decibels (PSNR; more is nearer): a JPEG of
 * 768 x 768 at 256 x 256, as it is and with noise, which is detail that aliases. Writes resize.json and
 * resize.md.
 *
 *   npm run bench:resize -- [--image lungaca1-768.jpeg] [-o bench/results]
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { decodeTiles, type ResizeMode } from '#src/index.js';

const SIZE = 256;
const MODES: readonly ResizeMode[] = ['cv2', 'area', 'fast'];
/** Standard deviation of the noise, in gray levels. */
const NOISE = [0, 20];

const { values } = parseArgs({
  options: {
    image: { type: 'string', default: join('..', 'shared', 'data', 'lungaca1-768.jpeg') },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});

/** Numbers of a normal distribution, the same ones every time: sums of 12 uniform ones, less 6. */
function* normal(): Generator<number, never> {
  let state = 1;
  for (;;) {
    let sum = -6;
    for (let i = 0; i < 12; i++) {
      // Numerical Recipes' linear congruential generator.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
    }
    yield sum;
  }
}

/** The image as a JPEG of quality 75, 4:2:0, with noise where asked for. */
async function jpeg(image: string, noise: number): Promise<Buffer> {
  const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true });
  const numbers = normal();
  if (noise > 0) {
    for (const [i, value] of data.entries()) {
      data[i] = Math.min(255, Math.max(0, Math.round(value + noise * numbers.next().value)));
    }
  }
  const { width, height, channels } = info;
  return await sharp(data, { raw: { width, height, channels } })
    .jpeg({ quality: 75, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

async function tile(file: string, resize: ResizeMode): Promise<Uint8Array> {
  for await (const batch of decodeTiles([{ path: file, file }], {
    size: SIZE,
    batchSize: 1,
    resize,
  })) {
    const [status] = batch.statuses;
    if (status?.status !== 'ok') throw new Error(`${file}: ${status?.message ?? ''}`);
    const pixels = batch.tiles.slice();
    batch.release();
    return pixels;
  }
  throw new Error('No tile came');
}

function decibels(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0);
  return Number((10 * Math.log10(255 ** 2 / (squares / a.length))).toFixed(1));
}

await mkdir(values.output, { recursive: true });
const folder = await mkdtemp(join(tmpdir(), 'lungcls-resize-'));
try {
  const results = [];
  for (const noise of NOISE) {
    const bytes = await jpeg(values.image, noise);
    const file = join(folder, `${String(noise)}.jpeg`);
    await writeFile(file, bytes);
    // fastShrinkOnLoad would scale the JPEG before the filter sees it.
    const filtered = await sharp(bytes)
      .resize(SIZE, SIZE, { fit: 'fill', kernel: 'lanczos3', fastShrinkOnLoad: false })
      .raw()
      .toBuffer();
    const distances: Partial<Record<ResizeMode, number>> = {};
    for (const mode of MODES) distances[mode] = decibels(await tile(file, mode), filtered);
    results.push({ noise, decibels: distances });
  }
  const rows = results.map(
    ({ noise, decibels: found }) =>
      `| ${noise === 0 ? 'as it is' : `with noise of ${String(noise)} gray levels`} | ${MODES.map((mode) => String(found[mode])).join(' | ')} |`,
  );
  const table = [
    '# How far from a Lanczos filter',
    '',
    `${basename(values.image)}, saved at quality 75, 4:2:0, at ${String(SIZE)} x ${String(SIZE)}: PSNR in decibels, more is nearer. Made by \`npm run bench:resize\`.`,
    '',
    `| image | ${MODES.join(' | ')} |`,
    `| --- | ${MODES.map(() => '---').join(' | ')} |`,
    ...rows,
    '',
  ].join('\n');
  const json = { image: basename(values.image), size: SIZE, results };
  await writeFile(join(values.output, 'resize.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeFile(join(values.output, 'resize.md'), table);
  process.stdout.write(table);
} finally {
  await rm(folder, { recursive: true, force: true });
}
