/**
 * Windows bitmaps to 8-bit RGB: uncompressed, 1, 4, 8, 16, 24 or 32 bits a pixel, as described in
 * Microsoft's "Bitmap Storage". sharp's prebuilt library does not read them.
 */
import type { DecodeLimits } from './decode-options.js';
import { checkDimensions, ImageFailure, type DecodedImage } from './decoded-image.js';

const FILE_HEADER_BYTES = 14;
/** BITMAPINFOHEADER, which all later headers extend; only OS/2 1.x has a shorter one. */
const INFO_HEADER_BYTES = 40;
const BI_RGB = 0;
const BI_BITFIELDS = 3;
const RGB = 3;

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly dataOffset: number;
  readonly paletteOffset: number;
  readonly paletteEntries: number;
  /** Bit masks of red, green and blue, for 16 and 32 bits a pixel. */
  readonly masks: readonly [number, number, number];
}

/**
 * Decodes a bitmap. Pixels that are missing at the end of a file that was cut off are black, and the
 * image has a warning.
 * @throws ImageFailure
 */
export function decodeBmp(bytes: Uint8Array, limits: DecodeLimits): DecodedImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(view);
  const { width, height } = header;
  checkDimensions(width, height, RGB, limits);
  // Rows are padded to four bytes.
  const stride = Math.ceil((width * header.bits) / 32) * 4;
  const readPixel = pixelReader(view, header);
  const pixels = new Uint8Array(width * height * RGB);
  let missing = 0;
  for (let y = 0; y < height; y++) {
    const row = header.dataOffset + stride * (header.topDown ? y : height - 1 - y);
    if (row + Math.ceil((width * header.bits) / 8) > view.byteLength) {
      missing++;
      continue;
    }
    for (let x = 0; x < width; x++) readPixel(row, x, pixels, (y * width + x) * RGB);
  }
  if (missing === height) throw new ImageFailure('IMAGE_DAMAGED', 'The bitmap has no pixel data');
  return missing === 0
    ? { width, height, pixels }
    : { width, height, pixels, warning: `${String(missing)} rows of the bitmap are cut off` };
}

function readHeader(view: DataView): BmpHeader {
  if (view.byteLength < FILE_HEADER_BYTES + INFO_HEADER_BYTES) {
    throw new ImageFailure('IMAGE_HEADER', 'The header of the bitmap is cut off');
  }
  const infoBytes = view.getUint32(FILE_HEADER_BYTES, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const plain = compression === BI_RGB || (compression === BI_BITFIELDS && bits >= 16);
  if (infoBytes < INFO_HEADER_BYTES || !plain || ![1, 4, 8, 16, 24, 32].includes(bits)) {
    throw new ImageFailure(
      'IMAGE_UNSUPPORTED',
      `Expected an uncompressed bitmap but received one of ${String(bits)} bits with compression ${String(compression)} and a header of ${String(infoBytes)} bytes`,
    );
  }
  const height = view.getInt32(22, true);
  const stated = view.getUint32(46, true);
  return {
    width: view.getInt32(18, true),
    height: Math.abs(height),
    topDown: height < 0,
    bits,
    dataOffset: view.getUint32(10, true),
    paletteOffset: FILE_HEADER_BYTES + infoBytes,
    paletteEntries: bits > 8 ? 0 : stated === 0 ? 2 ** bits : Math.min(stated, 2 ** bits),
    masks: readMasks(view, bits, compression),
  };
}

/** Of 16 bits, five a colour unless the file says otherwise. */
function readMasks(
  view: DataView,
  bits: number,
  compression: number,
): readonly [number, number, number] {
  if (compression !== BI_BITFIELDS) {
    return bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0x00ff00, 0x0000ff];
  }
  // Right behind the 40 bytes, whether they belong to a longer header or not.
  const offset = FILE_HEADER_BYTES + INFO_HEADER_BYTES;
  if (view.byteLength < offset + 12) {
    throw new ImageFailure('IMAGE_HEADER', 'The header of the bitmap is cut off');
  }
  return [
    view.getUint32(offset, true),
    view.getUint32(offset + 4, true),
    view.getUint32(offset + 8, true),
  ];
}

type PixelReader = (row: number, x: number, out: Uint8Array, at: number) => void;

function pixelReader(view: DataView, header: BmpHeader): PixelReader {
  if (header.bits <= 8) return paletteReader(view, header);
  if (header.bits === 24) {
    return (row, x, out, at) => {
      const from = row + x * RGB;
      out[at] = view.getUint8(from + 2);
      out[at + 1] = view.getUint8(from + 1);
      out[at + 2] = view.getUint8(from);
    };
  }
  const scales = header.masks.map(maskReader);
  const bytesPerPixel = header.bits / 8;
  return (row, x, out, at) => {
    const from = row + x * bytesPerPixel;
    const value = bytesPerPixel === 2 ? view.getUint16(from, true) : view.getUint32(from, true);
    scales.forEach((scale, i) => {
      out[at + i] = scale(value);
    });
  };
}

/** Takes the bits of one mask out of a pixel, as 0 to 255. */
function maskReader(mask: number): (value: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (value) => Math.round((((value & mask) >>> shift) * 255) / most);
}

function paletteReader(view: DataView, header: BmpHeader): PixelReader {
  const { bits, paletteOffset, paletteEntries } = header;
  if (paletteOffset + paletteEntries * 4 > view.byteLength) {
    throw new ImageFailure('IMAGE_HEADER', 'The palette of the bitmap is cut off');
  }
  const perByte = 8 / bits;
  return (row, x, out, at) => {
    const byte = view.getUint8(row + Math.floor(x / perByte));
    const shift = 8 - bits * ((x % perByte) + 1);
    const index = (byte >> shift) & (2 ** bits - 1);
    // Beyond the palette: black.
    if (index >= paletteEntries) return;
    const colour = paletteOffset + index * 4;
    out[at] = view.getUint8(colour + 2);
    out[at + 1] = view.getUint8(colour + 1);
    out[at + 2] = view.getUint8(colour);
  };
}
