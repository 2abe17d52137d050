/**
 * Boot (R37): finds the segments, replays every block, decides between a torn tail and corruption,
 * zeros the torn tail. What it hands on is everything a running log needs.
 */
import { blockFormatVersion, blockPayload, equalBytes, FORMAT_VERSION } from './block.js';
import { MalformedBytes } from './bytes.js';
import { completed, type Directory, type DiskFile, result } from './disk.js';
import { corrupt, StorageError } from './errors.js';
import { Groups } from './groups.js';
import {
  formatSegmentName,
  parseSegmentName,
  type Segment,
  type SegmentName,
  segmentOf,
  TEMPORARY_SUFFIX,
} from './segment.js';
import { type ScannedBlock, type SegmentScan, scanSegment } from './segment-scan.js';

const ZEROS_BYTES = 1 << 20;

export interface RecoveredLog {
  readonly groups: Groups;
  /** Oldest first; the last one is where the next block goes. Empty on a blank directory. */
  readonly segments: readonly Segment[];
  /** A segment that was prepared and not used yet. */
  readonly prepared: Segment | undefined;
  readonly endOffset: number;
  readonly lastNumber: number;
}

/**
 * Opens what is in `directory`. A prepared segment of another size than `segmentBytes` is deleted.
 * Throws a `StorageError`; then nothing stays open.
 */
export async function recover(directory: Directory, segmentBytes: number): Promise<RecoveredLog> {
  const names = await segmentNames(directory);
  const opened: Segment[] = [];
  try {
    for (const name of names) opened.push(await openSegment(directory, name));
    const log = await replay(directory, opened);
    const { prepared } = log;
    if (prepared === undefined || prepared.bytes === segmentBytes) return log;
    await remove(directory, prepared);
    return { ...log, prepared: undefined };
  } catch (error) {
    for (const segment of opened) await completed((done) => segment.file.close(done));
    throw error;
  }
}

/** Deletes what was never finished; the complete segments, oldest first. */
async function segmentNames(directory: Directory): Promise<SegmentName[]> {
  const files = await result<readonly string[]>((done) => directory.list(done));
  const names: SegmentName[] = [];
  let deleted = false;
  for (const file of files) {
    if (file.startsWith('.')) continue;
    if (file.endsWith(TEMPORARY_SUFFIX)) {
      await completed((done) => directory.unlink(file, done));
      deleted = true;
      continue;
    }
    const name = parseSegmentName(file);
    if (name === undefined) {
      const path = `${directory.path}/${file}`;
      throw new StorageError('foreign', `${path} is no segment of a log`, { file: path });
    }
    names.push(name);
  }
  if (deleted) await completed((done) => directory.sync(done));
  names.sort((a, b) => a.sequence - b.sequence);
  requireContiguous(directory, names);
  return names;
}

function requireContiguous(directory: Directory, names: readonly SegmentName[]): void {
  for (const [i, name] of names.entries()) {
    const expected = (names[0]?.sequence ?? 0) + i;
    if (name.sequence === expected) continue;
    throw corrupt(directory.path, 0, `segment ${expected} is missing or there twice`);
  }
}

async function openSegment(directory: Directory, name: SegmentName): Promise<Segment> {
  const fileName = formatSegmentName(name);
  const file = await result<DiskFile>((done) => directory.open(fileName, done));
  const bytes = await result<number>((done) => file.size(done));
  if (bytes !== name.bytes) {
    await completed((done) => file.close(done));
    throw corrupt(file.path, bytes, `the segment has ${bytes} bytes instead of ${name.bytes}`);
  }
  return segmentOf(name, file);
}

async function replay(directory: Directory, all: readonly Segment[]): Promise<RecoveredLog> {
  const groups = new Groups();
  const used: Segment[] = [];
  let prepared: Segment | undefined;
  let end: SegmentScan = { endOffset: 0, lastNumber: 0, dirtyEnd: 0 };
  for (const [i, segment] of all.entries()) {
    const previous = i === 0 ? undefined : end.lastNumber;
    const scan = await scanSegment(segment.file, segment, previous, (block) => {
      replayBlock(groups, segment, block, i === 0);
    });
    if (scan.endOffset > 0) {
      used.push(segment);
      end = scan;
      continue;
    }
    // No valid first block: it was prepared, perhaps its checkpoint was torn. Only the newest can.
    if (i !== all.length - 1 || (i === 0 && segment.sequence !== 1)) {
      throw corrupt(segment.file.path, 0, 'the first block of the segment is not valid');
    }
    await zero(segment, 0, scan.dirtyEnd);
    prepared = segment;
  }
  const current = used.at(-1);
  if (current !== undefined) await zero(current, end.endOffset, end.dirtyEnd);
  requireComplete(directory, groups);
  const { endOffset, lastNumber } = end;
  return { groups, segments: used, prepared, endOffset, lastNumber };
}

function replayBlock(groups: Groups, segment: Segment, block: ScannedBlock, oldest: boolean): void {
  const { header, offset, bytes } = block;
  const path = segment.file.path;
  const version = blockFormatVersion(bytes);
  if (version !== FORMAT_VERSION) {
    const message = `${path} has log format ${version}, this binary reads ${FORMAT_VERSION}`;
    throw new StorageError('foreign', message, { file: path, offset });
  }
  const payload = blockPayload(bytes, header);
  try {
    if (!header.checkpoint || oldest) {
      groups.replay(payload, { segment: segment.sequence, offset }, header.wallTimeMs);
    } else if (!equalBytes(payload, groups.checkpoint())) {
      throw new MalformedBytes('the checkpoint differs from the log before it');
    }
  } catch (error) {
    if (error instanceof MalformedBytes) throw corrupt(path, offset, error.message);
    throw error;
  }
}

async function remove(directory: Directory, segment: Segment): Promise<void> {
  await completed((done) => directory.unlink(segment.name, done));
  await completed((done) => directory.sync(done));
  await completed((done) => segment.file.close(done));
}

/** A torn tail: acknowledged to nobody (R37). Zeroed before anything is written behind it. */
async function zero(segment: Segment, from: number, to: number): Promise<void> {
  if (to <= from) return;
  const zeros = new Uint8Array(Math.min(ZEROS_BYTES, to - from));
  for (let offset = from; offset < to; offset += zeros.length) {
    const slice = zeros.subarray(0, Math.min(zeros.length, to - offset));
    await completed((done) => segment.file.write(slice, offset, done));
  }
  await completed((done) => segment.file.datasync(done));
}

function requireComplete(directory: Directory, groups: Groups): void {
  for (const tracked of groups.all()) {
    if (tracked.isComplete()) continue;
    const what = `group ${tracked.group} lacks entries after ${tracked.snapshotIndex}`;
    throw corrupt(directory.path, 0, what);
  }
}
