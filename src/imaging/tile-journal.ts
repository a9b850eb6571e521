/**
 * The journal of a tile store under construction: what became of each image so far. A line is
 * appended once the tiles it speaks of are on the disk, so after a kill or a power cut it tells
 * exactly how far the work has come.
 *
 * A line is the CRC-32 of the rest in hex, a space, and a JSON list of records. A line that was cut
 * off, and all behind it, is not believed.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeAll } from '../storage/atomic.js';
import { TileRecords, type TileRecord } from './tile-records.js';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 18;

export interface JournalContent {
  readonly records: TileRecords;
  /** Bytes of the valid lines; what is behind them is to be cut off. */
  readonly validBytes: number;
}

/** Reads the valid lines of a journal. */
export async function readJournal(file: FileHandle): Promise<JournalContent> {
  const records = new TileRecords();
  let validBytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const position = validBytes + rest.length;
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return { records, validBytes };
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, start)) {
      const parsed = parseLine(rest.toString('utf8', start, end));
      if (parsed === undefined) return { records, validBytes };
      for (const record of parsed) records.push(record);
      validBytes += end + 1 - start;
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
}

/** Appends a line at `position` and waits until it is on the disk; returns its length in bytes. */
export async function appendJournal(
  file: FileHandle,
  position: number,
  records: readonly TileRecord[],
): Promise<number> {
  const text = JSON.stringify(records);
  const line = Buffer.from(`${checksum(text)} ${text}\n`);
  await writeAll(file, line, position);
  await file.datasync();
  return line.byteLength;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

function parseLine(line: string): readonly TileRecord[] | undefined {
  const text = line.slice(9);
  if (line.slice(0, 9) !== `${checksum(text)} `) return undefined;
  return JSON.parse(text) as TileRecord[];
}
