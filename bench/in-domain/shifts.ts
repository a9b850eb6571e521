/** Tiles changed in ways that a model was not trained on, and tiles that are none. All RGB, uint8, (S, S, 3). */
import sharp from 'sharp';
import type { RandomStream } from '#src/training/random.js';

export type Rgb = [number, number, number];
export type PixelShift = (rgb: Rgb) => Rgb;

/** What a shift does to every pixel. */
export function shiftPixels(tile: Uint8Array, shift: PixelShift): Uint8Array {
  const result = new Uint8Array(tile.length);
  for (let at = 0; at < tile.length; at += 3) {
    const changed = shift([tile[at] ?? 0, tile[at + 1] ?? 0, tile[at + 2] ?? 0]);
    changed.forEach((value, c) => {
      result[at + c] = Math.max(0, Math.min(255, Math.round(value)));
    });
  }
  return result;
}

/** Turns the hue of HSV by degrees. */
export function hue(degrees: number): PixelShift {
  return ([r, g, b]) => {
    const most = Math.max(r, g, b);
    const chroma = most - Math.min(r, g, b);
    if (chroma === 0) return [r, g, b];
    const sixth =
      most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const turned = sixth + degrees / 60;
    const channel = (n: number): number => {
      const k = (((n + turned) % 6) + 6) % 6;
      return most - chroma * Math.max(0, Math.min(k, 4 - k, 1));
    };
    return [channel(5), channel(3), channel(1)];
  };
}

/** Optical densities of haematoxylin and eosin (Ruifrok and Johnston, 2001), and of diaminobenzidine (DAB). */
const HAEMATOXYLIN: Rgb = [0.65, 0.7, 0.29];
const EOSIN: Rgb = [0.07, 0.99, 0.11];
const DAB: Rgb = [0.27, 0.57, 0.78];

/** Separates a pixel into haematoxylin, eosin and a rest, scales the two, and may stain what was eosin otherwise. */
export function stain(haematoxylin: number, eosin: number, second: Rgb = EOSIN): PixelShift {
  const rest = cross(HAEMATOXYLIN, EOSIN);
  const inverse = invert([HAEMATOXYLIN, EOSIN, rest]);
  return (rgb) => {
    const density = rgb.map((value) => -Math.log((value + 1) / 256)) as Rgb;
    const [h = 0, e = 0, r = 0] = [0, 1, 2].map((k) =>
      density.reduce((sum, d, c) => sum + d * (inverse[c]?.[k] ?? 0), 0),
    );
    return [0, 1, 2].map((c) => {
      const mixed =
        h * haematoxylin * (HAEMATOXYLIN[c] ?? 0) +
        e * eosin * (second[c] ?? 0) +
        r * (rest[c] ?? 0);
      return 256 * Math.exp(-mixed) - 1;
    }) as Rgb;
  };
}

function cross([a, b, c]: Rgb, [x, y, z]: Rgb): Rgb {
  return [b * z - c * y, c * x - a * z, a * y - b * x];
}

/** Of a matrix of rows, by its adjugate. */
function invert([a, b, c]: [Rgb, Rgb, Rgb]): Rgb[] {
  const columns = [cross(b, c), cross(c, a), cross(a, b)];
  const determinant = a.reduce((sum, x, i) => sum + x * (columns[0]?.[i] ?? 0), 0);
  return [0, 1, 2].map((i) => columns.map((column) => (column[i] ?? 0) / determinant) as Rgb);
}

/** By name; the first ones change nothing that matters, and should stay inside. */
export const SHIFTS: readonly { name: string; kind: string; shift: PixelShift }[] = [
  ...[10, 20, 30, 60, 180].map((degrees) => ({
    ...{ name: `hue turned by ${String(degrees)} degrees`, kind: 'colour', shift: hue(degrees) },
  })),
  { name: 'red and blue swapped', kind: 'colour', shift: ([r, g, b]) => [b, g, r] },
  { name: 'red and green swapped', kind: 'colour', shift: ([r, g, b]) => [g, r, b] },
  { name: 'green and blue swapped', kind: 'colour', shift: ([r, g, b]) => [r, b, g] },
  {
    name: 'grey',
    kind: 'colour',
    shift: ([r, g, b]) => {
      const level = 0.299 * r + 0.587 * g + 0.114 * b;
      return [level, level, level];
    },
  },
  { name: 'negative', kind: 'colour', shift: ([r, g, b]) => [255 - r, 255 - g, 255 - b] },
  ...[0.8, 0.9, 1.1, 1.2].map((factor) => ({
    name: `brightness times ${String(factor)}`,
    kind: 'colour',
    shift: (rgb: Rgb) => rgb.map((value) => factor * value) as Rgb,
  })),
  { name: 'half the haematoxylin', kind: 'stain', shift: stain(0.5, 1) },
  { name: 'twice the haematoxylin', kind: 'stain', shift: stain(2, 1) },
  { name: 'half the eosin', kind: 'stain', shift: stain(1, 0.5) },
  { name: 'twice the eosin', kind: 'stain', shift: stain(1, 2) },
  { name: 'DAB in the place of eosin', kind: 'stain', shift: stain(1, 1, DAB) },
];

/** One colour, with normal noise of a deviation in levels. */
export function plain(size: number, color: Rgb, noise: number, random: RandomStream): Uint8Array {
  const levels = Uint8ClampedArray.from(
    { length: size * size * 3 },
    (_, i) => (color[i % 3] ?? 0) + noise * normal(random),
  );
  return new Uint8Array(levels.buffer);
}

/** Every level as likely. */
export function uniformNoise(size: number, random: RandomStream): Uint8Array {
  return Uint8Array.from({ length: size * size * 3 }, () => 256 * random.uniform());
}

/** The same smoothed, and stretched to all levels again. */
export async function smoothNoise(
  size: number,
  sigma: number,
  random: RandomStream,
): Promise<Uint8Array> {
  const raw = { width: size, height: size, channels: 3 } as const;
  const image = sharp(uniformNoise(size, random), { raw });
  return await image.blur(sigma).normalise().raw().toBuffer();
}

/** Blurred, saved as a poor JPEG, cut into squares that change places: what is on it is another thing. */
export async function blurred(tile: Uint8Array, size: number, sigma: number): Promise<Uint8Array> {
  const raw = { width: size, height: size, channels: 3 } as const;
  return await sharp(tile, { raw }).blur(sigma).raw().toBuffer();
}

export async function recompressed(
  tile: Uint8Array,
  size: number,
  quality: number,
): Promise<Uint8Array> {
  const raw = { width: size, height: size, channels: 3 } as const;
  const jpeg = await sharp(tile, { raw }).jpeg({ quality }).toBuffer();
  return await sharp(jpeg).raw().toBuffer();
}

export function shuffled(
  tile: Uint8Array,
  size: number,
  side: number,
  random: RandomStream,
): Uint8Array {
  const across = Math.floor(size / side);
  const order = Array.from({ length: across * across }, (_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  const result = tile.slice();
  order.forEach((from, to) => {
    for (let y = 0; y < side; y++) {
      const at = (of: number): number =>
        3 * ((Math.floor(of / across) * side + y) * size + (of % across) * side);
      result.set(tile.subarray(at(from), at(from) + 3 * side), at(to));
    }
  });
  return result;
}

/** Standard normal, by Box and Muller. */
function normal(random: RandomStream): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return radius * Math.cos(2 * Math.PI * random.uniform());
}
