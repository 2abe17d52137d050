/**
 * The records in a block's payload, as bytes. Each is
 *
 *     0 kind u8   1 group u32   5 replica id u64   13 body length u32   17 body
 *
 * Entry data is copied once, straight from the caller's bytes into the block buffer.
 */
import type { Configuration, Entry, EntryKind, HardState, LogIndex, ReplicaId } from '@cashe/raft';
import type { GroupRecords, SnapshotMarker } from '../host/storage-ports.js';
import { ByteReader, type ByteWriter, MalformedBytes } from './bytes.js';

const RECORD_HEADER_BYTES = 17;
const HARD_STATE_BYTES = 24;
const ENTRIES_HEAD_BYTES = 12;
const ENTRY_HEAD_BYTES = 13;
const GROUP_STATE_BYTES = 24;

const KIND_HARD_STATE = 1;
const KIND_SNAPSHOT = 2;
const KIND_ENTRIES = 3;
const KIND_TOMBSTONE = 4;
const KIND_GROUP_STATE = 5;

const ENTRY_KINDS: readonly EntryKind[] = ['normal', 'configuration', 'noop'];
/** Enough for every name `snapshot-store.ts` makes. */
const FILE_NAME_BYTES_MAX = 255;

/** What only a checkpoint says about a group: where its log stood. */
export interface GroupState {
  readonly tombstonedReplicaId: ReplicaId;
  readonly lastIndex: LogIndex;
  readonly lastEntryWallTimeMs: number;
}

interface RecordBase {
  readonly group: number;
  readonly replicaId: ReplicaId;
}

export type WalRecord =
  | (RecordBase & { readonly kind: 'hardState'; readonly hardState: HardState })
  | (RecordBase & { readonly kind: 'snapshot'; readonly snapshot: SnapshotMarker })
  | (RecordBase & { readonly kind: 'tombstone' })
  | (RecordBase & { readonly kind: 'groupState'; readonly groupState: GroupState })
  | (RecordBase & {
      readonly kind: 'entries';
      readonly firstIndex: LogIndex;
      readonly count: number;
      /** Record bytes, for the snapshot trigger (R37). */
      readonly bytes: number;
      /** The encoded entries; see `decodeEntries`. */
      readonly body: Uint8Array;
    });

/** Bytes `records` take in a payload. */
export function recordBytes(records: GroupRecords): number {
  let bytes = 0;
  if (records.hardState !== undefined) bytes += RECORD_HEADER_BYTES + HARD_STATE_BYTES;
  if (records.snapshot !== undefined) {
    bytes += RECORD_HEADER_BYTES + snapshotMarkerBytes(records.snapshot);
  }
  if (records.entries.length > 0) bytes += entriesRecordBytes(records.entries);
  if (records.tombstone) bytes += RECORD_HEADER_BYTES;
  return bytes;
}

/** Writes `records` in their order of effect. */
export function encodeRecords(writer: ByteWriter, records: GroupRecords): void {
  const { group, replicaId } = records;
  if (records.hardState !== undefined) {
    recordHead(writer, KIND_HARD_STATE, group, replicaId, HARD_STATE_BYTES);
    writer.u64(records.hardState.currentTerm);
    writer.u64(records.hardState.votedFor);
    writer.u64(records.hardState.commitIndex);
  }
  if (records.snapshot !== undefined) {
    recordHead(writer, KIND_SNAPSHOT, group, replicaId, snapshotMarkerBytes(records.snapshot));
    encodeSnapshotMarker(writer, records.snapshot);
  }
  if (records.entries.length > 0) encodeEntries(writer, group, replicaId, records.entries);
  if (records.tombstone) recordHead(writer, KIND_TOMBSTONE, group, replicaId, 0);
}

export function groupStateBytes(): number {
  return RECORD_HEADER_BYTES + GROUP_STATE_BYTES;
}

export function encodeGroupState(
  writer: ByteWriter,
  group: number,
  replicaId: ReplicaId,
  state: GroupState,
): void {
  recordHead(writer, KIND_GROUP_STATE, group, replicaId, GROUP_STATE_BYTES);
  writer.u64(state.tombstonedReplicaId);
  writer.u64(state.lastIndex);
  writer.u64(state.lastEntryWallTimeMs);
}

/** The next record, its data as views. Throws `MalformedBytes` on anything unknown. */
export function decodeRecord(reader: ByteReader): WalRecord {
  const kind = reader.u8();
  const group = reader.u32();
  const replicaId = reader.u64();
  const body = reader.raw(reader.u32());
  const inner = new ByteReader(body);
  const record = decodeBody(kind, group, replicaId, inner);
  if (inner.left !== 0) throw new MalformedBytes('record longer than its content');
  return record;
}

