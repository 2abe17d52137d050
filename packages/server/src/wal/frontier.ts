/**
 * What may follow what: the rules an append must keep, checked before anything is written. A broken
 * one is a bug of the caller; on disk it would make the log unreadable.
 */
import type { LogIndex, ReplicaId } from '@cashe/raft';
import type { GroupRecords } from '../host/storage-ports.js';
import { isStorableName } from './records.js';

export interface Frontier {
  readonly replicaId: ReplicaId;
  /** No new replica has an id up to this (R8). */
  readonly replicaIdMax: ReplicaId;
  readonly snapshotIndex: LogIndex;
  readonly lastIndex: LogIndex;
}

export const EMPTY_FRONTIER: Frontier = {
  replicaId: 0,
  replicaIdMax: 0,
  snapshotIndex: 0,
  lastIndex: 0,
};

/** The frontier after `records`, or why they cannot follow. */
export function advance(frontier: Frontier, records: GroupRecords): Frontier | string {
  const entered = enter(frontier, records.replicaId);
  if (typeof entered === 'string') return entered;
  let { snapshotIndex, lastIndex } = entered;
  const { snapshot, entries } = records;
  if (snapshot !== undefined) {
    const index = snapshot.meta.lastIncludedIndex;
    if (!isStorableName(snapshot.file)) return 'the snapshot has no plain file name';
    if (index < snapshotIndex) return 'snapshots do not go back';
    if (!snapshot.replacesLog && index > lastIndex) return 'the snapshot is not within the log';
    if (snapshot.replacesLog) lastIndex = index;
    snapshotIndex = index;
  }
  const first = entries[0];
  const last = entries.at(-1);
  if (first !== undefined && last !== undefined) {
    if (last.index - first.index !== entries.length - 1) return 'the entries are not contiguous';
    if (first.index > lastIndex + 1) return 'the entries leave a gap';
    if (first.index <= snapshotIndex) return 'the entries replace what a snapshot contains';
    lastIndex = last.index;
  }
  const replicaId = records.tombstone ? 0 : entered.replicaId;
  return { ...entered, replicaId, snapshotIndex, lastIndex };
}

function enter(frontier: Frontier, replicaId: ReplicaId): Frontier | string {
  if (replicaId === frontier.replicaId && replicaId > 0) return frontier;
  if (replicaId <= frontier.replicaIdMax) return 'the replica id was used before';
  if (frontier.replicaId > 0) return 'the earlier replica has no tombstone';
  return { ...EMPTY_FRONTIER, replicaId, replicaIdMax: replicaId };
}
