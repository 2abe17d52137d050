/**
 * Snapshot files, as bytes (R38):
 *
 *     head      magic u32, version u16, head bytes u16, crc u32, group u32, index u64, term u64,
 *               configuration
 *     frames    length u32, crc u32, chunk
 *     trailer   0 u32, crc u32, stream bytes u64, frame count u64
 *
 * A frame's CRC starts from its number, so frames cannot change places unnoticed.
 */
import { crc32 } from 'node:zlib';
import type { SnapshotMeta } from '@cashe/raft';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';
import { assert } from './errors.js';
import { configurationBytes, decodeConfiguration, encodeConfiguration } from './records.js';

export const SNAPSHOT_CHUNK_BYTES_MAX: number = 256 * 1024;
export const FRAME_HEAD_BYTES = 8;
export const TRAILER_BYTES = 24;
/** Enough to learn how long the head is. */
export const HEAD_PREFIX_BYTES = 12;

const MAGIC = 0x4e534243;
const VERSION = 1;
const HEAD_FIXED_BYTES = 32;
const HEAD_BYTES_MAX = 0xffff;

export interface SnapshotHead {
  readonly group: number;
  readonly meta: SnapshotMeta;
}

export interface SnapshotTrailer {
  readonly streamBytes: number;
  readonly frameCount: number;
}

export function encodeHead(head: SnapshotHead): Uint8Array {
  const { lastIncludedIndex, lastIncludedTerm, configuration } = head.meta;
  const length = HEAD_FIXED_BYTES + configurationBytes(configuration);
  assert(length <= HEAD_BYTES_MAX, 'a configuration fits the head of a snapshot');
  const writer = new ByteWriter(new Uint8Array(length));
  writer.u32(MAGIC);
  writer.u16(VERSION);
  writer.u16(length);
  writer.u32(0);
  writer.u32(head.group);
  writer.u64(lastIncludedIndex);
  writer.u64(lastIncludedTerm);
  encodeConfiguration(writer, configuration);
  writer.offset = 8;
  writer.u32(headCrc(writer.bytes));
  return writer.bytes;
}

/** Length of the head that begins with `prefix`. */
export function headBytes(prefix: Uint8Array): number {
  const reader = new ByteReader(prefix);
  if (reader.u32() !== MAGIC) throw new MalformedBytes('not a snapshot');
  const version = reader.u16();
  if (version !== VERSION) throw new MalformedBytes(`snapshot version ${version} is unknown`);
  const length = reader.u16();
  if (length < HEAD_FIXED_BYTES) throw new MalformedBytes('the head is too short');
  return length;
}

export function decodeHead(bytes: Uint8Array): SnapshotHead {
  const reader = new ByteReader(bytes, 8, headBytes(bytes));
  if (reader.u32() !== headCrc(bytes))
    throw new MalformedBytes('the CRC of the head does not hold');
  const group = reader.u32();
  const lastIncludedIndex = reader.u64();
  const lastIncludedTerm = reader.u64();
  const configuration = decodeConfiguration(reader);
  return { group, meta: { lastIncludedIndex, lastIncludedTerm, configuration } };
}

/** Everything but the CRC itself. */
function headCrc(bytes: Uint8Array): number {
  return crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8)));
}

/** Writes the frame of `chunk` into `into`; returns the frame. */
export function encodeFrame(into: Uint8Array, chunk: Uint8Array, frame: number): Uint8Array {
  const writer = new ByteWriter(into);
  writer.u32(chunk.length);
  writer.u32(crc32(chunk, frame % 2 ** 32));
  writer.raw(chunk);
  return into.subarray(0, writer.offset);
}

/** The chunk of frame number `frame` at the start of `bytes`, as a view. */
export function decodeFrame(bytes: Uint8Array, frame: number): Uint8Array {
  const reader = new ByteReader(bytes);
  const length = reader.u32();
  const crc = reader.u32();
  if (length === 0 || length > SNAPSHOT_CHUNK_BYTES_MAX) {
    throw new MalformedBytes(`a chunk has ${length} bytes`);
  }
  const chunk = reader.raw(length);
  if (crc !== crc32(chunk, frame % 2 ** 32)) throw new MalformedBytes('the CRC does not hold');
  return chunk;
}

export function encodeTrailer(trailer: SnapshotTrailer): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(TRAILER_BYTES));
  writer.u32(0);
  writer.u32(0);
  writer.u64(trailer.streamBytes);
  writer.u64(trailer.frameCount);
  writer.offset = 4;
  writer.u32(crc32(writer.bytes.subarray(FRAME_HEAD_BYTES)));
  return writer.bytes;
}

export function decodeTrailer(bytes: Uint8Array): SnapshotTrailer {
  const reader = new ByteReader(bytes);
  const marker = reader.u32();
  const crc = reader.u32();
  if (marker !== 0 || crc !== crc32(bytes.subarray(FRAME_HEAD_BYTES))) {
    throw new MalformedBytes('the trailer is not valid');
  }
  return { streamBytes: reader.u64(), frameCount: reader.u64() };
}
