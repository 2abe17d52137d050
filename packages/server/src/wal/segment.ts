/**
 * Segment files: fixed size, zero-filled and durable before they are used, never recycled (R37).
 * Number, salt and size are in the name, so a damaged first block leaves no doubt about any.
 */

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
  /** Reads under way; the file is closed when the last one ends after the segment was deleted. */
  readers: number;
  deleted: boolean;
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
  return { ...name, name: formatSegmentName(name), file, readers: 0, deleted: false };
}
