/**
 * Reads entries back from segments, beside the appends (R6): at boot, and for followers behind the
 * memory tail. One call reads one slice of one segment, so memory and time are bounded.
 */
import type { Entry, LogIndex } from '@cashe/raft';
import type { Scheduler } from '../host/ports.js';
import type { EntriesDone, WalError } from '../host/storage-ports.js';
import { type BlockHeader, blockBytes, blockPayload, checkBlock, peekBlock } from './block.js';
import { ByteReader, MalformedBytes } from './bytes.js';
import { assert, corrupt } from './errors.js';
import type { Groups } from './groups.js';
import { decodeEntries, decodeRecord } from './records.js';
import { endRead, type Segment } from './segment.js';
import type { TrackedGroup } from './tracked-group.js';

const SLICE_BYTES_MIN = 64 * 1024;
const SLICE_BYTES_MAX = 1 << 20;

interface Request {
  readonly tracked: TrackedGroup;
  readonly replicaId: number;
  readonly segment: Segment;
  readonly fromIndex: LogIndex;
  readonly bytesMax: number;
  readonly done: EntriesDone;
}

/** A part of a segment in memory. */
interface Slice {
  readonly bytes: Uint8Array;
  readonly from: number;
}

export class EntryReader {
  readonly #groups: Groups;
  readonly #segments: readonly Segment[];
  readonly #scheduler: Scheduler;

  /** `segments` is the log's own list, oldest first. */
  constructor(groups: Groups, segments: readonly Segment[], scheduler: Scheduler) {
    this.#groups = groups;
    this.#segments = segments;
    this.#scheduler = scheduler;
  }

  read(group: number, fromIndex: LogIndex, bytesMax: number, done: EntriesDone): void {
    const tracked = this.#groups.get(group);
    const item = tracked === undefined ? -1 : tracked.entries.find(fromIndex);
    if (tracked === undefined || item < 0 || fromIndex > tracked.lastIndex) {
      this.#scheduler.defer(() => done(undefined, []));
      return;
    }
    const segment = this.#segment(tracked.entries.segment(item));
    const { replicaId } = tracked;
    const request: Request = { tracked, replicaId, segment, fromIndex, bytesMax, done };
    const wanted = Math.min(Math.max(bytesMax, SLICE_BYTES_MIN), SLICE_BYTES_MAX);
    segment.readers += 1;
    this.#load(request, tracked.entries.offset(item), wanted);
  }

  #segment(sequence: number): Segment {
    const oldest = this.#segments[0]?.sequence ?? 0;
    const segment = this.#segments[sequence - oldest];
    assert(segment !== undefined, 'an indexed entry is in a segment');
    return segment;
  }

  #load(request: Request, offset: number, bytes: number): void {
    const { file } = request.segment;
    const into = new Uint8Array(Math.min(bytes, request.segment.bytes - offset));
    file.read(into, offset, (error, read) => {
      if (error !== undefined) return end(request, error, []);
      if (read < into.length) {
        return end(request, corrupt(file.path, offset + read, 'the file ends here'), []);
      }
      this.#extract(request, { bytes: into, from: offset });
    });
  }

  #extract(request: Request, slice: Slice): void {
    const header = headerAt(request.segment, slice, slice.from);
    const whole = header === undefined ? 0 : blockBytes(header.payloadBytes);
    if (whole > slice.bytes.length) {
      this.#load(request, slice.from, whole);
      return;
    }
    try {
      end(request, undefined, entriesIn(request, slice));
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      end(request, corrupt(request.segment.file.path, slice.from, error.message), []);
    }
  }
}

/** Entries from `fromIndex` on whose blocks lie whole in the slice. */
function entriesIn(request: Request, slice: Slice): Entry[] {
  const { tracked, segment } = request;
  const { entries: index } = tracked;
  const found: Entry[] = [];
  // The log may have changed during the read: what it says now is looked up again.
  let item = tracked.replicaId === request.replicaId ? index.find(request.fromIndex) : -1;
  let next = request.fromIndex;
  let left = request.bytesMax;
  for (; item >= 0 && item < index.length && left >= 0; item += 1) {
    const offset = index.offset(item);
    if (index.segment(item) !== segment.sequence || offset < slice.from) break;
    const last = item + 1 < index.length ? index.firstIndex(item + 1) - 1 : tracked.lastIndex;
    const payload = payloadAt(segment, slice, offset);
    if (payload === undefined) break;
    const firstIndex = index.firstIndex(item);
    const range = { firstIndex, fromIndex: next, toIndex: last, bytesMax: left };
    left -= collect(payload, tracked.group, range, found);
    const reached = (found.at(-1)?.index ?? 0) + 1;
    if (reached <= last) break;
    next = reached;
  }
  return found;
}

/** The block's payload; undefined when the slice ends within the block. Throws when damaged. */
function payloadAt(segment: Segment, slice: Slice, offset: number): Uint8Array | undefined {
  if (offset >= slice.from + slice.bytes.length) return undefined;
  const header = headerAt(segment, slice, offset);
  if (header === undefined) throw new MalformedBytes('no valid block');
  const bytes = slice.bytes.subarray(offset - slice.from);
  if (bytes.length < blockBytes(header.payloadBytes)) return undefined;
  if (!checkBlock(bytes, header)) throw new MalformedBytes('the CRC does not hold');
  return blockPayload(bytes, header);
}

function headerAt(segment: Segment, slice: Slice, offset: number): BlockHeader | undefined {
  const bytes = slice.bytes.subarray(offset - slice.from);
  return peekBlock(bytes, segment.salt, segment.bytes - offset);
}

function collect(
  payload: Uint8Array,
  group: number,
  range: {
    readonly firstIndex: LogIndex;
    readonly fromIndex: LogIndex;
    readonly toIndex: LogIndex;
    readonly bytesMax: number;
  },
  into: Entry[],
): number {
  const reader = new ByteReader(payload);
  let body: Uint8Array | undefined;
  while (reader.left > 0) {
    const record = decodeRecord(reader);
    if (record.kind !== 'entries' || record.group !== group) continue;
    // The last one counts: within a block, too, later entries replace earlier ones.
    if (record.firstIndex === range.firstIndex) body = record.body;
  }
  if (body === undefined) throw new MalformedBytes('the entries are not in their block');
  return decodeEntries(body, range, into);
}

function end(request: Request, error: WalError | undefined, entries: readonly Entry[]): void {
  // The file is gone from the log: an error on closing it means nothing to who reads.
  endRead(request.segment, () => request.done(error, entries));
}
