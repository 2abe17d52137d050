/**
 * The write-ahead log on a disk (R36 `fsync`, R37). One append is one block, one write, one sync;
 * block n + 1 is written after n is synced. Everything else happens beside it: preparing the next
 * segment, reading entries back, deleting segments whose entries snapshots cover.
 */
import type { LogIndex } from '@cashe/raft';
import type { Clock, Scheduler } from '../host/ports.js';
import type {
  EntriesDone,
  GroupLog,
  GroupRecords,
  StorageDone,
  Wal,
  WalError,
  WalState,
  WalStatus,
} from '../host/storage-ports.js';
import { BLOCK_HEADER_BYTES, blockBytes, SALT_BYTES, sealBlock } from './block.js';
import { BlockBuffer } from './block-buffer.js';
import { ByteWriter } from './bytes.js';
import type { Directory } from './disk.js';
import { EntryReader } from './entry-reader.js';
import { assert } from './errors.js';
import type { Groups } from './groups.js';
import { encodeRecords, recordBytes } from './records.js';
import type { RecoveredLog } from './recovery.js';
import { retire, type Segment } from './segment.js';
import { SegmentDeleter } from './segment-deleter.js';
import { SegmentPreparer } from './segment-preparer.js';

export interface WalEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Unpredictable bytes; seeded only in the simulator. */
  random(bytes: number): Uint8Array;
}

export interface WalSizes {
  /** Fixed size of a new segment; must hold a checkpoint and the largest block. */
  readonly segmentBytes: number;
  readonly blockBytesMax: number;
  /** R6: bound of the log on disk; entries are not to be appended above it. */
  readonly walBytesMax: number;
}

export class FileWal implements Wal {
  readonly blockBytesMax: number;
  readonly #environment: WalEnvironment;
  readonly #sizes: WalSizes;
  readonly #groups: Groups;
  readonly #segments: Segment[];
  readonly #buffer: BlockBuffer;
  readonly #preparer: SegmentPreparer;
  readonly #deleter: SegmentDeleter;
  readonly #reader: EntryReader;
  #prepared: Segment | undefined;
  #endOffset: number;
  #lastNumber: number;
  #outstanding: StorageDone | undefined = undefined;
  /** Continues the outstanding append once a segment is prepared. */
  #onPrepared: (() => void) | undefined = undefined;
  #failure: WalError | undefined = undefined;
  #closed = false;

  /** Use `openWal`. */
  constructor(
    directory: Directory,
    recovered: RecoveredLog,
    sizes: WalSizes,
    environment: WalEnvironment,
  ) {
    this.#environment = environment;
    this.#sizes = sizes;
    this.blockBytesMax = sizes.blockBytesMax;
    this.#groups = recovered.groups;
    this.#segments = [...recovered.segments];
    this.#prepared = recovered.prepared;
    this.#endOffset = recovered.endOffset;
    this.#lastNumber = recovered.lastNumber;
    this.#buffer = new BlockBuffer(directory);
    this.#preparer = new SegmentPreparer(directory, environment.scheduler, sizes.segmentBytes);
    this.#deleter = new SegmentDeleter(directory, (error) => this.#fail(error));
    this.#reader = new EntryReader(this.#groups, this.#segments, environment.scheduler);
  }

  /** First call: makes a segment current when there is none, and prepares the next one. */
  start(done: StorageDone): void {
    const blank = this.#segments.length === 0;
    // Nobody could be told that a node without a log waits for space: it does not start.
    this.#prepareNext({ waitForSpace: !blank });
    if (!blank) {
      this.#environment.scheduler.defer(() => done(this.#failure));
      return;
    }
    this.#outstanding = done;
    this.#rollOver(() => this.#settle(undefined));
  }

