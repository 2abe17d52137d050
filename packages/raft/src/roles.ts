/** Role transitions: what is reset when. They send nothing and append nothing. */
import { memberIds } from './configuration.js';
import { assert } from './errors.js';
import { Progress } from './progress.js';
import type { RaftState } from './state.js';
import type { ReplicaId, Term } from './types.js';

/**
 * Follows `leaderId` (0: nobody yet) in `term`. Only a former leader or candidate gets a new
 * election timeout: a mere term bump must not push away a follower's own campaign (section 5.2
 * resets the timer on contact with a leader or a granted vote only), and after a lost pre-vote the
 * timer of that round goes on, so that the retry comes within a heartbeat (R7).
 */
export function becomeFollower(state: RaftState, term: Term, leaderId: ReplicaId): void {
  assert(term >= state.currentTerm, 'a term never decreases');
  if (term > state.currentTerm) {
    state.currentTerm = term;
    state.votedFor = 0;
  }
  if (state.role === 'leader') leaveLeadership(state);
  if (state.role === 'leader' || state.role === 'candidate') resetElectionTimer(state);
  state.role = 'follower';
  state.leaderId = leaderId;
  state.votes.clear();
}

/** Asks for pre-votes next: neither term nor vote change (thesis section 9.6). */
export function becomePreCandidate(state: RaftState): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  state.role = 'preCandidate';
  state.leaderId = 0;
  state.campaignDeferred = false;
  state.preVoteRound += 1;
  state.votes.clear();
  state.votes.set(state.config.replicaId, true);
  state.electionElapsed = 0;
  state.electionTimeout = state.config.heartbeatTicks;
}

/** Section 5.2: increments the term and votes for itself. */
export function becomeCandidate(state: RaftState): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  state.role = 'candidate';
  state.currentTerm += 1;
  state.votedFor = state.config.replicaId;
  state.leaderId = 0;
  state.votes.clear();
  state.votes.set(state.config.replicaId, true);
  resetElectionTimer(state);
}

/** Leads currentTerm; the caller appends the no-op that opens the term (section 8). */
export function becomeLeader(state: RaftState): void {
  assert(state.role === 'candidate', 'only a candidate becomes leader');
  assert(state.durableTerm === state.currentTerm, 'a leader has a durable term (R1)');
  state.role = 'leader';
  state.leaderId = state.config.replicaId;
  state.votes.clear();
  state.preVoteRound = 0;
  state.heartbeatElapsed = 0;
  state.progress.clear();
  syncProgress(state);
}

/** Gives every member of the latest configuration a Progress, and drops everybody else's. */
export function syncProgress(state: RaftState): void {
  const members = memberIds(state.log.configuration);
  for (const id of state.progress.keys()) {
    if (!members.includes(id)) state.progress.delete(id);
  }
  for (const id of members) {
    if (id === state.config.replicaId || state.progress.has(id)) continue;
    state.progress.set(id, new Progress(id, state.log.lastIndex + 1, state.config));
  }
  if (!state.progress.has(state.transferTarget)) clearTransfer(state);
}

export function clearTransfer(state: RaftState): void {
  state.transferTarget = 0;
  state.transferElapsed = 0;
  state.timeoutNowSent = false;
}

/** A fresh timeout; also ends what a failed or deferred campaign left behind. */
export function resetElectionTimer(state: RaftState): void {
  const { electionTicksMin, electionTicksMax } = state.config;
  state.electionElapsed = 0;
  state.electionTimeout = state.random.between(electionTicksMin, electionTicksMax);
  state.campaignDeferred = false;
  state.preVoteRound = 0;
}

function leaveLeadership(state: RaftState): void {
  const { reads, outbox } = state;
  for (const context of reads.waiting) outbox.readsAborted.push(context);
  for (const read of reads.sent) outbox.readsAborted.push(read.context);
  for (const read of reads.unsent) outbox.readsAborted.push(read.context);
  reads.waiting = [];
  reads.sent = [];
  reads.unsent = [];
  reads.round = 0;
  outbox.fetches = [];
  state.progress.clear();
  state.termStartIndex = 0;
  state.replicationDue = false;
  clearTransfer(state);
}
