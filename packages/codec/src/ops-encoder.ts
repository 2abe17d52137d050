import { CodecError } from './errors.js';
import { deriveLimits, TAG_BYTES, VALUE_BYTES_MAX_DEFAULT } from './limits.js';
import { allocate } from './memory.js';
import { FieldTag, OpTag } from './op.js';
import type { Op } from './types.js';
import { isWellFormed, utf8Bytes, writeAscii, writeUtf8 } from './utf8.js';
import { varintBytes, writeVarint } from './varint.js';

const CAPACITY_BYTES_MIN = 4096;
/** A buffer that grew beyond this is given back by reset. */
const CAPACITY_BYTES_KEPT = 256 * 1024;

/** Bytes of the message inside the op (SetRequest, DeleteRequest, OpKey). */
function requestBytes(op: Op, keyBytes: number): number {
  let size = keyBytes === 0 ? 0 : 1 + varintBytes(keyBytes) + keyBytes;
  if (op.kind !== 'set') return size;
  const valueBytes = op.value.length;
  if (valueBytes > 0) size += 1 + varintBytes(valueBytes) + valueBytes;
  if (op.ttlMs > 0) size += 1 + varintBytes(op.ttlMs);
  if (op.keepTtl) size += 2;
  return size;
}

/** Bytes the op takes in a batch, its length prefix included. */
export function encodedOpBytes(op: Op): number {
  const request = requestBytes(op, utf8Bytes(op.key));
  const size = 1 + varintBytes(request) + request;
  return varintBytes(size) + size;
}

/**
 * Builds the op bytes of one batch: length-delimited ops, for writes then the tag (R14). Ops are
 * validated before (validateKey, limits, ttlMs a safe integer); what `finish` returns is a copy,
 * so an encoder serves one batch after the other.
 */
export class OpsEncoder {
  readonly #bytesMax: number;
  #bytes: Uint8Array = allocate(CAPACITY_BYTES_MIN);
  #pos = 0;
  #count = 0;

  /** bytesMax: `batchBytesMax` of the limits in force. */
  constructor(bytesMax: number = deriveLimits(VALUE_BYTES_MAX_DEFAULT).batchBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the ops so far; the tag will add 8. */
  get byteLength(): number {
    return this.#pos;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds an op. False, and nothing is added, when the batch with its tag would be too large. */
  add(op: Op): boolean {
    const { key } = op;
    // Nearly every key is ASCII, which the first attempt finds out while it writes.
    const added = this.#tryAdd(op, key.length);
    if (added !== undefined) return added;
    if (!isWellFormed(key)) throw new CodecError('a key with a lone surrogate has no bytes');
    return this.#tryAdd(op, utf8Bytes(key)) === true;
  }

  /** Undefined, and nothing is added, when the key does not have keyBytes bytes. */
  #tryAdd(op: Op, keyBytes: number): boolean | undefined {
    const { key } = op;
    const request = requestBytes(op, keyBytes);
    const size = 1 + varintBytes(request) + request;
    const needed = this.#pos + varintBytes(size) + size;
    if (needed > this.#bytesMax - TAG_BYTES) return false;
    if (needed > this.#bytes.length) this.#grow(needed);
    const bytes = this.#bytes;
    let pos = writeVarint(size, bytes, this.#pos);
    bytes[pos++] = OpTag[op.kind];
    pos = writeVarint(request, bytes, pos);
    if (keyBytes > 0) {
      bytes[pos++] = FieldTag.key;
      pos = writeVarint(keyBytes, bytes, pos);
      const isAscii = keyBytes === key.length;
      pos = isAscii ? writeAscii(key, bytes, pos) : writeUtf8(key, bytes, pos);
      if (pos < 0) return undefined;
    }
    this.#pos = op.kind === 'set' ? writeSetFields(op, bytes, pos) : pos;
    this.#count++;
    return true;
  }

  /** The batch's bytes, for writes with its tag; the encoder keeps its content. */
  finish(tag: Uint8Array | undefined): Uint8Array {
    if (tag !== undefined && tag.length !== TAG_BYTES) {
      throw new CodecError(`a tag has ${TAG_BYTES} bytes, not ${tag.length}`);
    }
    const result = allocate(this.#pos + (tag === undefined ? 0 : TAG_BYTES));
    result.set(this.#bytes.subarray(0, this.#pos));
    if (tag !== undefined) result.set(tag, this.#pos);
    return result;
  }

  reset(): void {
    this.#pos = 0;
    this.#count = 0;
    if (this.#bytes.length > CAPACITY_BYTES_KEPT) this.#bytes = allocate(CAPACITY_BYTES_MIN);
  }

  #grow(needed: number): void {
    const doubled = Math.min(2 * this.#bytes.length, this.#bytesMax);
    const grown = allocate(Math.max(needed, doubled));
    grown.set(this.#bytes.subarray(0, this.#pos));
    this.#bytes = grown;
  }
}

function writeSetFields(op: Op, bytes: Uint8Array, start: number): number {
  let pos = start;
  const { value } = op;
  if (value.length > 0) {
    bytes[pos++] = FieldTag.value;
    pos = writeVarint(value.length, bytes, pos);
    bytes.set(value, pos);
    pos += value.length;
  }
  if (op.ttlMs > 0) {
    bytes[pos++] = FieldTag.ttlMs;
    pos = writeVarint(op.ttlMs, bytes, pos);
  }
  if (op.keepTtl) {
    bytes[pos++] = FieldTag.keepTtl;
    bytes[pos++] = 1;
  }
  return pos;
}
