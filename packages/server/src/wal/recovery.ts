/**
 * Boot (R37): finds the segments, replays every block, decides between a torn tail and corruption,
 * zeros the torn tail. What it hands on is everything a running log needs.
 */
import { blockFormatVersion, blockPayload, equalBytes, FORMAT_VERSION } from './block.js';
import { MalformedBytes } from './bytes.js';
import {
  completed,
  type Directory,
  type DiskFile,
  type ReadableDirectory,
  result,
} from './disk.js';
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

/** Bytes behind the last valid block of a segment: acknowledged to nobody (R37). */
export interface TornEnd {
  readonly segment: Segment;
  readonly fromOffset: number;
  readonly toOffset: number;
}

export interface InspectedLog extends RecoveredLog {
  /** Number of the first block of each of `segments`. */
  readonly firstNumbers: readonly number[];
  readonly tornEnds: readonly TornEnd[];
  /** Names of files that were never finished. */
  readonly unfinished: readonly string[];
}

/**
 * Opens what is in `directory` and repairs what a crash left: a torn end is zeroed, unfinished
 * files and a prepared segment of another size than `segmentBytes` are deleted.
 * Throws a `StorageError`; then nothing stays open, and nothing was changed if it is `corrupt`.
 */
export async function recover(directory: Directory, segmentBytes: number): Promise<RecoveredLog> {
  const log = await inspectLog(directory);
  try {
    for (const name of log.unfinished) await completed((done) => directory.unlink(name, done));
    if (log.unfinished.length > 0) await completed((done) => directory.sync(done));
    for (const end of log.tornEnds) await zero(end);
    const { prepared } = log;
    if (prepared === undefined || prepared.bytes === segmentBytes) return log;
    await remove(directory, prepared);
    return { ...log, prepared: undefined };
  } catch (error) {
    await closeLog(log);
    throw error;
  }
}

/** What `recover` would find, with nothing changed. Throws a `StorageError`, with nothing open. */
export async function inspectLog(directory: ReadableDirectory): Promise<InspectedLog> {
  const { names, unfinished } = await segmentNames(directory);
  const opened: Segment[] = [];
  try {
    for (const name of names) opened.push(await openSegment(directory, name));
    return { ...(await replay(directory, opened)), unfinished };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** Closes the files of a log that nothing else uses. */
export function closeLog(log: RecoveredLog): Promise<void> {
  return closeAll(log.prepared === undefined ? log.segments : [...log.segments, log.prepared]);
}

async function closeAll(segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) await completed((done) => segment.file.close(done));
}

/** The complete segments, oldest first, and what was never finished. */
async function segmentNames(
  directory: ReadableDirectory,
): Promise<{ readonly names: readonly SegmentName[]; readonly unfinished: readonly string[] }> {
  const files = await result<readonly string[]>((done) => directory.list(done));
  const names: SegmentName[] = [];
  const unfinished: string[] = [];
  for (const file of files) {
    if (file.startsWith('.')) continue;
    if (file.endsWith(TEMPORARY_SUFFIX)) {
      unfinished.push(file);
      continue;
    }
    const name = parseSegmentName(file);
    if (name === undefined) {
      const path = `${directory.path}/${file}`;
      throw new StorageError('foreign', `${path} is no segment of a log`, { file: path });
    }
    names.push(name);
  }
  names.sort((a, b) => a.sequence - b.sequence);
  requireContiguous(directory, names);
  return { names, unfinished };
}

function requireContiguous(directory: ReadableDirectory, names: readonly SegmentName[]): void {
  for (const [i, name] of names.entries()) {
    const expected = (names[0]?.sequence ?? 0) + i;
    if (name.sequence === expected) continue;
    throw corrupt(directory.path, 0, `segment ${expected} is missing or there twice`);
  }
}

async function openSegment(directory: ReadableDirectory, name: SegmentName): Promise<Segment> {
  const fileName = formatSegmentName(name);
  const file = await result<DiskFile>((done) => directory.open(fileName, done));
  const bytes = await result<number>((done) => file.size(done));
  if (bytes !== name.bytes) {
    await completed((done) => file.close(done));
    throw corrupt(file.path, bytes, `the segment has ${bytes} bytes instead of ${name.bytes}`);
  }
  return segmentOf(name, file);
}

async function replay(
  directory: ReadableDirectory,
  all: readonly Segment[],
): Promise<Omit<InspectedLog, 'unfinished'>> {
  const groups = new Groups();
  const used: Segment[] = [];
  const firstNumbers: number[] = [];
  const tornEnds: TornEnd[] = [];
  let prepared: Segment | undefined;
  let end: SegmentScan = { endOffset: 0, lastNumber: 0, dirtyEnd: 0 };
  for (const [i, segment] of all.entries()) {
    const previous = i === 0 ? undefined : end.lastNumber;
    const scan = await scanSegment(segment.file, segment, previous, (block) => {
      if (block.offset === 0) firstNumbers.push(block.header.number);
      replayBlock(groups, segment, block, i === 0);
    });
    if (scan.endOffset === 0) {
      // No valid first block: it was prepared, perhaps its checkpoint was torn. Only the newest
      // can.
      if (i !== all.length - 1 || (i === 0 && segment.sequence !== 1)) {
        throw corrupt(segment.file.path, 0, 'the first block of the segment is not valid');
      }
      prepared = segment;
      tornEnds.push(...tornEnd(segment, scan));
      continue;
    }
    used.push(segment);
    end = scan;
  }
  const current = used.at(-1);
  if (current !== undefined) tornEnds.push(...tornEnd(current, end));
  requireComplete(directory, groups);
  const { endOffset, lastNumber } = end;
  return { groups, segments: used, prepared, endOffset, lastNumber, firstNumbers, tornEnds };
}

function tornEnd(segment: Segment, scan: SegmentScan): TornEnd[] {
  const { endOffset: fromOffset, dirtyEnd: toOffset } = scan;
  return toOffset > fromOffset ? [{ segment, fromOffset, toOffset }] : [];
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

/** Before anything is written behind it (R37). */
async function zero(end: TornEnd): Promise<void> {
  const { file } = end.segment;
  const { fromOffset, toOffset } = end;
  const zeros = new Uint8Array(Math.min(ZEROS_BYTES, toOffset - fromOffset));
  for (let offset = fromOffset; offset < toOffset; offset += zeros.length) {
    const slice = zeros.subarray(0, Math.min(zeros.length, toOffset - offset));
    await completed((done) => file.write(slice, offset, done));
  }
  await completed((done) => file.datasync(done));
}

function requireComplete(directory: ReadableDirectory, groups: Groups): void {
  for (const tracked of groups.all()) {
    if (tracked.isComplete()) continue;
    const what = `group ${tracked.group} lacks entries after ${tracked.snapshotIndex}`;
    throw corrupt(directory.path, 0, what);
  }
}
