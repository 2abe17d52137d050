/** Readys: what a turn hands to the host, and what the host reports back. */
import { trimTail } from './append.js';
import { maybeCommit } from './commit.js';
import { decideElection } from './election.js';
import { assert } from './errors.js';
import { flushReads } from './read-index.js';
import { replicate } from './replication.js';
import type { RaftState } from './state.js';
import type { HardState, LogIndex, Ready, SoftState } from './types.js';

export function hasReady(state: RaftState): boolean {
  const { outbox, log, reads } = state;
  return (
    outbox.messages.length > 0 ||
    outbox.messagesAfterPersist.length > 0 ||
    log.handedIndex < log.lastIndex ||
    state.replicationDue ||
    outbox.fetches.length > 0 ||
    log.hasCommitted(state.config.applyingBytesMax) ||
    reads.unsent.length > 0 ||
    outbox.readStates.length > 0 ||
    outbox.readsAborted.length > 0 ||
    outbox.snapshot !== undefined ||
    voteStateChanged(state) ||
    softStateChanged(state)
  );
}

/** Hands out everything that gathered since the last Ready. */
export function ready(state: RaftState): Ready {
  if (state.role === 'leader') {
    // Heartbeats first: they never wait behind bulk data (R5).
    flushReads(state);
    if (state.replicationDue) replicate(state);
  }
  const { outbox, log } = state;
  state.readyNumber += 1;
  const entries = log.handUnpersisted();
  const { snapshot } = outbox;
  const mustSync = entries.length > 0 || snapshot !== undefined || voteStateChanged(state);
  if (mustSync) {
    state.outstanding.push({
      number: state.readyNumber,
      term: state.currentTerm,
      votedFor: state.votedFor,
      lastIndex: log.handedIndex,
    });
  }
  const output: Ready = {
    number: state.readyNumber,
    mustSync,
    hardState: takeHardState(state),
    entries,
    snapshot,
    messages: outbox.messages,
    messagesAfterPersist: outbox.messagesAfterPersist,
    committedEntries: log.handCommitted(state.config.applyingBytesMax),
    readStates: outbox.readStates,
    readsAborted: outbox.readsAborted,
    softState: takeSoftState(state),
    fetches: outbox.fetches,
  };
  outbox.messages = [];
  outbox.messagesAfterPersist = [];
  outbox.readStates = [];
  outbox.readsAborted = [];
  outbox.snapshot = undefined;
  outbox.fetches = [];
  return output;
}

/** Everything up to Ready `number` is durable: it may be counted, and votes may be. */
export function persisted(state: RaftState, number: number): void {
  assert(number <= state.readyNumber, 'persisted a Ready that was not handed out');
  const { outstanding, log } = state;
  let count = 0;
  for (const item of outstanding) {
    if (item.number > number) break;
    state.durableTerm = item.term;
    state.durableVotedFor = item.votedFor;
    log.persistedTo(item.lastIndex);
    count += 1;
  }
  if (count === 0) return;
  outstanding.splice(0, count);
  decideElection(state);
  maybeCommit(state);
  trimTail(state, state.config.tailBytesMax);
}

export function applied(state: RaftState, index: LogIndex): void {
  state.log.appliedTo(index);
  trimTail(state, state.config.tailBytesMax);
}

function voteStateChanged(state: RaftState): boolean {
  return state.handedTerm !== state.currentTerm || state.handedVotedFor !== state.votedFor;
}

function softStateChanged(state: RaftState): boolean {
  return (
    state.handedRole !== state.role ||
    state.handedLeaderId !== state.leaderId ||
    state.handedSoftTerm !== state.currentTerm
  );
}

function takeHardState(state: RaftState): HardState | undefined {
  const { commitIndex } = state.log;
  if (!voteStateChanged(state) && state.handedCommitIndex === commitIndex) return undefined;
  state.handedTerm = state.currentTerm;
  state.handedVotedFor = state.votedFor;
  state.handedCommitIndex = commitIndex;
  return { currentTerm: state.currentTerm, votedFor: state.votedFor, commitIndex };
}

function takeSoftState(state: RaftState): SoftState | undefined {
  if (!softStateChanged(state)) return undefined;
  state.handedRole = state.role;
  state.handedLeaderId = state.leaderId;
  state.handedSoftTerm = state.currentTerm;
  return { role: state.role, leaderId: state.leaderId, term: state.currentTerm };
}
