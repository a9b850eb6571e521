/**
 * TensorBoard's events, as TensorFlow 2's summary writer writes scalars: a float32 tensor without
 * dimensions, marked for the "scalars" plug-in. Field numbers are those of tensorboard/compat/proto/
 * event.proto, summary.proto and tensor.proto.
 */
import { MessageWriter, readVarint, WIRE } from '../../onnx/protobuf.js';

export interface Scalar {
  readonly tag: string;
  readonly step: number;
}

const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sourceMetadata: 10 } as const;
const VALUE = { tag: 1, tensor: 8, metadata: 9 } as const;
const TENSOR = { dtype: 1, shape: 2, content: 4 } as const;
const DT_FLOAT = 1;

/** The first event of every file. @param seconds since 1970 */
export function versionEvent(seconds: number, writer: string): Uint8Array {
  return event(
    seconds,
    new MessageWriter()
      .string(EVENT.fileVersion, 'brain.Event:2')
      .message(EVENT.sourceMetadata, (metadata) => metadata.string(1, writer)),
  );
}

/** One point of a curve. @param seconds since 1970 */
export function scalarEvent(seconds: number, { tag, step }: Scalar, number: number): Uint8Array {
  const content = new Uint8Array(4);
  new DataView(content.buffer).setFloat32(0, number, true);
  const rest = new MessageWriter();
  // Zero is protobuf's default and is left out.
  if (step !== 0) rest.integer(EVENT.step, step);
  rest.message(EVENT.summary, (summary) =>
    summary.message(1, (value) =>
      value
        .string(VALUE.tag, tag)
        .message(VALUE.tensor, (tensor) =>
          tensor
            .integer(TENSOR.dtype, DT_FLOAT)
            .message(TENSOR.shape, () => undefined)
            .bytes(TENSOR.content, content),
        )
        .message(VALUE.metadata, (metadata) =>
          metadata.message(1, (plugin) => plugin.string(1, 'scalars')),
        ),
    ),
  );
  return event(seconds, rest);
}

/** An event with its time in front, a double. */
function event(seconds: number, rest: MessageWriter): Uint8Array {
  const time = new Uint8Array(9);
  time[0] = 8 * EVENT.wallTime + WIRE.fixed64;
  new DataView(time.buffer).setFloat64(1, seconds, true);
  return Buffer.concat([time, ...rest.chunks]);
}

/**
 * Which point an event is, or undefined where it is none of ours.
 * @throws RangeError for bytes that are no message
 */
export function readScalar(bytes: Uint8Array): Scalar | undefined {
  const fields = readFields(bytes);
  const summary = fields.get(EVENT.summary);
  if (!(summary instanceof Uint8Array)) return undefined;
  const value = readFields(summary).get(1);
  if (!(value instanceof Uint8Array)) return undefined;
  const tag = readFields(value).get(VALUE.tag);
  if (!(tag instanceof Uint8Array)) return undefined;
  const step = fields.get(EVENT.step);
  return { tag: new TextDecoder().decode(tag), step: typeof step === 'number' ? step : 0 };
}

/** The last value of each field of a message. */
function readFields(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  let offset = 0;
  while (offset < bytes.byteLength) {
    const tag = readVarint(bytes, offset);
    const field = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    offset = tag.next;
    if (wire === WIRE.varint) {
      const { value, next } = readVarint(bytes, offset);
      fields.set(field, value);
      offset = next;
      continue;
    }
    let length = wire === WIRE.fixed64 ? 8 : 4;
    if (wire === WIRE.bytes) ({ value: length, next: offset } = readVarint(bytes, offset));
    else if (wire !== WIRE.fixed64 && wire !== WIRE.fixed32) {
      throw new RangeError(`there is no wire type ${String(wire)}`);
    }
    fields.set(field, bytes.subarray(offset, offset + length));
    offset += length;
  }
  return fields;
}
