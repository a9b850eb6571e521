/**
 * As much of Protocol Buffers' wire format as ONNX needs: varints, 32-bit floats, and
 * length-delimited fields. Written by hand because a schema library would hold a 190 MB model in
 * memory several times, where this hands out the tensors' own bytes.
 * https://protobuf.dev/programming-guides/encoding/
 */

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const encoder = new TextEncoder();

/** Collects a message as chunks; large byte strings are kept by reference, not copied. */
export class MessageWriter {
  readonly chunks: Uint8Array[] = [];
  byteLength = 0;

  #push(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.byteLength += bytes.byteLength;
  }

  #tag(field: number, wire: number): void {
    this.#push(varint(field * 8 + wire));
  }

  /** A non-negative or negative integer (int32, int64, enum). */
  integer(field: number, value: number): this {
    this.#tag(field, WIRE.varint);
    this.#push(varint(value));
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, WIRE.fixed32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#push(bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, WIRE.bytes);
    this.#push(varint(value.byteLength));
    this.#push(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  message(field: number, write: (inner: MessageWriter) => void): this {
    const inner = new MessageWriter();
    write(inner);
    return this.append(field, inner);
  }

  /** A message that is written already. */
  append(field: number, inner: MessageWriter): this {
    this.#tag(field, WIRE.bytes);
    this.#push(varint(inner.byteLength));
    for (const chunk of inner.chunks) this.chunks.push(chunk);
    this.byteLength += inner.byteLength;
    return this;
  }

  /** One packed field. */
  integers(field: number, values: readonly number[]): this {
    const inner = new MessageWriter();
    for (const value of values) inner.#push(varint(value));
    return this.message(field, (message) => {
      for (const chunk of inner.chunks) message.#push(chunk);
    });
  }
}

/** Base 128, low groups first; negative numbers as 64-bit two's complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/**
 * A varint at `offset`, and the offset behind it.
 * @throws RangeError if the bytes end inside it or it is longer than any varint is
 */
export function readVarint(bytes: Uint8Array, offset: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) throw new RangeError('the bytes end inside a number');
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: offset + i + 1 };
  }
  throw new RangeError('a number is longer than ten bytes');
}
