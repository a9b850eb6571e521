/** A tile, and the same tile under its heat map, as small pictures. */
import sharp, { type Sharp } from 'sharp';

/** Side of the pictures in pixels. */
const SIDE = 160;
const QUALITY = 80;
/** Cold and hot: two colours that also colour-blind readers tell apart, and that H&E does not have. */
const COLD = [33, 102, 172] as const;
const HOT = [255, 221, 51] as const;
/** How much of the colour is laid over the tile, from cold to hot. */
const OPACITY = [0.2, 0.65] as const;

/** @param tile (size, size, 3) uint8 RGB. @returns a JPEG file */
export function tilePicture(tile: Uint8Array, size: number): Promise<Buffer> {
  return shrink(sharp(tile, { raw: { width: size, height: size, channels: 3 } }));
}

/**
 * @param tile (size, size, 3) uint8 RGB
 * @param map (side, side), 0 to 1, row by row: stretched over the tile, smoothly
 * @returns a JPEG file
 */
export async function heatPicture(
  tile: Uint8Array,
  size: number,
  map: Float32Array,
): Promise<Buffer> {
  const mixed = await layHeatOver(tile, size, map);
  return shrink(sharp(mixed, { raw: { width: size, height: size, channels: 3 } }));
}

/** The same as pixels of the tile's size: uint8 RGB. */
export async function layHeatOver(
  tile: Uint8Array,
  size: number,
  map: Float32Array,
): Promise<Uint8Array> {
  const side = Math.round(Math.sqrt(map.length));
  const grey = Uint8Array.from(map, (value) => Math.round(255 * value));
  const heat = await sharp(grey, { raw: { width: side, height: side, channels: 1 } })
    .resize(size, size, { fit: 'fill', kernel: 'cubic' })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const mixed = new Uint8Array(tile.length);
  for (let i = 0; i < mixed.length; i++) {
    const share = (heat[Math.floor(i / 3)] ?? 0) / 255;
    const opacity = heatOpacity(share);
    mixed[i] = (1 - opacity) * (tile[i] ?? 0) + opacity * (heatColor(share)[i % 3] ?? 0);
  }
  return mixed;
}

/** RGB of a heat from 0 to 1. */
export function heatColor(share: number): [number, number, number] {
  const at = (i: 0 | 1 | 2): number => COLD[i] + (HOT[i] - COLD[i]) * share;
  return [at(0), at(1), at(2)];
}

/** How much of that colour is laid over the tile, 0 to 1. */
export function heatOpacity(share: number): number {
  return OPACITY[0] + (OPACITY[1] - OPACITY[0]) * share;
}

function shrink(picture: Sharp): Promise<Buffer> {
  return picture.resize(SIDE, SIDE).jpeg({ quality: QUALITY }).toBuffer();
}
