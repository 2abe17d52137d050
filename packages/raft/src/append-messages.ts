/** What a leader sends to bring a follower's log up to date (sections 5.3 and 7). */
import type { Progress } from './progress.js';
import { send } from './send.js';
import type { RaftState } from './state.js';
import type { Entry, Term } from './types.js';

export function sendAppendEntries(
  state: RaftState,
  progress: Progress,
  prevLogTerm: Term,
  entries: readonly Entry[],
): void {
  send(state, {
    kind: 'appendEntriesRequest',
    from: state.config.replicaId,
    to: progress.replicaId,
    term: state.currentTerm,
    prevLogIndex: progress.nextIndex - 1,
    prevLogTerm,
    entries,
    leaderCommit: state.log.commitIndex,
    clusterTime: 0,
  });
}

/** Its entries are nowhere in the log any more. */
export function sendSnapshot(state: RaftState, progress: Progress): void {
  const { log, config } = state;
  // A transfer is expensive: only for a follower that answers. It is tried again after the next
  // heartbeat response.
  if (!progress.answered || progress.silentTicks >= config.electionTicksMax) {
    progress.becomeProbe(progress.nextIndex, true);
    return;
  }
  progress.becomeSnapshot(log.baseIndex);
  send(state, {
    kind: 'installSnapshotRequest',
    from: config.replicaId,
    to: progress.replicaId,
    term: state.currentTerm,
    snapshot: log.metaAt(log.baseIndex),
    clusterTime: 0,
  });
}
