import { CodecError } from './errors.js';
import { INTEGER_MAX } from './limits.js';
import { allocate } from './memory.js';
import { utf8Bytes, writeUtf8 } from './utf8.js';
import { varintBytes, writeVarint } from './varint.js';

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** A tag and a varint of the largest field number and value in use. */
const SCALAR_BYTES_MAX = 16;

/**
 * Writes protobuf fields into one buffer. Methods that name a field leave it out at its proto3
 * default, so that the bytes equal what generated code writes. `finish` hands the buffer over:
 * the writer is of no use afterwards and nothing else refers to those bytes. Give the size in
 * advance where it is known; the buffer grows by doubling.
 */
export class WireWriter {
  #bytes: Uint8Array;
  #pos = 0;
  /** Per open message: where its length is reserved, and how many bytes for it. */
  readonly #open: number[] = [];

  constructor(bytesHint: number) {
    this.#bytes = allocate(bytesHint);
  }

  /** uint32, uint64, enum: integers from 0 to 2^53 - 1; left out when 0. */
  uint(field: number, value: number): void {
    if (value !== 0) this.uintAlways(field, value);
  }

  /** The same for `optional` fields, whose presence says something. */
  uintAlways(field: number, value: number): void {
    this.#reserve(SCALAR_BYTES_MAX);
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  bool(field: number, value: boolean): void {
    if (value) this.uintAlways(field, 1);
  }

  fixed32(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(SCALAR_BYTES_MAX);
    this.#tag(field, FIXED32);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#pos++] = value >>> shift;
  }

  /** A lone surrogate is written as U+FFFD; keys are checked before (validateKey). */
  string(field: number, value: string): void {
    if (value !== '') this.stringAlways(field, value);
  }

  /** The same for `repeated` and `oneof` fields. */
  stringAlways(field: number, value: string): void {
    const size = utf8Bytes(value);
    this.#reserve(SCALAR_BYTES_MAX + size);
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(size);
    this.#pos = writeUtf8(value, this.#bytes, this.#pos);
  }

  /** Copies the value. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length !== 0) this.bytesAlways(field, value);
  }

  /** The same for `repeated` and `oneof` fields. */
  bytesAlways(field: number, value: Uint8Array): void {
    this.#reserve(SCALAR_BYTES_MAX + value.length);
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#bytes.set(value, this.#pos);
    this.#pos += value.length;
  }

  /** `repeated uint32` or `repeated uint64` in packed form. */
  packed(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.begin(field);
    for (const value of values) {
      this.#reserve(SCALAR_BYTES_MAX);
      this.#varint(value);
    }
    this.end();
  }

  /**
   * Begins a message field; `end` closes it. A length of about bytesHint costs nothing; one whose
   * varint has another size moves the message by a byte or more.
   */
  begin(field: number, bytesHint = 0): void {
    this.#reserve(SCALAR_BYTES_MAX);
    this.#tag(field, LENGTH_DELIMITED);
    const reserved = varintBytes(bytesHint);
    this.#open.push(this.#pos, reserved);
    this.#pos += reserved;
  }

  end(): void {
    const reserved = this.#open.pop();
    const at = this.#open.pop();
    if (reserved === undefined || at === undefined) throw new CodecError('no open message to end');
    const start = at + reserved;
    const length = this.#pos - start;
    const needed = varintBytes(length);
    if (needed !== reserved) {
      this.#reserve(SCALAR_BYTES_MAX);
      this.#bytes.copyWithin(at + needed, start, this.#pos);
      this.#pos += needed - reserved;
    }
    writeVarint(length, this.#bytes, at);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#pos;
  }

  finish(): Uint8Array {
    if (this.#open.length > 0) throw new CodecError('a message is still open');
    return this.#bytes.subarray(0, this.#pos);
  }

  #tag(field: number, wireType: number): void {
    this.#pos = writeVarint(field * 8 + wireType, this.#bytes, this.#pos);
  }

  #varint(value: number): void {
    // Also false for NaN and for -0.5; an integer outside the range would be written as another.
    if (!(value >= 0 && value <= INTEGER_MAX)) throw new CodecError(`${value} is out of range`);
    this.#pos = writeVarint(value, this.#bytes, this.#pos);
  }

  #reserve(bytes: number): void {
    const needed = this.#pos + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = allocate(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#pos));
    this.#bytes = grown;
  }
}