  append(records: readonly GroupRecords[], done: StorageDone): void {
    assert(this.#outstanding === undefined, 'one append at a time');
    assert(!this.#closed, 'the log is open');
    if (this.#failure !== undefined) {
      this.#environment.scheduler.defer(() => done(this.#failure));
      return;
    }
    let payloadBytes = 0;
    const refusal = this.#groups.refusal(records);
    assert(refusal === undefined, refusal ?? '');
    for (const one of records) payloadBytes += recordBytes(one);
    assert(payloadBytes <= this.blockBytesMax, 'the records fit a block');
    this.#outstanding = done;
    const bytes = blockBytes(payloadBytes);
    const fits = this.#endOffset + bytes <= this.#current().bytes;
    if (fits) this.#writeRecords(records, payloadBytes);
    else this.#rollOver(() => this.#writeRecords(records, payloadBytes));
  }

  bytesOf(records: GroupRecords): number {
    return recordBytes(records);
  }

  release(group: number, index: LogIndex): void {
    const tracked = this.#groups.get(group);
    if (tracked === undefined || this.#failure !== undefined || this.#closed) return;
    if (tracked.release(index)) this.#deleteReleased();
  }

  bytesSince(group: number): number {
    return this.#groups.get(group)?.bytesSinceSnapshot ?? 0;
  }

  readEntries(group: number, fromIndex: LogIndex, bytesMax: number, done: EntriesDone): void {
    assert(!this.#closed, 'the log is open');
    this.#reader.read(group, fromIndex, bytesMax, done);
  }

  groupLog(group: number): GroupLog | undefined {
    return this.#groups.get(group)?.view();
  }

  groupLogs(): readonly GroupLog[] {
    return Array.from(this.#groups.all(), (tracked) => tracked.view());
  }

  status(): WalStatus {
    let diskBytes = this.#prepared?.bytes ?? 0;
    for (const segment of this.#segments) diskBytes += segment.bytes;
    return {
      state: this.#state(diskBytes),
      diskBytes,
      diskBytesMax: this.#sizes.walBytesMax,
      segmentCount: this.#segments.length,
      pinningGroup: this.#segments.length > 1 ? this.#pinningGroup() : undefined,
    };
  }

  close(done: StorageDone): void {
    assert(this.#outstanding === undefined && !this.#closed, 'no append is outstanding');
    this.#closed = true;
    this.#preparer.stop((stopError) => {
      this.#deleter.stop(() => {
        const open = this.#prepared === undefined ? [] : [this.#prepared];
        closeAll([...this.#segments, ...open], stopError, done);
      });
    });
  }

  #state(diskBytes: number): WalState {
    if (this.#failure !== undefined) return 'failed';
    if (this.#preparer.waitingForSpace) return 'waitingForSpace';
    return diskBytes > this.#sizes.walBytesMax ? 'full' : 'ready';
  }

  #current(): Segment {
    const segment = this.#segments.at(-1);
    assert(segment !== undefined, 'a started log has a segment');
    return segment;
  }

  #writeRecords(records: readonly GroupRecords[], payloadBytes: number): void {
    const segment = this.#current();
    const offset = this.#endOffset;
    const wallTimeMs = Math.max(0, Math.floor(this.#environment.clock.wallMs()));
    const encode = (writer: ByteWriter): void => {
      for (const one of records) encodeRecords(writer, one);
    };
    const header = { payloadBytes, wallTimeMs, checkpoint: false };
    this.#writeBlock(segment, offset, header, encode, () => {
      const location = { segment: segment.sequence, offset };
      for (const one of records) this.#groups.follow(one, location, wallTimeMs);
      // A buried replica pins nothing: its entries may go (R8).
      if (records.some((one) => one.tombstone)) this.#deleteReleased();
      this.#settle(undefined);
    });
  }

  #writeBlock(
    segment: Segment,
    offset: number,
    header: {
      readonly payloadBytes: number;
      readonly wallTimeMs: number;
      readonly checkpoint: boolean;
    },
    encode: (writer: ByteWriter) => void,
    next: () => void,
  ): void {
    const total = blockBytes(header.payloadBytes);
    assert(offset + total <= segment.bytes, 'a block fits its segment');
    const buffer = this.#buffer.take(total);
    const writer = new ByteWriter(buffer, BLOCK_HEADER_BYTES);
    encode(writer);
    assert(writer.offset === BLOCK_HEADER_BYTES + header.payloadBytes, 'sizes were right');
    const number = this.#lastNumber + 1;
    const block = sealBlock(buffer, { ...header, salt: segment.salt, number });
    segment.file.writeDurably(block, offset, (error) => {
      if (error !== undefined) return this.#fail(error);
      this.#lastNumber = number;
      this.#endOffset = offset + total;
      next();
    });
  }

  /** The next segment becomes current: its first block is the checkpoint (R37). */
  #rollOver(next: () => void): void {
    const segment = this.#prepared;
    if (segment === undefined) {
      this.#onPrepared = () => this.#rollOver(next);
      return;
    }
    this.#prepared = undefined;
    const payloadBytes = this.#groups.checkpointBytes();
    const wallTimeMs = Math.max(0, Math.floor(this.#environment.clock.wallMs()));
    const encode = (writer: ByteWriter): void => this.#groups.encodeCheckpoint(writer);
    this.#writeBlock(segment, 0, { payloadBytes, wallTimeMs, checkpoint: true }, encode, () => {
      this.#segments.push(segment);
      this.#deleteReleased();
      this.#prepareNext({ waitForSpace: true });
      next();
    });
  }

  #prepareNext(options: { readonly waitForSpace: boolean }): void {
    if (this.#prepared !== undefined) return;
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    const salt = this.#environment.random(SALT_BYTES);
    const name = { sequence, salt, bytes: this.#sizes.segmentBytes };
    this.#preparer.prepare(name, options, (error, segment) => {
      if (error !== undefined || segment === undefined) return this.#fail(error);
      this.#prepared = segment;
      const onPrepared = this.#onPrepared;
      this.#onPrepared = undefined;
      onPrepared?.();
    });
  }

  /** Whole segments, oldest first, never the current one. */
  #deleteReleased(): void {
    while (this.#segments.length > 1 && this.#pinningGroup() === undefined) {
      const oldest = this.#segments.shift();
      if (oldest === undefined) return;
      for (const tracked of this.#groups.all()) tracked.entries.dropThrough(oldest.sequence);
      this.#deleter.add(oldest);
    }
  }

  #pinningGroup(): number | undefined {
    const oldest = this.#segments[0];
    if (oldest === undefined) return undefined;
    for (const tracked of this.#groups.all()) {
      if (tracked.pins(oldest.sequence)) return tracked.group;
    }
    return undefined;
  }

  /** R39: never retried; whoever waits is told, and everyone later. */
  #fail(error: WalError | undefined): void {
    assert(error !== undefined, 'a failure has a reason');
    this.#failure ??= error;
    this.#onPrepared = undefined;
    if (this.#outstanding !== undefined) this.#settle(this.#failure);
  }

  #settle(error: WalError | undefined): void {
    const done = this.#outstanding;
    this.#outstanding = undefined;
    // What was written may have replaced the last entries that kept a segment.
    if (error === undefined) this.#deleteReleased();
    done?.(error);
  }
}

function closeAll(
  segments: readonly Segment[],
  earlier: WalError | undefined,
  done: StorageDone,
): void {
  let left = segments.length;
  let failure = earlier;
  if (left === 0) done(failure);
  for (const segment of segments) {
    retire(segment, (error) => {
      failure ??= error;
      left -= 1;
      if (left === 0) done(failure);
    });
  }
}
