/**
 * Linearizable reads without log entries (thesis section 6.4, R4): the leader proves by a round of
 * heartbeats, sent after the read arrived, that it still was the leader then. A round's number is
 * never used twice, so a late answer to an earlier round cannot confirm a later read (B3).
 */
import { isLoneVoter, isVoter } from './configuration.js';
import { quorumReached } from './quorum.js';
import { send } from './send.js';
import { ownTermCommitted, type RaftState } from './state.js';
import type { HeartbeatResponse, ReadResult, ReplicaId } from './types.js';

/** Accepts a read; a ReadState or `readsAborted` answers it. */
export function readIndex(state: RaftState, context: number): ReadResult {
  if (state.role !== 'leader') return 'notLeader';
  const { waiting, unsent, sent } = state.reads;
  const pending = waiting.length + unsent.length + sent.length + state.outbox.readStates.length;
  if (pending >= state.config.pendingReadsMax) return 'full';
  // Section 8: before its own-term entry commits a leader may not know the latest commit (B1).
  if (ownTermCommitted(state)) acceptRead(state, context);
  else waiting.push(context);
  return 'accepted';
}

/** Lets the reads go on that waited for the first commit of this term. */
export function releaseWaitingReads(state: RaftState): void {
  if (state.reads.waiting.length === 0 || !ownTermCommitted(state)) return;
  const { waiting } = state.reads;
  state.reads.waiting = [];
  for (const context of waiting) acceptRead(state, context);
}

/** Sends the heartbeats that are due: a new round while reads are pending. */
export function broadcastHeartbeats(state: RaftState): void {
  state.heartbeatElapsed = 0;
  const { reads } = state;
  if (reads.unsent.length + reads.sent.length > 0) {
    startRound(state);
    for (const id of state.progress.keys()) sendHeartbeat(state, id, reads.round);
    confirmReads(state);
  } else {
    for (const id of state.progress.keys()) sendHeartbeat(state, id, 0);
  }
}

/** Sends the round that the reads accepted since the last one are waiting for. */
export function flushReads(state: RaftState): void {
  const { reads, log } = state;
  if (reads.unsent.length === 0) return;
  startRound(state);
  for (const id of state.progress.keys()) {
    if (isVoter(log.configuration, id)) sendHeartbeat(state, id, reads.round);
  }
  confirmReads(state);
}

export function handleHeartbeatResponse(state: RaftState, message: HeartbeatResponse): void {
  const progress = state.progress.get(message.from);
  if (state.role !== 'leader' || progress === undefined) return;
  progress.heard();
  resumeReplication(state, message.from);
  const { reads } = state;
  if (message.readRound <= progress.readRound || message.readRound > reads.round) return;
  progress.readRound = message.readRound;
  confirmReads(state);
}

/** Confirms every read whose round, or a later one, a quorum has answered. */
export function confirmReads(state: RaftState): void {
  const { reads, log, config, progress, outbox } = state;
  if (reads.sent.length === 0) return;
  const confirmed = quorumReached(log.configuration, (id) =>
    id === config.replicaId ? reads.round : (progress.get(id)?.readRound ?? 0),
  );
  let count = 0;
  for (const read of reads.sent) {
    if (read.round > confirmed) break;
    outbox.readStates.push({ context: read.context, index: read.index });
    count += 1;
  }
  if (count > 0) reads.sent.splice(0, count);
}

function acceptRead(state: RaftState, context: number): void {
  const index = state.log.commitIndex;
  if (isLoneVoter(state.log.configuration, state.config.replicaId)) {
    state.outbox.readStates.push({ context, index });
  } else {
    state.reads.unsent.push({ context, index, round: 0 });
  }
}

function startRound(state: RaftState): void {
  const { reads } = state;
  reads.round += 1;
  for (const read of reads.unsent) reads.sent.push({ ...read, round: reads.round });
  reads.unsent = [];
}

function sendHeartbeat(state: RaftState, to: ReplicaId, readRound: number): void {
  // A follower cannot check that its log matches, so it is told no more than it acknowledged.
  const matchIndex = state.progress.get(to)?.matchIndex ?? 0;
  send(state, {
    kind: 'heartbeatRequest',
    from: state.config.replicaId,
    to,
    term: state.currentTerm,
    leaderCommit: Math.min(matchIndex, state.log.commitIndex),
    commitIndex: state.log.commitIndex,
    readRound,
    clusterTime: 0,
  });
}

/**
 * The follower lives: a lost probe may be repeated, and a silent pipeline verified. Both at most
 * once per heartbeat, however many read rounds are answered.
 */
function resumeReplication(state: RaftState, from: ReplicaId): void {
  const progress = state.progress.get(from);
  if (progress === undefined || progress.probeTicks < state.config.heartbeatTicks) return;
  if (progress.state === 'probe') {
    progress.probePaused = false;
    state.replicationDue = true;
  } else if (progress.state === 'replicate') {
    if (progress.matchIndex === state.log.lastIndex) return;
    if (progress.appendSilentTicks < state.config.heartbeatTicks) return;
    progress.verifyDue = true;
    state.replicationDue = true;
  }
}
