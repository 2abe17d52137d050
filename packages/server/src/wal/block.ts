/**
 * The unit of the log (R37), as bytes: a header, the payload, zeros up to the next 4-KiB boundary.
 *
 *     0 magic u32   4 crc u32   8 salt 8 bytes   16 number u64   24 wall time ms u64
 *     32 payload length u32   36 flags u16   38 format version u16   40 payload
 *
 * The CRC covers everything after itself up to the end of the payload. The salt is random and the
 * segment's own, so bytes a client stored are never taken for a block.
 */
import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter } from './bytes.js';
import { assert } from './errors.js';

/** Blocks start on multiples of this: no synced byte shares a page with a later write. */
export const PAGE_BYTES = 4096;
export const BLOCK_HEADER_BYTES = 40;
export const SALT_BYTES = 8;
export const FORMAT_VERSION = 1;

const MAGIC = 0x4b4c4243;
const CRC_OFFSET = 4;
const CRC_FROM = 8;
const FLAG_CHECKPOINT = 1;

export interface BlockHeader {
  readonly salt: Uint8Array;
  /** Blocks are numbered over all segments, without gaps. */
  readonly number: number;
  readonly wallTimeMs: number;
  readonly payloadBytes: number;
  /** The first block of a segment: the state of all groups, not changes to it. */
  readonly checkpoint: boolean;
}

/** Bytes a block with this payload takes on disk. */
export function blockBytes(payloadBytes: number): number {
  return Math.ceil((BLOCK_HEADER_BYTES + payloadBytes) / PAGE_BYTES) * PAGE_BYTES;
}

/**
 * Finishes the block in `buffer`, whose payload is already in place after the header: writes the
 * header and zeros the padding. Returns the bytes to write, a view of `buffer`.
 */
export function sealBlock(buffer: Uint8Array, header: BlockHeader): Uint8Array {
  const end = BLOCK_HEADER_BYTES + header.payloadBytes;
  const total = blockBytes(header.payloadBytes);
  assert(total <= buffer.length, 'a block fits its buffer');
  assert(header.salt.length === SALT_BYTES, 'a salt has eight bytes');
  const writer = new ByteWriter(buffer);
  writer.u32(MAGIC);
  writer.u32(0);
  writer.raw(header.salt);
  writer.u64(header.number);
  writer.u64(header.wallTimeMs);
  writer.u32(header.payloadBytes);
  writer.u16(header.checkpoint ? FLAG_CHECKPOINT : 0);
  writer.u16(FORMAT_VERSION);
  buffer.fill(0, end, total);
  writer.offset = CRC_OFFSET;
  writer.u32(crc32(buffer.subarray(CRC_FROM, end)));
  return buffer.subarray(0, total);
}

/**
 * The header at the start of `bytes` when it could be one of this segment: right magic and salt
 * and a length that fits `bytesMax`. Says nothing about the CRC.
 */
export function peekBlock(
  bytes: Uint8Array,
  salt: Uint8Array,
  bytesMax: number,
): BlockHeader | undefined {
  if (bytes.length < BLOCK_HEADER_BYTES) return undefined;
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) return undefined;
  reader.u32();
  const found = reader.raw(SALT_BYTES);
  if (!equalBytes(found, salt)) return undefined;
  if (highHalfTooLarge(bytes, 16) || highHalfTooLarge(bytes, 24)) return undefined;
  const number = reader.u64();
  const wallTimeMs = reader.u64();
  const payloadBytes = reader.u32();
  const checkpoint = (reader.u16() & FLAG_CHECKPOINT) !== 0;
  if (blockBytes(payloadBytes) > bytesMax) return undefined;
  return { salt, number, wallTimeMs, payloadBytes, checkpoint };
}

/** Whether the CRC of the block at the start of `bytes` holds; `bytes` holds its whole payload. */
export function checkBlock(bytes: Uint8Array, header: BlockHeader): boolean {
  const end = BLOCK_HEADER_BYTES + header.payloadBytes;
  if (bytes.length < end) return false;
  const stored = new ByteReader(bytes, CRC_OFFSET).u32();
  return stored === crc32(bytes.subarray(CRC_FROM, end));
}

/** The format a valid block was written in; a newer one is not ours to read. */
export function blockFormatVersion(bytes: Uint8Array): number {
  return new ByteReader(bytes, 38).u16();
}

/** The payload of a valid block, as a view. */
export function blockPayload(bytes: Uint8Array, header: BlockHeader): Uint8Array {
  return bytes.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + header.payloadBytes);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  return a.every((byte, i) => byte === b[i]);
}

/** A flipped bit may make a 64-bit field unreadable as a number; that is no block, not a crash. */
function highHalfTooLarge(bytes: Uint8Array, offset: number): boolean {
  return new ByteReader(bytes, offset + 4).u32() >= 2 ** 21;
}