function decodeBody(
  kind: number,
  group: number,
  replicaId: ReplicaId,
  body: ByteReader,
): WalRecord {
  switch (kind) {
    case KIND_HARD_STATE: {
      const currentTerm = body.u64();
      const votedFor = body.u64();
      const commitIndex = body.u64();
      return {
        kind: 'hardState',
        group,
        replicaId,
        hardState: { currentTerm, votedFor, commitIndex },
      };
    }
    case KIND_SNAPSHOT:
      return { kind: 'snapshot', group, replicaId, snapshot: decodeSnapshotMarker(body) };
    case KIND_TOMBSTONE:
      return { kind: 'tombstone', group, replicaId };
    case KIND_GROUP_STATE: {
      const tombstonedReplicaId = body.u64();
      const lastIndex = body.u64();
      const lastEntryWallTimeMs = body.u64();
      const groupState = { tombstonedReplicaId, lastIndex, lastEntryWallTimeMs };
      return { kind: 'groupState', group, replicaId, groupState };
    }
    case KIND_ENTRIES: {
      const bytes = RECORD_HEADER_BYTES + body.left;
      const firstIndex = body.u64();
      const count = body.u32();
      return {
        kind: 'entries',
        group,
        replicaId,
        firstIndex,
        count,
        bytes,
        body: body.raw(body.left),
      };
    }
    default:
      throw new MalformedBytes(`record kind ${kind} is unknown`);
  }
}

/** What a caller of `decodeEntries` wants of an entries record. */
interface EntryRange {
  readonly firstIndex: LogIndex;
  readonly fromIndex: LogIndex;
  readonly toIndex: LogIndex;
  /** Data bytes after which no further entry is taken; the first is always taken. */
  readonly bytesMax: number;
}

/** Appends the wanted entries to `into`, data as views; returns their data bytes. */
export function decodeEntries(body: Uint8Array, range: EntryRange, into: Entry[]): number {
  const reader = new ByteReader(body);
  let taken = 0;
  for (let index = range.firstIndex; reader.left > 0 && index <= range.toIndex; index += 1) {
    const term = reader.u64();
    const kind = ENTRY_KINDS[reader.u8()];
    if (kind === undefined) throw new MalformedBytes('entry kind is unknown');
    const data = reader.raw(reader.u32());
    if (index < range.fromIndex) continue;
    if (into.length > 0 && taken + data.length > range.bytesMax) break;
    into.push({ term, index, kind, data });
    taken += data.length;
  }
  return taken;
}

function entriesRecordBytes(entries: readonly Entry[]): number {
  let bytes = RECORD_HEADER_BYTES + ENTRIES_HEAD_BYTES + entries.length * ENTRY_HEAD_BYTES;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

function encodeEntries(
  writer: ByteWriter,
  group: number,
  replicaId: ReplicaId,
  entries: readonly Entry[],
): void {
  const bodyBytes = entriesRecordBytes(entries) - RECORD_HEADER_BYTES;
  recordHead(writer, KIND_ENTRIES, group, replicaId, bodyBytes);
  writer.u64(entries[0]?.index ?? 0);
  writer.u32(entries.length);
  for (const entry of entries) {
    writer.u64(entry.term);
    writer.u8(ENTRY_KINDS.indexOf(entry.kind));
    writer.u32(entry.data.length);
    writer.raw(entry.data);
  }
}

function recordHead(
  writer: ByteWriter,
  kind: number,
  group: number,
  replicaId: ReplicaId,
  bodyBytes: number,
): void {
  writer.u8(kind);
  writer.u32(group);
  writer.u64(replicaId);
  writer.u32(bodyBytes);
}

function snapshotMarkerBytes(marker: SnapshotMarker): number {
  return 8 + 8 + 1 + 1 + marker.file.length + configurationBytes(marker.meta.configuration);
}

function encodeSnapshotMarker(writer: ByteWriter, marker: SnapshotMarker): void {
  writer.u64(marker.meta.lastIncludedIndex);
  writer.u64(marker.meta.lastIncludedTerm);
  writer.u8(marker.replacesLog ? 1 : 0);
  writer.u8(marker.file.length);
  for (let i = 0; i < marker.file.length; i += 1) writer.u8(marker.file.charCodeAt(i));
  encodeConfiguration(writer, marker.meta.configuration);
}

function decodeSnapshotMarker(reader: ByteReader): SnapshotMarker {
  const lastIncludedIndex = reader.u64();
  const lastIncludedTerm = reader.u64();
  const replacesLog = reader.u8() === 1;
  const file = String.fromCharCode(...reader.raw(reader.u8()));
  const configuration = decodeConfiguration(reader);
  return { meta: { lastIncludedIndex, lastIncludedTerm, configuration }, file, replacesLog };
}

export function configurationBytes(configuration: Configuration): number {
  const { voters, votersOutgoing, learners } = configuration;
  return 8 + 3 * 4 + 8 * (voters.length + votersOutgoing.length + learners.length);
}

export function encodeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  writer.u64(configuration.replicaIdMax);
  for (const ids of [configuration.voters, configuration.votersOutgoing, configuration.learners]) {
    writer.u32(ids.length);
    for (const id of ids) writer.u64(id);
  }
}

export function decodeConfiguration(reader: ByteReader): Configuration {
  const replicaIdMax = reader.u64();
  const voters = decodeIds(reader);
  const votersOutgoing = decodeIds(reader);
  const learners = decodeIds(reader);
  return { voters, votersOutgoing, learners, replicaIdMax };
}

function decodeIds(reader: ByteReader): ReplicaId[] {
  const count = reader.u32();
  if (count * 8 > reader.left) throw new MalformedBytes('more replica ids than bytes');
  return Array.from({ length: count }, () => reader.u64());
}

/** Names travel one byte per character; ours are ASCII and short. */
export function isStorableName(name: string): boolean {
  return name.length <= FILE_NAME_BYTES_MAX && /^[\x20-\x7e]*$/.test(name);
}
