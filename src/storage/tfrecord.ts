/**
 * TFRecord, the framing of TensorBoard's event files. A record is the length of its data (uint64), the
 * masked CRC-32C of the length, the data, and the masked CRC-32C of the data, all little-endian.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

/** Castagnoli's polynomial, its bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc >>> 0;
});

/** CRC-32C of the bytes, an unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** A checksum beside checksummed data would be weak: TensorFlow rotates it and adds a constant. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The record that holds the data. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + data.byteLength + FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.byteLength), true);
  view.setUint32(8, masked(record.subarray(0, 8)), true);
  record.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.byteLength, masked(data), true);
  return record;
}

/**
 * The data of each record of a file, up to the end or to the first one that is cut off or damaged, as
 * the last one of a killed writer may be.
 */
export function* readTfRecords(file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let offset = 0;
  while (offset + HEADER_BYTES + FOOTER_BYTES <= file.byteLength) {
    const length = Number(view.getBigUint64(offset, true));
    const end = offset + HEADER_BYTES + length;
    if (masked(file.subarray(offset, offset + 8)) !== view.getUint32(offset + 8, true)) return;
    if (end + FOOTER_BYTES > file.byteLength) return;
    const data = file.subarray(offset + HEADER_BYTES, end);
    if (masked(data) !== view.getUint32(end, true)) return;
    yield data;
    offset = end + FOOTER_BYTES;
  }
}
