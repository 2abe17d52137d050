import { INTEGER_MAX } from './limits.js';

const VARINT_BYTES_MAX = 10;
const TWO_POWER_28 = 2 ** 28;

/** Bytes of the varint of an integer from 0 to 2^53 - 1. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  let size = 4;
  for (let rest = Math.floor(value / TWO_POWER_28); rest > 0; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes an integer from 0 to 2^53 - 1 and returns the position after it. */
export function writeVarint(value: number, bytes: Uint8Array, pos: number): number {
  let at = pos;
  let rest = value;
  while (rest >= TWO_POWER_28) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** A position in bytes; readers of varints move it. */
export interface Cursor {
  readonly bytes: Uint8Array;
  pos: number;
}

/**
 * Reads a varint that ends before `end`. Returns -1 when it is cut off, has more than ten bytes
 * or exceeds 2^53 - 1; the position is then of no use. Padded forms are as good as short ones.
 */
export function readVarint(cursor: Cursor, end: number): number {
  const { bytes } = cursor;
  if (cursor.pos < end && bytes[cursor.pos]! < 0x80) return bytes[cursor.pos++]!;
  const last = Math.min(end, cursor.pos + VARINT_BYTES_MAX);
  let value = 0;
  let scale = 1;
  for (let at = cursor.pos; at < last; at++) {
    const byte = bytes[at]!;
    // Exact: once a sum passes 2^53 - 1 it never comes back below.
    value += (byte & 0x7f) * scale;
    if (value > INTEGER_MAX) return -1;
    if (byte < 0x80) {
      cursor.pos = at + 1;
      return value;
    }
    scale *= 128;
  }
  return -1;
}

const LENGTH_BYTES_MAX = 5;

/**
 * Reads the length of something that ends by `end`. Returns -1 when it does not fit, or when the
 * length itself has more than five bytes.
 */
export function readLength(cursor: Cursor, end: number): number {
  const start = cursor.pos;
  const length = readVarint(cursor, end);
  const fits = length <= end - cursor.pos && cursor.pos - start <= LENGTH_BYTES_MAX;
  return fits ? length : -1;
}
