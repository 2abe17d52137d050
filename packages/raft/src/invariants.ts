/**
 * The invariants stated at the fields of RaftState, executable (R10). `checkCheap` runs after every
 * call in production as well; `checkStateBounded` and `checkTransition` after every turn in the
 * simulator, `checkState` with its sums over the memory tail from time to time, and in tests.
 */
import { memberIds } from './configuration.js';
import { assert } from './errors.js';
import { entryBytes } from './log.js';
import type { RaftState } from './state.js';
import type { LogIndex, ReplicaId, Role, Term } from './types.js';

/** What a transition is judged against. */
export interface Checkpoint {
  readonly role: Role;
  readonly currentTerm: Term;
  readonly votedFor: ReplicaId;
  readonly durableTerm: Term;
  readonly commitIndex: LogIndex;
  readonly commitTerm: Term;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly readRound: number;
  readonly gone: boolean;
}

/** Constant time; on in production. */
export function checkCheap(state: RaftState): void {
  const { log } = state;
  assert(state.durableTerm <= state.currentTerm, 'durableTerm <= currentTerm');
  assert(log.baseIndex <= log.applyingIndex, 'base <= applying');
  assert(log.appliedIndex <= log.applyingIndex, 'applied <= applying');
  assert(log.applyingIndex <= log.commitIndex, 'applying <= commit');
  assert(log.commitIndex <= log.lastIndex, 'commit <= last');
  assert(log.persistedIndex <= log.handedIndex, 'persisted <= handed');
  assert(log.handedIndex <= log.lastIndex, 'handed <= last');
  assert(log.lastTerm <= state.currentTerm, 'no entry is newer than currentTerm');
  const self = state.config.replicaId;
  if (state.role === 'leader' || state.role === 'candidate') {
    assert(state.votedFor === self, 'leader and candidate voted for themselves');
  }
  assert((state.role === 'leader') === (state.leaderId === self), 'self is the leader iff leading');
  if (state.role === 'leader') {
    assert(state.durableTerm === state.currentTerm, 'a leader has a durable term');
  }
}

/** Everything that one state must satisfy; linear in the memory tail. */
export function checkState(state: RaftState): void {
  checkStateBounded(state);
  checkEntries(state);
}

/** All of it but what has to look at every entry of the memory tail. */
export function checkStateBounded(state: RaftState): void {
  checkCheap(state);
  checkOutstanding(state);
  if (state.role === 'leader') checkLeader(state);
  else checkNoLeader(state);
}

export function checkpoint(state: RaftState): Checkpoint {
  const { log } = state;
  return {
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    durableTerm: state.durableTerm,
    commitIndex: log.commitIndex,
    commitTerm: log.termAt(log.commitIndex) ?? 0,
    appliedIndex: log.appliedIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    readRound: state.reads.round,
    gone: state.gone,
  };
}

/** Everything that two states of one run must satisfy, `before` being the earlier. */
export function checkTransition(before: Checkpoint, state: RaftState): void {
  const { log } = state;
  assert(state.currentTerm >= before.currentTerm, 'currentTerm never decreases');
  assert(state.durableTerm >= before.durableTerm, 'durableTerm never decreases');
  assert(log.commitIndex >= before.commitIndex, 'commitIndex never decreases');
  assert(log.appliedIndex >= before.appliedIndex, 'appliedIndex never decreases');
  assert(state.gone || !before.gone, 'gone is final');
  const commitTerm = log.termAt(before.commitIndex);
  if (commitTerm !== undefined) {
    assert(commitTerm === before.commitTerm, 'a committed entry never changes');
  }
  if (state.currentTerm !== before.currentTerm) return;
  assert(before.votedFor === 0 || state.votedFor === before.votedFor, 'one vote per term');
  if (before.role !== 'leader') return;
  // Section 5.2: who stopped leading in a term does not campaign in it again.
  assert(state.role !== 'candidate', 'no campaign in a term it led');
  if (state.role !== 'leader') return;
  assert(state.reads.round >= before.readRound, 'read rounds never decrease');
  assert(log.lastIndex >= before.lastIndex, 'a leader only appends (section 5.3)');
  const lastTerm = log.termAt(before.lastIndex);
  assert(lastTerm === undefined || lastTerm === before.lastTerm, 'a leader never overwrites');
}

