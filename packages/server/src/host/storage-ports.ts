/**
 * What the host asks of stable storage: the write-ahead log, snapshot files and the data directory.
 *
 * Everything used while the node serves takes callbacks, never promises: a deterministic simulator
 * drives these ports step by step, and the append path is hot. A callback never runs inside the
 * call that got it. Only opening (boot) is asynchronous by promise.
 */
import type { Entry, HardState, LogIndex, ReplicaId, SnapshotMeta } from '@cashe/raft';

/**
 * - `corrupt`: bytes that were durable are not what was written; refuse to start, naming the place.
 * - `io`: a call of the operating system failed; never retried (R39).
 * - `noSpace`: the disk is full.
 * - `locked`: another process holds the data directory.
 * - `foreign`: the directory holds something that is not ours, or a newer format.
 */
export type WalErrorKind = 'corrupt' | 'io' | 'noSpace' | 'locked' | 'foreign';

/** The one error of storage. `file` and `offset` say where; 0 when there is no better offset. */
export interface WalError extends Error {
  readonly kind: WalErrorKind;
  readonly file: string;
  readonly offset: number;
}

/** Undefined means success. */
export type StorageDone = (error: WalError | undefined) => void;

/**
 * Points the log at a snapshot file that is durable under its name (R38). `file` is empty only for
 * the state a replica is created with (`lastIncludedIndex` 0): then `meta` merely carries the
 * configuration it starts from.
 */
export interface SnapshotMarker {
  readonly meta: SnapshotMeta;
  readonly file: string;
  /**
   * True for an installed snapshot whose entry is not in the log: every entry goes, and the log
   * restarts after `lastIncludedIndex`. False: entries above it stay (Raft figure 13, step 6).
   */
  readonly replacesLog: boolean;
}

/** What one group wants durable. Order of effect: hard state, snapshot, entries, tombstone. */
export interface GroupRecords {
  readonly group: number;
  /** A replica id not seen before in this group starts a new, empty replica (R8). */
  readonly replicaId: ReplicaId;
  readonly hardState: HardState | undefined;
  /** Contiguous; they replace everything from `entries[0].index` on. */
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMarker | undefined;
  /** The replica is gone for ever: its data may be deleted once this is durable (R8). */
  readonly tombstone: boolean;
}

/** One group as it is on disk; what a replica starts from. */
export interface GroupLog {
  readonly group: number;
  /** 0: only tombstones of earlier replicas are known. */
  readonly replicaId: ReplicaId;
  /** Highest replica id of this group that has a tombstone here; 0: none. */
  readonly tombstonedReplicaId: ReplicaId;
  /** `commitIndex` may lag, and is never above `lastIndex`. */
  readonly hardState: HardState;
  readonly snapshot: SnapshotMarker | undefined;
  /** Durable entries that can be read: none when `lastIndex` is below `firstIndex`. */
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** Wall time, ms, in the header of the block that holds the newest entries; 0: none (R16). */
  readonly lastEntryWallTimeMs: number;
}

/**
 * - `ready`
 * - `waitingForSpace`: the disk was full while a segment was being prepared; tried again each
 *   second. R9: the leader refuses proposals and may hand over.
 * - `full`: the log is at its bound (R6): take no entries until snapshots released segments. Hard
 *   states and snapshot markers are still accepted.
 * - `failed`: a write or sync failed, perhaps beside any append; the node must stop (R39).
 */
export type WalState = 'ready' | 'waitingForSpace' | 'full' | 'failed';

export interface WalStatus {
  readonly state: WalState;
  readonly diskBytes: number;
  readonly diskBytesMax: number;
  readonly segmentCount: number;
  /** The group whose entries keep the oldest segment (R28: snapshot it at once); else undefined. */
  readonly pinningGroup: number | undefined;
}

/** Entries read back; empty when `fromIndex` is not, or no longer, in the log. */
export type EntriesDone = (error: WalError | undefined, entries: readonly Entry[]) => void;

