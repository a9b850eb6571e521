/** One entry of a zip in memory: a .keras file is a zip. */
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { LungclsError, messageOf } from '../errors.js';

/** Far above any InceptionV3; a limit because the size comes from the file. */
const MAX_BYTES = 1024 * 1024 * 1024;

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** @throws LungclsError BASE_INVALID if the zip is damaged or has no such entry */
export async function readZipEntry(
  bytes: Uint8Array,
  name: string,
  what: string,
): Promise<Uint8Array> {
  try {
    const found = await find(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name);
    if (found !== undefined) return found;
  } catch (error) {
    throw new LungclsError('BASE_INVALID', `${what} is not a sound zip: ${messageOf(error)}`, {
      cause: error,
    });
  }
  throw new LungclsError(
    'BASE_INVALID',
    `${what}: expected ${name} in this zip but it is not there`,
  );
}

function find(bytes: Buffer, name: string): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(bytes, { lazyEntries: true }, (openError, zip) => {
      if (openError !== null) {
        reject(openError);
        return;
      }
      zip.on('error', reject);
      zip.on('end', () => {
        resolve(undefined);
      });
      zip.on('entry', (entry: yauzl.Entry) => {
        if (entry.fileName !== name) {
          zip.readEntry();
          return;
        }
        if (entry.uncompressedSize > MAX_BYTES) {
          reject(new Error(`${name} is implausibly large`));
          return;
        }
        zip.openReadStream(entry, (streamError, stream) => {
          if (streamError !== null) {
            reject(streamError);
            return;
          }
          const chunks: Uint8Array[] = [];
          stream.on('data', (chunk: Uint8Array) => chunks.push(chunk));
          stream.on('error', reject);
          stream.on('end', () => {
            const content = Buffer.concat(chunks);
            // yauzl leaves this to its callers.
            if (crc32(content) === entry.crc32) resolve(content);
            else reject(new Error(`${name} has another CRC than the zip says`));
          });
        });
      });
      zip.readEntry();
    });
  });
}