function checkEntries(state: RaftState): void {
  const { log } = state;
  let term = log.baseTerm;
  let bytes = 0;
  let applyingBytes = 0;
  for (let index = log.baseIndex + 1; index <= log.lastIndex; index += 1) {
    const entry = log.entryAt(index);
    assert(entry.term >= term, 'terms never decrease along the log');
    term = entry.term;
    bytes += entryBytes(entry);
    if (index > log.appliedIndex && index <= log.applyingIndex) applyingBytes += entryBytes(entry);
  }
  assert(bytes === log.bytes, 'tail bytes equal the sum over its entries');
  assert(applyingBytes === log.applyingBytes, 'applying bytes equal the sum over their entries');
  assert(log.configurationIndex <= log.lastIndex, 'the configuration is in the log');
  const voters = log.configuration.voters.length;
  assert(voters > 0 || state.role !== 'leader', 'a leader has voters');
}

function checkOutstanding(state: RaftState): void {
  let number = 0;
  let term = state.durableTerm;
  for (const item of state.outstanding) {
    assert(item.number > number, 'outstanding Readys ascend');
    assert(item.term >= term, 'outstanding terms ascend');
    assert(item.lastIndex <= state.log.handedIndex, 'no Ready vouches for what was cut off');
    number = item.number;
    term = item.term;
  }
  assert(number <= state.readyNumber, 'outstanding Readys were handed out');
}

function checkLeader(state: RaftState): void {
  const { log, reads, progress, config } = state;
  const members = memberIds(log.configuration).filter((id) => id !== config.replicaId);
  assert(progress.size === members.length, 'progress holds exactly the other members');
  for (const id of members) assert(progress.has(id), 'progress holds every member');
  for (const item of progress.values()) {
    assert(item.matchIndex < item.nextIndex, 'matchIndex < nextIndex');
    assert(item.matchIndex <= log.lastIndex, 'matchIndex <= lastIndex');
    assert(item.nextIndex <= log.lastIndex + 1, 'nextIndex <= lastIndex + 1');
    assert(item.readRound <= reads.round, 'no member confirms a round that was not sent');
    assert(item.state === 'replicate' || item.inflights.count === 0, 'only replicate pipelines');
    assert(item.fetchNumber <= state.fetchNumber, 'a fetch was asked for');
    assert((item.state === 'snapshot') === item.pendingSnapshotIndex > 0, 'pending snapshot');
  }
  assert(state.termStartIndex > 0, 'a leader opened its term');
  assert(state.votes.size === 0, 'a leader counts no votes');
  let round = 0;
  for (const read of reads.sent) {
    assert(read.round >= round && read.round <= reads.round, 'sent reads ascend by round');
    assert(read.index >= state.termStartIndex, 'no read before the own-term no-op');
    round = read.round;
  }
  const pending = reads.waiting.length + reads.unsent.length + reads.sent.length;
  assert(pending <= config.pendingReadsMax, 'pending reads are bounded');
}

function checkNoLeader(state: RaftState): void {
  const { reads } = state;
  const pending = reads.waiting.length + reads.unsent.length + reads.sent.length;
  assert(pending === 0, 'only a leader has pending reads');
  assert(state.progress.size === 0, 'only a leader tracks progress');
  assert(state.transferTarget === 0, 'only a leader transfers leadership');
  assert(state.termStartIndex === 0, 'only a leader has a term start');
  assert(state.role !== 'follower' || state.votes.size === 0, 'a follower counts no votes');
}
