import { CodecError } from './errors.js';
import { isUtf8, StringReader } from './utf8.js';
import { type Cursor, readLength, readVarint } from './varint.js';

export const UINT32_MAX = 0xffffffff;

/**
 * Reads protobuf fields, strictly: whatever is cut off, out of range or not UTF-8 is a CodecError.
 *
 *     for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
 *       if (tag === 0x08) group = reader.uint32();
 *       else reader.skip(tag);
 *     }
 *
 * A tag is `field * 8 + wire type`. What `bytes` returns is a view.
 */
export class WireReader implements Cursor {
  readonly bytes: Uint8Array;
  pos = 0;
  #end: number;
  #strings: StringReader | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#end = bytes.length;
  }

  /** The next field's tag, or 0 at the end of the message. */
  next(): number {
    if (this.pos === this.#end) return 0;
    const tag = this.uint();
    if (tag < 8 || tag > UINT32_MAX) throw new CodecError(`tag ${tag} is not valid`);
    return tag;
  }

  /** uint64 as a number: 0 to 2^53 - 1. */
  uint(): number {
    const value = readVarint(this, this.#end);
    if (value < 0) throw new CodecError('an integer is cut off or above 2^53 - 1');
    return value;
  }

  uint32(): number {
    const value = this.uint();
    if (value > UINT32_MAX) throw new CodecError(`${value} is no uint32`);
    return value;
  }

  bool(): boolean {
    return this.uint() !== 0;
  }

  fixed32(): number {
    const { bytes, pos } = this;
    this.#advance(4);
    const low = bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16);
    return (low | (bytes[pos + 3]! << 24)) >>> 0;
  }

  /** A `bytes` field, as a view. */
  view(): Uint8Array {
    const length = this.#length();
    const start = this.pos;
    this.pos += length;
    return this.bytes.subarray(start, this.pos);
  }

  string(): string {
    const prefix = this.pos;
    const length = this.#length();
    const start = this.pos;
    this.pos += length;
    if (!isUtf8(this.bytes, start, this.pos)) throw new CodecError('a string is not UTF-8');
    this.#strings ??= new StringReader(this.bytes);
    return this.#strings.read(prefix);
  }

  /** Appends the values of a packed `repeated uint32` or `repeated uint64` field. */
  packed(into: number[]): void {
    const outer = this.enter();
    while (this.pos < this.#end) into.push(this.uint());
    this.leave(outer);
  }

  /** Enters the message that follows; hand the result to `leave` after its last field. */
  enter(): number {
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.pos + length;
    return outer;
  }

  leave(outer: number): void {
    if (this.pos !== this.#end) throw new CodecError('a message was not read to its end');
    this.#end = outer;
  }

  /** Skips the value of a field this release does not know. */
  skip(tag: number): void {
    switch (tag % 8) {
      case 0:
        this.#skipVarint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.#length());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw new CodecError(`wire type ${tag % 8} is not supported`);
    }
  }

  /** An unknown field may hold any 64-bit number, also one above 2^53 - 1. */
  #skipVarint(): void {
    const last = Math.min(this.#end, this.pos + 10);
    while (this.pos < last) {
      if (this.bytes[this.pos++]! < 0x80) return;
    }
    throw new CodecError('an integer is cut off');
  }

  #length(): number {
    const length = readLength(this, this.#end);
    if (length < 0) throw new CodecError('a length exceeds what follows it');
    return length;
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.pos) throw new CodecError('a field is cut off');
    this.pos += bytes;
  }
}

/**
 * For strict codecs: refuses a second occurrence of a singular field. Start with 0, keep what is
 * returned; fields 1 to 30.
 */
export function seenOnce(seen: number, tag: number): number {
  const bit = 1 << (tag >>> 3);
  if ((seen & bit) !== 0) throw new CodecError(`field ${tag >>> 3} is repeated`);
  return seen | bit;
}
