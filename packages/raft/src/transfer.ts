/** Leadership transfer (thesis section 3.10). */
import { clearTransfer } from './roles.js';
import { send } from './send.js';
import type { RaftState } from './state.js';
import type { ReplicaId, TransferResult } from './types.js';

/** Starts handing leadership to `to`, which must be a voter of the latest configuration. */
export function transferLeadership(state: RaftState, to: ReplicaId): TransferResult {
  if (state.role !== 'leader') return 'notLeader';
  if (to === state.config.replicaId) return 'self';
  if (state.transferTarget !== 0) return 'pending';
  if (!state.log.configuration.voters.includes(to)) return 'notVoter';
  state.transferTarget = to;
  state.transferElapsed = 0;
  state.timeoutNowSent = false;
  maybeSendTimeoutNow(state);
  return 'started';
}

/** Tells the target to campaign once it holds every entry; proposals are refused meanwhile. */
export function maybeSendTimeoutNow(state: RaftState): void {
  if (state.transferTarget === 0 || state.timeoutNowSent) return;
  const progress = state.progress.get(state.transferTarget);
  if (progress === undefined || progress.matchIndex !== state.log.lastIndex) return;
  state.timeoutNowSent = true;
  sendTimeoutNow(state, state.transferTarget);
}

/** Gives up after an election timeout: the target may be down (section 3.10). */
export function tickTransfer(state: RaftState): void {
  if (state.transferTarget === 0) return;
  state.transferElapsed += 1;
  if (state.transferElapsed >= state.config.electionTicksMax) clearTransfer(state);
}

/**
 * A leader that leaves the group asks the voter with the longest log to campaign, so that the
 * group need not wait for an election timeout. A hint only: it may get lost or the vote may fail.
 */
export function nominateSuccessor(state: RaftState): void {
  let successor: ReplicaId = 0;
  let matchIndex = -1;
  for (const id of state.log.configuration.voters) {
    const progress = state.progress.get(id);
    if (progress === undefined || progress.matchIndex <= matchIndex) continue;
    successor = id;
    matchIndex = progress.matchIndex;
  }
  if (successor !== 0) sendTimeoutNow(state, successor);
}

function sendTimeoutNow(state: RaftState, to: ReplicaId): void {
  const { replicaId: from } = state.config;
  send(state, { kind: 'timeoutNowRequest', from, to, term: state.currentTerm });
}
