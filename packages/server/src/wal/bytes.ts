/**
 * Little-endian reading and writing over one `Uint8Array`. Numbers up to 2^53 - 1 take eight bytes,
 * as two 32-bit halves: no bigint on the append path.
 */
import { assert } from './errors.js';

const TWO_32 = 2 ** 32;

export class ByteWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
  }

  u8(value: number): void {
    this.bytes[this.offset] = value;
    this.offset += 1;
  }

  u16(value: number): void {
    this.#view.setUint16(this.offset, value, true);
    this.offset += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.offset, value, true);
    this.offset += 4;
  }

  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a 64-bit field holds 0 to 2^53 - 1');
    this.#view.setUint32(this.offset, value % TWO_32, true);
    this.#view.setUint32(this.offset + 4, Math.floor(value / TWO_32), true);
    this.offset += 8;
  }

  raw(data: Uint8Array): void {
    this.bytes.set(data, this.offset);
    this.offset += data.length;
  }
}

/** Bytes that are not what their format says. */
export class MalformedBytes extends Error {
  override readonly name: string = 'MalformedBytes';
}

/** Reads what `ByteWriter` wrote; throws `MalformedBytes` at the end or on an impossible number. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  offset: number;
  readonly end: number;

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = Math.min(end, bytes.length);
  }

  get left(): number {
    return this.end - this.offset;
  }

  u8(): number {
    const at = this.#take(1);
    return this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, true);
  }

  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * TWO_32;
    if (!Number.isSafeInteger(value)) throw new MalformedBytes('number above 2^53 - 1');
    return value;
  }

  /** A view, not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  #take(length: number): number {
    const at = this.offset;
    if (at + length > this.end) throw new MalformedBytes('ends too early');
    this.offset = at + length;
    return at;
  }
}
