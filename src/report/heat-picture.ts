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
    const [cold = 0, hot = 0] = [COLD[i % 3], HOT[i % 3]];
    const opacity = OPACITY[0] + (OPACITY[1] - OPACITY[0]) * share;
    mixed[i] = (1 - opacity) * (tile[i] ?? 0) + opacity * (cold + (hot - cold) * share);
  }
  return shrink(sharp(mixed, { raw: { width: size, height: size, channels: 3 } }));
}

function shrink(picture: Sharp): Promise<Buffer> {
  return picture.resize(SIDE, SIDE).jpeg({ quality: QUALITY }).toBuffer();
}
