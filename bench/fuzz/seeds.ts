/** Small valid files of every kind that the TypeScript reads. Generated, each time the same. */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { BUNDLE_FORMAT, BUNDLE_VERSION } from '#src/bundle/metadata.js';
import { preprocessingFingerprint, preprocessingSpec } from '#src/imaging/preprocessing.js';
import { STORE_FORMAT, STORE_VERSION } from '#src/imaging/tile-store-format.js';
import { npyHeader } from '#src/storage/npy.js';

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** An archive by APPNOTE.TXT 4.3: local headers with their data, the directory, its end. */
export function zipFile(
  entries: readonly { name: string; content: Buffer; method: 0 | 8 }[],
): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method } of entries) {
    const data = method === 8 ? deflateRawSync(content) : content;
    const facts = Buffer.concat([
      ...[u16(20), u16(0), u16(method), u16(0), u16(0x21), u32(crc32(content))],
      ...[u32(data.length), u32(content.length), u16(name.length), u16(0)],
    ]);
    const local = Buffer.concat([u32(0x04034b50), facts, Buffer.from(name), data]);
    directory.push(
      Buffer.concat([
        ...[u32(0x02014b50), u16(20), facts, u16(0), u16(0), u16(0), u32(0), u32(offset)],
        Buffer.from(name),
      ]),
    );
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const count = u16(entries.length);
  const end = [
    u32(0x06054b50),
    u16(0),
    u16(0),
    count,
    count,
    u32(list.length),
    u32(offset),
    u16(0),
  ];
  return Buffer.concat([...parts, list, ...end]);
}

export const zips = (): Buffer[] => [
  zipFile([
    { name: 'set/a/1.jpeg', content: Buffer.from('some bytes'), method: 0 },
    { name: 'set/a/', content: Buffer.alloc(0), method: 0 },
    { name: 'set/b/2.jpeg', content: Buffer.alloc(300, 'ab'), method: 8 },
  ]),
  zipFile([{ name: 'model.weights.h5', content: Buffer.alloc(200, 'x'), method: 8 }]),
];

export const arrays = (): Buffer[] => [
  Buffer.concat([npyHeader({ dtype: '|u1', shape: [2, 3, 3, 3] }), Buffer.alloc(54)]),
  Buffer.concat([npyHeader({ dtype: '<i8', shape: [4] }), Buffer.alloc(32)]),
];

export const safetensors = (): Buffer[] => {
  const header = JSON.stringify({
    __metadata__: { format: 'pt', id: 'x' },
    a: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
    b: { dtype: 'F32', shape: [3], data_offsets: [16, 28] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return [Buffer.concat([length, Buffer.from(header), Buffer.alloc(28, 1)])];
};

export const tables = (): Buffer[] => [
  Buffer.from('row,path,label,group,status\n0,a/1.jpeg,0,,ok\n,"a ""b"", c\n",1,g1,IMAGE_EMPTY\n'),
];

export const names = (): Buffer[] => [
  Buffer.from('a.jpeg\r\nb c.jpeg\n\n\xff.png\n', 'latin1'),
  Buffer.from('a.jpeg\0b\nc.jpeg\0'),
];

export const journals = (): Buffer[] => {
  const line = (records: unknown): string => {
    const text = JSON.stringify(records);
    return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
  };
  const ok = ['ok', 12345];
  return [Buffer.from(line([ok, ['IMAGE_EMPTY', null, 'The file is empty']]) + line([ok]))];
};

const DEEP = `${'['.repeat(50_000)}1${']'.repeat(50_000)}`;

/** The JSON, and the same with a value nested deeper than any stack. */
export function jsons(value: Record<string, unknown>): Buffer[] {
  const text = JSON.stringify(value);
  const fields = Object.keys(value).map((key) =>
    text.replace(new RegExp(`"${key}":`), `"${key}":${DEEP},"_${key}":`),
  );
  return [text, JSON.stringify(value, null, 2), ...fields].map((item) => Buffer.from(item));
}

const spec = preprocessingSpec(256);
const preprocessing = {
  preprocessing: spec,
  preprocessingFingerprint: preprocessingFingerprint(spec),
};

export const stores = (): Buffer[] =>
  jsons({
    ...{ format: STORE_FORMAT, version: STORE_VERSION, toolVersion: '1' },
    ...{ classes: ['a', 'b'], rows: 3, counts: { a: { ok: 3 } }, fingerprint: 'abc' },
    ...{ ...preprocessing, source: { kind: 'zip', name: 'x.zip', images: 3 } },
  });

export const descriptions = (): Buffer[] =>
  jsons({
    ...{ format: BUNDLE_FORMAT, version: BUNDLE_VERSION, toolVersion: '1', classes: ['a', 'b'] },
    ...{ ...preprocessing, pixels: 'inception', training: { epochs: 3 }, metrics: { loss: 0.5 } },
    ...{ base: { id: 'x', fingerprint: 'y', name: 'n' }, notice: 'research' },
    ...{ files: { 'model.onnx': { sha256: 'a'.repeat(64), bytes: 12 } } },
  });

/** Fields of an ONNX ModelProto: a version, metadata, a graph (protobuf, hand-made). */
export const models = (): Buffer[] => {
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
  const entry = (key: string, value: string): Buffer =>
    field(14, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))]));
  return [
    Buffer.concat([
      Buffer.from([8, 8]),
      entry('lungcls.json', '{"format":"x"}'),
      entry('lungcls.sha256', 'a'.repeat(64)),
      field(7, Buffer.alloc(40, 7)),
    ]),
  ];
};

