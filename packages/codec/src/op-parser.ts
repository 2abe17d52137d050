/**
 * The strict decoder of one op, the only one there is (R12): what it refuses at the leader is
 * never decoded by anyone else, what it accepts decodes to the same op on every replica.
 */
import { Code } from './code.js';
import type { Refusal } from './key.js';
import { INTEGER_MAX, KEY_BYTES_MAX } from './limits.js';
import { FieldTag, OpTag, opFor } from './op.js';
import type { Op } from './types.js';
import { isUtf8, StringReader } from './utf8.js';
import { type Cursor, readLength, readVarint } from './varint.js';

const KEY_SEEN = 1;
const VALUE_SEEN = 2;
const TTL_SEEN = 4;
const KEEP_SEEN = 8;

/** Parses the ops of one batch. A refused op leaves its reason in `refusal`. */
export class OpParser implements Cursor {
  readonly bytes: Uint8Array;
  pos = 0;
  refusal: Refusal = { code: Code.UNSPECIFIED, message: '' };
  readonly #valueBytesMax: number;
  readonly #strings: StringReader;
  #keyPrefix = 0;

  constructor(bytes: Uint8Array, valueBytesMax: number) {
    this.bytes = bytes;
    this.#valueBytesMax = valueBytesMax;
    this.#strings = new StringReader(bytes);
  }

  /** The op from start to end, or undefined with a reason. Leaves pos anywhere. */
  parse(start: number, end: number): Op | undefined {
    if (start === end) return this.#refuse('the op is empty');
    const tag = this.bytes[start];
    this.pos = start + 1;
    const length = readLength(this, end);
    if (length < 0) return this.#refuse('the op is cut off');
    if (this.pos + length !== end) return this.#refuse('the op has more than one field');
    switch (tag) {
      case OpTag.set:
        return this.#parseSet(end);
      case OpTag.delete:
        return this.#parseKey(end) ? opFor.delete(this.#strings.read(this.#keyPrefix)) : undefined;
      case OpTag.get:
        return this.#parseKey(end) ? opFor.get(this.#strings.read(this.#keyPrefix)) : undefined;
      case OpTag.has:
        return this.#parseKey(end) ? opFor.has(this.#strings.read(this.#keyPrefix)) : undefined;
      default:
        return this.#refuse('the op has an unknown field');
    }
  }

  /** A message whose only field is the key. */
  #parseKey(end: number): boolean {
    if (this.pos === end) return this.#fail('the key is empty');
    if (this.bytes[this.pos++] !== FieldTag.key) return this.#fail('the op has an unknown field');
    if (!this.#readKey(end)) return false;
    return this.pos === end || this.#fail('the op has a repeated or unknown field');
  }

  #parseSet(end: number): Op | undefined {
    const { bytes } = this;
    let seen = 0;
    let valueBytes = 0;
    let valueEnd = 0;
    let ttlMs = 0;
    let keepTtl = 0;
    while (this.pos < end) {
      const tag = bytes[this.pos++];
      const bit = fieldBit(tag);
      if (bit === 0) return this.#refuse('the op has an unknown field');
      if ((seen & bit) !== 0) return this.#refuse('the op has a repeated field');
      seen |= bit;
      if (bit === KEY_SEEN) {
        if (!this.#readKey(end)) return undefined;
      } else if (bit === VALUE_SEEN) {
        valueBytes = this.#readValue(end);
        if (valueBytes < 0) return undefined;
        valueEnd = this.pos;
      } else if (bit === TTL_SEEN) {
        ttlMs = readVarint(this, end);
        if (ttlMs < 1) return this.#refuse(`ttl_ms is no integer from 1 to ${INTEGER_MAX}`);
      } else {
        keepTtl = readVarint(this, end);
        if (keepTtl < 0 || keepTtl > 1) return this.#refuse('keep_ttl is neither 0 nor 1');
      }
    }
    if ((seen & KEY_SEEN) === 0) return this.#refuse('the key is empty');
    if (ttlMs > 0 && keepTtl === 1) return this.#refuse('ttl_ms and keep_ttl exclude each other');
    const key = this.#strings.read(this.#keyPrefix);
    const valueOffset = bytes.byteOffset + valueEnd - valueBytes;
    const value = new Uint8Array(bytes.buffer, valueOffset, valueBytes);
    return opFor.set(key, value, ttlMs, keepTtl === 1);
  }

  /** Moves over the value and returns its size; -1 when it is refused. */
  #readValue(end: number): number {
    const bytes = readLength(this, end);
    const bytesMax = this.#valueBytesMax;
    if (bytes < 0) return this.#fail('the value is cut off') || -1;
    if (bytes > bytesMax) return this.#failTooLarge('value', bytes, bytesMax) || -1;
    this.pos += bytes;
    return bytes;
  }

  #readKey(end: number): boolean {
    this.#keyPrefix = this.pos;
    const length = readLength(this, end);
    if (length < 0) return this.#fail('the key is cut off');
    if (length === 0) return this.#fail('the key is empty');
    if (length > KEY_BYTES_MAX) return this.#failTooLarge('key', length, KEY_BYTES_MAX);
    const start = this.pos;
    this.pos += length;
    return isUtf8(this.bytes, start, this.pos) || this.#fail('the key is not UTF-8');
  }

  #refuse(message: string): undefined {
    this.refusal = { code: Code.INVALID_ARGUMENT, message };
    return undefined;
  }

  #fail(message: string): false {
    this.refusal = { code: Code.INVALID_ARGUMENT, message };
    return false;
  }

  #failTooLarge(what: string, bytes: number, bytesMax: number): false {
    const message = `the ${what} has ${bytes} bytes, more than ${bytesMax}`;
    this.refusal = { code: Code.TOO_LARGE, message };
    return false;
  }
}

function fieldBit(tag: number | undefined): number {
  switch (tag) {
    case FieldTag.key:
      return KEY_SEEN;
    case FieldTag.value:
      return VALUE_SEEN;
    case FieldTag.ttlMs:
      return TTL_SEEN;
    case FieldTag.keepTtl:
      return KEEP_SEEN;
    default:
      return 0;
  }
}
