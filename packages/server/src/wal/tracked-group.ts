/**
 * One group as the records so far describe it. The same code follows the log while it is written
 * and replays it at boot, so both agree by construction.
 */
import type { HardState, LogIndex, ReplicaId } from '@cashe/raft';
import type { GroupLog, SnapshotMarker } from '../host/storage-ports.js';
import { MalformedBytes } from './bytes.js';
import { EntryIndex, type EntryLocation } from './entry-index.js';
import type { Frontier } from './frontier.js';
import type { GroupState } from './records.js';

const NO_HARD_STATE: HardState = { currentTerm: 0, votedFor: 0, commitIndex: 0 };

export class TrackedGroup {
  readonly group: number;
  #replicaId: ReplicaId = 0;
  #tombstonedReplicaId: ReplicaId = 0;
  #hardState: HardState = NO_HARD_STATE;
  #snapshot: SnapshotMarker | undefined = undefined;
  #lastIndex: LogIndex = 0;
  #lastEntryWallTimeMs = 0;
  /** Record bytes of entries, ever; and the part of them the last snapshot covers (R37). */
  #bytesTotal = 0;
  #bytesAtSnapshot = 0;
  /** Entries up to here may go with their segments. Invariant: <= snapshot's index. */
  #releasedIndex: LogIndex = 0;
  readonly entries: EntryIndex = new EntryIndex();

  constructor(group: number) {
    this.group = group;
  }

  get replicaId(): ReplicaId {
    return this.#replicaId;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get snapshot(): SnapshotMarker | undefined {
    return this.#snapshot;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get snapshotIndex(): LogIndex {
    return this.#snapshot?.meta.lastIncludedIndex ?? 0;
  }

  /** What a checkpoint must say beside hard state and marker. */
  get groupState(): GroupState {
    return {
      tombstonedReplicaId: this.#tombstonedReplicaId,
      lastIndex: this.#lastIndex,
      lastEntryWallTimeMs: this.#lastEntryWallTimeMs,
    };
  }

  get bytesSinceSnapshot(): number {
    return this.#bytesTotal - this.#bytesAtSnapshot;
  }

  /** The group as the port shows it. */
  view(): GroupLog {
    const { currentTerm, votedFor, commitIndex } = this.#hardState;
    const items = this.entries.length;
    return {
      group: this.group,
      replicaId: this.#replicaId,
      tombstonedReplicaId: this.#tombstonedReplicaId,
      // A hard state may reach the disk one block before the entries it speaks of.
      hardState: { currentTerm, votedFor, commitIndex: Math.min(commitIndex, this.#lastIndex) },
      snapshot: this.#snapshot,
      firstIndex: items > 0 ? this.entries.firstIndex(0) : this.#lastIndex + 1,
      lastIndex: this.#lastIndex,
      lastEntryWallTimeMs: this.#lastEntryWallTimeMs,
    };
  }

  /** Where the next records of the group must connect. */
  frontier(): Frontier {
    return {
      replicaId: this.#replicaId,
      replicaIdMax: Math.max(this.#replicaId, this.#tombstonedReplicaId),
      snapshotIndex: this.snapshotIndex,
      lastIndex: this.#lastIndex,
    };
  }

  /** A checkpoint, the first thing known of the group: adopts what it says. */
  restore(replicaId: ReplicaId, state: GroupState): void {
    this.#replicaId = replicaId;
    this.#tombstonedReplicaId = state.tombstonedReplicaId;
    this.#lastIndex = state.lastIndex;
    this.#lastEntryWallTimeMs = state.lastEntryWallTimeMs;
  }

  /** Records of another replica than the known one start it afresh (R8). */
  enter(replicaId: ReplicaId): void {
    if (replicaId === this.#replicaId) return;
    this.#forgetReplica();
    this.#replicaId = replicaId;
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  setSnapshot(marker: SnapshotMarker): void {
    const index = marker.meta.lastIncludedIndex;
    if (marker.replacesLog) {
      this.entries.clear();
      this.#lastIndex = index;
      this.#bytesAtSnapshot = this.#bytesTotal;
    } else {
      this.#bytesAtSnapshot = this.#bytesThrough(index);
    }
    this.#snapshot = marker;
  }

  /** Entries from `firstIndex` on are now those of this record. */
  addEntries(
    record: { readonly firstIndex: LogIndex; readonly count: number; readonly bytes: number },
    location: EntryLocation,
    wallTimeMs: number,
  ): void {
    if (record.firstIndex > this.#lastIndex + 1) throw new MalformedBytes('entries are missing');
    this.entries.push(record.firstIndex, location, this.#bytesTotal);
    this.#bytesTotal += record.bytes;
    this.#lastIndex = record.firstIndex + record.count - 1;
    this.#lastEntryWallTimeMs = wallTimeMs;
  }

  setTombstone(): void {
    this.#tombstonedReplicaId = this.#replicaId;
    this.#forgetReplica();
  }

  /** Returns whether anything new may go. */
  release(index: LogIndex): boolean {
    const to = Math.min(index, this.snapshotIndex);
    if (to <= this.#releasedIndex) return false;
    this.#releasedIndex = to;
    return true;
  }

  /** Whether `segment` or an older one holds an entry that may not go. */
  pins(segment: number): boolean {
    const item = this.entries.lastItemThrough(segment);
    if (item < 0) return false;
    const next = item + 1;
    const lastThere =
      next < this.entries.length ? this.entries.firstIndex(next) - 1 : this.#lastIndex;
    return lastThere > this.#releasedIndex;
  }

  /** Whether every entry above the snapshot can be read; false after a lost segment. */
  isComplete(): boolean {
    if (this.#lastIndex <= this.snapshotIndex) return true;
    return this.entries.length > 0 && this.entries.firstIndex(0) <= this.snapshotIndex + 1;
  }

  #forgetReplica(): void {
    this.#replicaId = 0;
    this.#hardState = NO_HARD_STATE;
    this.#snapshot = undefined;
    this.#lastIndex = 0;
    this.#lastEntryWallTimeMs = 0;
    this.#bytesAtSnapshot = this.#bytesTotal;
    this.#releasedIndex = 0;
    this.entries.clear();
  }

  #bytesThrough(index: LogIndex): number {
    const next = this.entries.find(index + 1);
    if (next < 0) return this.#bytesAtSnapshot;
    if (index >= this.#lastIndex) return this.#bytesTotal;
    return this.entries.bytesBefore(next);
  }
}
