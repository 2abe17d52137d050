/**
 * All groups of a log: replay of blocks, and the checkpoint that opens a segment (R37).
 */
import type { GroupRecords } from '../host/storage-ports.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { EntryLocation } from './entry-index.js';
import { advance, EMPTY_FRONTIER, type Frontier } from './frontier.js';
import {
  decodeRecord,
  encodeGroupState,
  encodeRecords,
  groupStateBytes,
  recordBytes,
  type WalRecord,
} from './records.js';
import { TrackedGroup } from './tracked-group.js';

export class Groups {
  readonly #groups = new Map<number, TrackedGroup>();

  get(group: number): TrackedGroup | undefined {
    return this.#groups.get(group);
  }

  all(): Iterable<TrackedGroup> {
    return this.#groups.values();
  }

  /** Why an append of `records` would break the log; undefined when it would not. */
  refusal(records: readonly GroupRecords[]): string | undefined {
    const frontiers = new Map<number, Frontier>();
    for (const one of records) {
      const { group } = one;
      const known = frontiers.get(group) ?? this.get(group)?.frontier() ?? EMPTY_FRONTIER;
      const next = advance(known, one);
      if (typeof next === 'string') return `group ${group}: ${next}`;
      frontiers.set(group, next);
    }
    return undefined;
  }

  /** Applies every record of a block's payload. Throws `MalformedBytes`. */
  replay(payload: Uint8Array, location: EntryLocation, wallTimeMs: number): void {
    const reader = new ByteReader(payload);
    while (reader.left > 0) this.#apply(decodeRecord(reader), location, wallTimeMs);
  }

  /** Follows an append that became durable; the same effect as replaying its block. */
  follow(records: GroupRecords, location: EntryLocation, wallTimeMs: number): void {
    const tracked = this.#enter(records.group, records.replicaId);
    if (records.hardState !== undefined) tracked.setHardState(records.hardState);
    if (records.snapshot !== undefined) tracked.setSnapshot(records.snapshot);
    const first = records.entries[0];
    if (first !== undefined) {
      const { entries } = records;
      const bytes = recordBytes({ ...ONLY_ENTRIES, group: 0, replicaId: 0, entries });
      const record = { firstIndex: first.index, count: entries.length, bytes };
      tracked.addEntries(record, location, wallTimeMs);
    }
    if (records.tombstone) tracked.setTombstone();
  }

  checkpointBytes(): number {
    let bytes = 0;
    for (const tracked of this.all()) {
      bytes += groupStateBytes() + recordBytes(checkpointRecords(tracked));
    }
    return bytes;
  }

  /** In the order of group numbers, so that equal states give equal bytes. */
  encodeCheckpoint(writer: ByteWriter): void {
    const groups = [...this.all()].sort((a, b) => a.group - b.group);
    for (const tracked of groups) {
      encodeGroupState(writer, tracked.group, tracked.replicaId, tracked.groupState);
      encodeRecords(writer, checkpointRecords(tracked));
    }
  }

  /** The checkpoint as bytes, to compare with one read back. */
  checkpoint(): Uint8Array {
    const bytes = new Uint8Array(this.checkpointBytes());
    this.encodeCheckpoint(new ByteWriter(bytes));
    return bytes;
  }

  #apply(record: WalRecord, location: EntryLocation, wallTimeMs: number): void {
    const { group, replicaId } = record;
    switch (record.kind) {
      case 'groupState':
        this.#restore(group).restore(replicaId, record.groupState);
        break;
      case 'hardState':
        this.#enter(group, replicaId).setHardState(record.hardState);
        break;
      case 'snapshot':
        this.#enter(group, replicaId).setSnapshot(record.snapshot);
        break;
      case 'entries':
        this.#enter(group, replicaId).addEntries(record, location, wallTimeMs);
        break;
      case 'tombstone':
        this.#enter(group, replicaId).setTombstone();
        break;
    }
  }

  #restore(group: number): TrackedGroup {
    const tracked = new TrackedGroup(group);
    this.#groups.set(group, tracked);
    return tracked;
  }

  #enter(group: number, replicaId: number): TrackedGroup {
    let tracked = this.#groups.get(group);
    if (tracked === undefined) {
      tracked = new TrackedGroup(group);
      this.#groups.set(group, tracked);
    }
    tracked.enter(replicaId);
    return tracked;
  }
}

const ONLY_ENTRIES = { hardState: undefined, snapshot: undefined, tombstone: false } as const;

function checkpointRecords(tracked: TrackedGroup): GroupRecords {
  const { group, replicaId, hardState, snapshot } = tracked;
  const alive = replicaId > 0;
  // The log was replaced long ago; the group state already says where it stands.
  const marker = snapshot === undefined ? undefined : { ...snapshot, replacesLog: false };
  return {
    group,
    replicaId,
    hardState: alive ? hardState : undefined,
    snapshot: alive ? marker : undefined,
    entries: [],
    tombstone: false,
  };
}
