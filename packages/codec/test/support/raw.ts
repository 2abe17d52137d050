/** Wire bytes put together by hand, also those no encoder writes. */

export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** A varint with leading zeros, `size` bytes long. */
export function paddedVarint(value: number, size: number): number[] {
  const bytes = varint(value);
  while (bytes.length < size) {
    bytes.push(bytes.pop()! | 128, 0);
  }
  return bytes;
}

export function numberField(field: number, value: number | bigint): number[] {
  return [...varint(field * 8), ...varint(value)];
}

export function bytesField(field: number, content: ArrayLike<number>): number[] {
  return [...varint(field * 8 + 2), ...varint(content.length), ...Array.from(content)];
}

export function textField(field: number, text: string): number[] {
  return bytesField(field, Buffer.from(text));
}

export function bytesOf(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

export const tag: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** A write batch of ops given as the bytes between length prefix and next op. */
export function writeBatchOf(...ops: readonly (readonly number[])[]): Uint8Array {
  return bytesOf(...ops.map((op) => [...varint(op.length), ...op]), [...tag]);
}

export function readBatchOf(...ops: readonly (readonly number[])[]): Uint8Array {
  return bytesOf(...ops.map((op) => [...varint(op.length), ...op]));
}

/** The ops of a batch whose framing is good, without their length prefixes. */
export function framesOf(bytes: Uint8Array, end: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let pos = 0; pos < end; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[pos++]!;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    frames.push(bytes.subarray(pos, pos + length));
    pos += length;
  }
  return frames;
}

/** Bytes as a text that compares fast and shows where two differ. */
export function hex(bytes: ArrayLike<number>): string {
  return Buffer.from(Uint8Array.from(bytes)).toString('hex');
}
