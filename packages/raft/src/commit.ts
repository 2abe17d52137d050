import { appendConfiguration } from './append.js';
import { isJoint, isVoter, leaveJoint } from './configuration.js';
import { quorumReached } from './quorum.js';
import { releaseWaitingReads } from './read-index.js';
import { becomeFollower } from './roles.js';
import { ownTermCommitted, type RaftState } from './state.js';
import { nominateSuccessor } from './transfer.js';
import type { LogIndex, ReplicaId } from './types.js';

/**
 * Advances commitIndex at the leader to what a quorum holds durably; the leader counts its own
 * persisted index like anybody else's match index (R2).
 */
export function maybeCommit(state: RaftState): void {
  if (state.role !== 'leader') return;
  const { log } = state;
  const index = quorumReached(log.configuration, (id) => durableIndexOf(state, id));
  // Section 5.4.2: only entries of the current term commit by counting.
  if (index <= log.commitIndex || log.termAt(index) !== state.currentTerm) return;
  log.commitTo(index);
  releaseWaitingReads(state);
  settleConfiguration(state);
}

/** Ends a committed joint configuration, and the leadership of a leader that is no voter. */
function settleConfiguration(state: RaftState): void {
  const { log } = state;
  if (log.configurationIndex > log.commitIndex || !ownTermCommitted(state)) return;
  const { configuration } = log;
  if (isJoint(configuration)) {
    // Whoever leads does this, so that no group stays joint for ever (B38).
    appendConfiguration(state, leaveJoint(configuration));
    maybeCommit(state);
  } else if (!isVoter(configuration, state.config.replicaId)) {
    // Thesis section 4.2.2: it led without counting itself until C-new was committed.
    nominateSuccessor(state);
    becomeFollower(state, state.currentTerm, 0);
  }
}

function durableIndexOf(state: RaftState, id: ReplicaId): LogIndex {
  if (id === state.config.replicaId) return state.log.persistedIndex;
  return state.progress.get(id)?.matchIndex ?? 0;
}
