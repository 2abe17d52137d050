/**
 * Segment files: fixed size, zero-filled and durable before they are used, never recycled (R37).
 * Number, salt and size are in the name, so a damaged first block leaves no doubt about any.
 */

import type { StorageDone } from '../host/storage-ports.js';
import { SALT_BYTES } from './block.js';
import type { DiskFile } from './disk.js';

export interface SegmentName {
  /** Position among the segments, from 1, without gaps. */
  readonly sequence: number;
  readonly salt: Uint8Array;
  readonly bytes: number;
}

/** A segment that can be read, and is kept open for it. */
export interface Segment extends SegmentName {
  readonly file: DiskFile;
  readonly name: string;
  /** Reads under way. */
  readers: number;
  /** Nobody but they need the file any more. */
  retired: boolean;
}

export const TEMPORARY_SUFFIX = '.tmp';

const SEGMENT_NAME = /^([0-9]{10})-([0-9a-f]{16})-([0-9]+)\.wal$/;

export function formatSegmentName(name: SegmentName): string {
  const sequence = String(name.sequence).padStart(10, '0');
  const salt = Buffer.from(name.salt).toString('hex');
  return `${sequence}-${salt}-${name.bytes}.wal`;
}

/** Undefined for anything that is not the name of a complete segment. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = SEGMENT_NAME.exec(name);
  if (match === null) return undefined;
  const [, sequence = '', salt = '', bytes = ''] = match;
  const parsed = new Uint8Array(Buffer.from(salt, 'hex'));
  if (parsed.length !== SALT_BYTES) return undefined;
  return { sequence: Number(sequence), salt: parsed, bytes: Number(bytes) };
}

export function segmentOf(name: SegmentName, file: DiskFile): Segment {
  return { ...name, name: formatSegmentName(name), file, readers: 0, retired: false };
}

/** Closes the file once: now, or by the last read under way when there is one. */
export function retire(segment: Segment, done: StorageDone): void {
  segment.retired = true;
  if (segment.readers > 0) done(undefined);
  else segment.file.close(done);
}

/** A read ended. */
export function endRead(segment: Segment, done: StorageDone): void {
  segment.readers -= 1;
  if (segment.retired && segment.readers === 0) segment.file.close(done);
  else done(undefined);
}