export const literals = (): Buffer[] => [
  Buffer.from('{a:1,"b":[1.5e3,-.5,!0,!1,null,{c:"text"}],$d:[[],{}]}'),
  Buffer.from(DEEP),
];

export const tarballs = (): Buffer[] => {
  const header = Buffer.alloc(512);
  header.write('package/model/group1.min.js', 0);
  header.write('00000000012\0', 124);
  header.write('0', 156);
  const content = Buffer.alloc(512);
  content.write('some bytes');
  return [gzipSync(Buffer.concat([header, content, Buffer.alloc(1024)]))];
};

/** A header with its checksum, and data, in blocks of 512 bytes. */
function tarEntry(name: string, type: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\u000000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const data = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  data.write(content);
  return Buffer.concat([header, data]);
}

export const tars = (): Buffer[] => [
  Buffer.concat([
    tarEntry('folder/1.jpeg', '0', 'some bytes'),
    tarEntry('pax', 'x', '18 path=x/2.jpeg\n12 size=100\n'),
    tarEntry('cut name', '0', 'y'.repeat(100)),
    tarEntry('long', 'L', 'folder/of/a/long/name/3.jpeg'),
    tarEntry('folder/of', '0', ''),
    Buffer.alloc(1024),
  ]),
];

/** A file with a group, attributes and datasets, as Keras's have. */
export async function hdf5s(): Promise<Buffer[]> {
  const { default: h5wasm } = await import('h5wasm');
  const { FS } = await h5wasm.ready;
  const file = new h5wasm.File('seed.h5', 'w');
  const group = file.create_group('layer');
  group.create_attribute('weight_names', ['kernel:0', 'bias:0'], null, 'S8');
  group.create_attribute('of_any_length', ['kernel:0', 'bias:0']);
  group.create_dataset({ name: 'kernel:0', data: new Float32Array(12).fill(0.5), shape: [3, 4] });
  group.create_dataset({ name: 'bias:0', data: new Float32Array(4), shape: [4] });
  file.create_attribute('layer_names', ['layer'], null, 'S5');
  file.close();
  const bytes = Buffer.from(FS.readFile('seed.h5'));
  FS.unlink('seed.h5');
  return [bytes];
}

export const bitmaps = (): Buffer[] =>
  ([24, 8, 1, 32] as const).map((bits) => {
    const palette = bits <= 8 ? 4 * 2 ** bits : 0;
    const header = Buffer.alloc(54 + palette, 0x33).fill(0, 0, 54);
    header.write('BM');
    header.writeUInt32LE(54 + palette, 10);
    header.writeUInt32LE(40, 14);
    header.writeInt32LE(7, 18);
    header.writeInt32LE(5, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
    return Buffer.concat([header, Buffer.alloc(Math.ceil((7 * bits) / 32) * 4 * 5, 0x5a)]);
  });

/** PNG, TIFF and WebP, as sharp writes them. */
export async function pictures(): Promise<Buffer[]> {
  const noise = Buffer.from(Array.from({ length: 24 * 20 * 3 }, (_, i) => (i * i * 31) & 0xff));
  const image = sharp(noise, { raw: { width: 24, height: 20, channels: 3 } });
  return await Promise.all([
    image.clone().png().toBuffer(),
    image.clone().png({ palette: true }).toBuffer(),
    image.clone().tiff({ compression: 'lzw' }).toBuffer(),
    image
      .clone()
      .tiff({ compression: 'deflate', tile: true, tileWidth: 16, tileHeight: 16 })
      .toBuffer(),
    image.clone().webp().toBuffer(),
    image.clone().webp({ lossless: true }).toBuffer(),
  ]);
}
