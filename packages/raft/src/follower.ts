/** What a replica does with its leader's messages (sections 5.3 and 7). */
import { trimTail } from './append.js';
import { becomeFollower, resetElectionTimer } from './roles.js';
import { send } from './send.js';
import type { RaftState } from './state.js';
import type {
  AppendEntriesRequest,
  HeartbeatRequest,
  InstallSnapshotRequest,
  LogIndex,
  ReplicaId,
} from './types.js';

/** A follower's tail may exceed the leader's by this factor, with what is to be applied (R6). */
const FOLLOWER_TAIL_FACTOR = 2;

export function handleAppendEntries(state: RaftState, message: AppendEntriesRequest): void {
  if (!isWellFormed(message) || !acceptLeader(state, message.from)) return;
  const { log, config } = state;
  if (message.entries.length > 0) {
    trimTail(state, config.tailBytesMax);
    // As if lost: the leader repeats it at the pace of heartbeats until there is room again.
    if (log.bytes >= config.tailBytesMax * FOLLOWER_TAIL_FACTOR && makesRoomItself(state)) return;
  }
  // Committed entries are equal on both sides (section 5.4.3), whatever is still in memory.
  const matches =
    message.prevLogIndex <= log.commitIndex ||
    log.termAt(message.prevLogIndex) === message.prevLogTerm;
  if (!matches) {
    rejectAppend(state, message);
    return;
  }
  if (!appendNew(state, message)) return;
  const lastNewIndex = message.prevLogIndex + message.entries.length;
  // Section 5.3: no further than what this message proves to be equal.
  log.commitTo(Math.min(message.leaderCommit, lastNewIndex));
  trimTail(state, config.tailBytesMax);
  send(state, {
    kind: 'appendEntriesResponse',
    from: config.replicaId,
    to: message.from,
    term: state.currentTerm,
    success: true,
    matchIndex: Math.max(lastNewIndex, log.commitIndex),
    prevLogIndex: message.prevLogIndex,
    hintIndex: 0,
    hintTerm: 0,
  });
}

export function handleHeartbeat(state: RaftState, message: HeartbeatRequest): void {
  if (!acceptLeader(state, message.from)) return;
  // The leader sends at most what this replica acknowledged in this term; more is not from us.
  if (message.leaderCommit <= state.log.lastIndex) state.log.commitTo(message.leaderCommit);
  send(state, {
    kind: 'heartbeatResponse',
    from: state.config.replicaId,
    to: message.from,
    term: state.currentTerm,
    readRound: message.readRound,
  });
}

export function handleInstallSnapshot(state: RaftState, message: InstallSnapshotRequest): void {
  const { log, outbox } = state;
  const { snapshot } = message;
  if (snapshot.lastIncludedTerm > message.term || !acceptLeader(state, message.from)) return;
  if (snapshot.lastIncludedIndex > log.commitIndex) {
    if (log.termAt(snapshot.lastIncludedIndex) === snapshot.lastIncludedTerm) {
      // Section 7: the log has it already; what follows it is kept.
      log.commitTo(snapshot.lastIncludedIndex);
    } else {
      for (const ready of state.outstanding) {
        ready.lastIndex = Math.min(ready.lastIndex, log.commitIndex);
      }
      log.restore(snapshot);
      outbox.snapshot = snapshot;
    }
  }
  send(state, {
    kind: 'installSnapshotResponse',
    from: state.config.replicaId,
    to: message.from,
    term: state.currentTerm,
    matchIndex: log.commitIndex,
  });
}

/**
 * Follows the sender of a leader's message of currentTerm. A second leader in one term cannot be
 * (section 5.2); what claims to be one is ignored.
 */
function acceptLeader(state: RaftState, from: ReplicaId): boolean {
  if (state.role === 'leader') return false;
  if (state.leaderId !== 0 && state.leaderId !== from) return false;
  if (state.role !== 'follower' || state.leaderId === 0) {
    becomeFollower(state, state.currentTerm, from);
  }
  state.leaderSilentTicks = 0;
  resetElectionTimer(state);
  return true;
}

/**
 * Section 5.3: keeps what is equal, replaces from the first conflict on, appends the rest. False,
 * and nothing done, for entries older than the committed ones they follow: no leader has them.
 */
function appendNew(state: RaftState, { entries }: AppendEntriesRequest): boolean {
  const { log } = state;
  // A late message that holds nothing new must not cut off what came after it (B19).
  const position = entries.findIndex(({ index, term }) => {
    return index > log.lastIndex || (index > log.commitIndex && log.termAt(index) !== term);
  });
  const first = entries[position];
  if (first === undefined) return true;
  if (first.term < (log.termAt(first.index - 1) ?? 0)) return false;
  if (first.index <= log.lastIndex) truncate(state, first.index);
  log.append(position === 0 ? entries : entries.slice(position));
  return true;
}

/** A Ready on its way to the disk no longer vouches for what is cut off here (B18). */
function truncate(state: RaftState, index: LogIndex): void {
  for (const ready of state.outstanding) ready.lastIndex = Math.min(ready.lastIndex, index - 1);
  state.log.truncateFrom(index);
}

function rejectAppend(state: RaftState, message: AppendEntriesRequest): void {
  const { log } = state;
  // Terms never decrease along a log, so nothing above this index can equal the leader's log.
  const guess = log.highestAtMost(message.prevLogIndex - 1, message.prevLogTerm);
  const hintIndex = Math.max(guess, log.commitIndex);
  send(state, {
    kind: 'appendEntriesResponse',
    from: state.config.replicaId,
    to: message.from,
    term: state.currentTerm,
    success: false,
    matchIndex: 0,
    prevLogIndex: message.prevLogIndex,
    hintIndex,
    hintTerm: log.termAt(hintIndex) ?? 0,
  });
}

/** The entries follow prevLogIndex without a gap, and no term is newer than the sender's. */
function isWellFormed(message: AppendEntriesRequest): boolean {
  let { prevLogIndex: index, prevLogTerm: term } = message;
  for (const entry of message.entries) {
    index += 1;
    if (entry.index !== index || entry.term < term) return false;
    term = entry.term;
  }
  return term <= message.term;
}

/**
 * Whether the tail will shrink without another append. What is not committed needs one, at least
 * the no-op of a new leader (section 5.4.2); how much of it there can be is bounded at the leader.
 */
function makesRoomItself({ log }: RaftState): boolean {
  return Math.min(log.appliedIndex, log.persistedIndex) < log.commitIndex;
}
