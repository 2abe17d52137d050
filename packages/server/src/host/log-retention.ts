/**
 * How much of the log a leader keeps below its snapshot, for followers to be served from it (R6).
 * Both bounds are on the bytes of the whole log, since what is kept keeps whole segments.
 */
import type { LogIndex, ProgressStatus, ReplicaId } from '@cashe/raft';
import type { WalStatus } from './storage-ports.js';

/** Of the log's bound: beyond it nobody is waited for, so that writes go on. */
const TRANSFER_SHARE_MAX = 0.75;
/** A follower that is only behind may keep at most this much of it. */
const BEHIND_SHARE_MAX = 0.5;

export interface RetainedFor {
  readonly progress: readonly ProgressStatus[];
  /** Per follower that is sent a snapshot, or was not long ago: where that one ends. */
  readonly transfers: ReadonlyMap<ReplicaId, LogIndex>;
  readonly followerLogBytesMax: number;
}

interface Retention {
  /** Entries up to here may go: nobody else's are kept. */
  readonly releaseIndex: LogIndex;
  /** Followers that will need a snapshot, or another one, because of it. */
  readonly givenUp: readonly ReplicaId[];
}

/** Of the entries up to `coveredIndex`, which a snapshot covers. */
export function retention(
  coveredIndex: LogIndex,
  { diskBytes, diskBytesMax }: WalStatus,
  { progress, transfers, followerLogBytesMax }: RetainedFor,
): Retention {
  const behindBytesMax = Math.min(followerLogBytesMax, diskBytesMax * BEHIND_SHARE_MAX);
  const servesBehind = diskBytes <= behindBytesMax;
  const servesTransfers = diskBytes <= diskBytesMax * TRANSFER_SHARE_MAX;
  const givenUp: ReplicaId[] = [];
  let releaseIndex = coveredIndex;
  for (const { replicaId, matchIndex } of progress) {
    const transferIndex = transfers.get(replicaId);
    // The term of the entry before the first one that is missing is needed, too.
    const neededAfter = Math.max(matchIndex, transferIndex ?? 0) - 1;
    if (neededAfter >= coveredIndex) continue;
    const serves = transferIndex === undefined ? servesBehind : servesTransfers;
    if (serves) releaseIndex = Math.min(releaseIndex, neededAfter);
    else givenUp.push(replicaId);
  }
  return { releaseIndex: Math.max(0, releaseIndex), givenUp };
}
