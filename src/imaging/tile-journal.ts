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

/** One image: its status; the CRC-32 of its tile, or null without one; the message of a failure. */
export type TileRecord = readonly [status: string, checksum: number | null, message?: string];

export interface JournalContent {
  readonly records: readonly TileRecord[];
  /** Bytes of the valid lines; what is behind them is to be cut off. */
  readonly validBytes: number;
}

/** Reads the valid lines of a journal. */
export async function readJournal(file: FileHandle): Promise<JournalContent> {
  const bytes = await file.readFile();
  const records: TileRecord[] = [];
  let validBytes = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, validBytes)) {
    const parsed = parseLine(bytes.toString('utf8', validBytes, end));
    if (parsed === undefined) break;
    for (const record of parsed) records.push(record);
    validBytes = end + 1;
  }
  return { records, validBytes };
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