export interface Wal {
  /** Bytes of records one append may carry: one block, one write, one sync (R37). */
  readonly blockBytesMax: number;
  /**
   * Makes `records` durable, all or nothing; several of one group take effect in order. They must
   * fit a block, and at most one append may be outstanding (both asserted). Entry data must not
   * change before `done`. After an error every later call fails with it (R39).
   */
  append(records: readonly GroupRecords[], done: StorageDone): void;
  /** Bytes `records` take in a block, so that the host can stop collecting in time. */
  bytesOf(records: GroupRecords): number;
  /**
   * Entries of `group` up to `index` are covered by a durable, verified snapshot and needed by no
   * follower. Whole segments that hold nothing else, of any group, are deleted in the background.
   */
  release(group: number, index: LogIndex): void;
  /** Record bytes (not padding) of entries above the last snapshot marker (R37). */
  bytesSince(group: number): number;
  /**
   * Durable entries from `fromIndex` on: at least one, then up to `bytesMax` of data. The data are
   * views of a read buffer: copy what is kept for long. Reads run beside appends.
   */
  readEntries(group: number, fromIndex: LogIndex, bytesMax: number, done: EntriesDone): void;
  /** The group as it is durable now; undefined when the log never heard of it. */
  groupLog(group: number): GroupLog | undefined;
  groupLogs(): readonly GroupLog[];
  status(): WalStatus;
  /** Called after an outstanding append; nothing else may be called afterwards. */
  close(done: StorageDone): void;
}

/** Writes one snapshot; each call waits for the callback of the one before (backpressure, R34). */
export interface SnapshotWriter {
  /** Bytes taken so far. */
  readonly bytes: number;
  /** At most `snapshotChunkBytesMax`; may be reused by the caller after `done`. */
  write(chunk: Uint8Array, done: StorageDone): void;
  /** Trailer, fsync, rename, directory fsync (R38); then the marker may be appended to the WAL. */
  commit(done: (error: WalError | undefined, file: string) => void): void;
  /** Forgets the file; a failure to delete it is harmless, `retain` collects it later. */
  abort(done: StorageDone): void;
}

/** Reads a snapshot's byte stream in order and checks every chunk. */
export interface SnapshotReader {
  readonly meta: SnapshotMeta;
  readonly group: number;
  /** Size of the byte stream. */
  readonly bytes: number;
  /** The next chunk; undefined after the last one, when everything was verified. */
  read(done: (error: WalError | undefined, chunk: Uint8Array | undefined) => void): void;
  close(done: StorageDone): void;
}

export interface SnapshotStore {
  /** The largest chunk a writer takes. */
  readonly chunkBytesMax: number;
  begin(
    group: number,
    meta: SnapshotMeta,
    done: (error: WalError | undefined, writer: SnapshotWriter | undefined) => void,
  ): void;
  /** `file` as a marker names it. A missing or damaged file is `corrupt`. */
  open(
    file: string,
    done: (error: WalError | undefined, reader: SnapshotReader | undefined) => void,
  ): void;
  /** Names of all complete snapshot files of a group, oldest first. */
  list(group: number, done: (error: WalError | undefined, files: readonly string[]) => void): void;
  /**
   * Deletes every file of `group` but `files`, with what crashes left behind. Called once the new
   * snapshot was verified (R38), and at boot with the file the marker names.
   */
  retain(group: number, files: readonly string[], done: StorageDone): void;
}

/** Small files that are replaced as a whole, checksummed; opaque to storage. */
export type DirectoryRecord = 'genesis' | 'identity' | 'tombstone';

export interface DataDirectory {
  /** 32 hex digits; random, made durable before anything else is (R25). */
  readonly nodeUid: string;
  /** The bytes last written, undefined when none were. */
  read(record: DirectoryRecord): Uint8Array | undefined;
  /** Durable once `done` is called: temporary file, fsync, rename, directory fsync. */
  write(record: DirectoryRecord, bytes: Uint8Array, done: StorageDone): void;
}
