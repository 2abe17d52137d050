/**
 * Elections (sections 5.2 and 5.4.1) with PreVote (thesis section 9.6) and vote stickiness
 * (section 4.2.3). Two replicas whose timers fire together would split the vote and cost a second
 * timeout; two bounded courtesies make that rare without ever blocking anybody for long:
 *
 * - in its first pre-vote round a replica denies the pre-vote of one with an equal log and a lower
 *   id (later rounds grant, lest it hold back the only replica that can win);
 * - a follower that grants a pre-vote puts off its own campaign by one heartbeat, once.
 */
import { appendNoop } from './append.js';
import { isLoneVoter, memberIds } from './configuration.js';
import { quorumReached, quorumVote } from './quorum.js';
import {
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomePreCandidate,
  resetElectionTimer,
} from './roles.js';
import { send } from './send.js';
import type { RaftState } from './state.js';
import type { ReplicaId, RequestVoteRequest, RequestVoteResponse, Term } from './types.js';

/** One tick of a replica that does not lead. */
export function tickElection(state: RaftState): void {
  state.electionElapsed += 1;
  state.leaderSilentTicks += 1;
  const { config, log } = state;
  // Nobody else can lead, so there is nobody to wait for.
  const alone = isLoneVoter(log.configuration, config.replicaId) && state.role === 'follower';
  if (!alone && state.electionElapsed < state.electionTimeout) return;
  // Its vote is still on the way to the disk; a higher term would only start that again.
  if (state.role === 'candidate' && !ownVoteDurable(state)) return;
  if (canCampaign(state)) {
    preCampaign(state);
    return;
  }
  if (state.role === 'follower') state.leaderId = 0;
  else becomeFollower(state, state.currentTerm, 0);
  if (state.gone || log.mayBeVoter(config.replicaId)) return;
  resetElectionTimer(state);
  askWhetherGone(state, memberIds(log.configuration));
}

/**
 * A learner never campaigns, so nobody would ever tell it that it was removed: the leader stops
 * sending the moment it appends the removal. Without a leader it asks the members it knows with a
 * pre-vote of term 0, which wins nothing, and one that knows better answers GONE (R8). Learners
 * too: all voters of its time may be gone, with a learner in their place.
 */
export function askWhetherGone(state: RaftState, members: readonly ReplicaId[]): void {
  if (state.leaderId !== 0 || state.gone) return;
  const self = state.config.replicaId;
  for (const to of members) {
    if (to === self) continue;
    send(state, {
      kind: 'requestVoteRequest',
      from: self,
      to,
      term: 0,
      preVote: true,
      lastLogIndex: 0,
      lastLogTerm: 0,
      leadershipTransfer: false,
    });
  }
}

export function setMayCampaign(state: RaftState, may: boolean): void {
  state.mayCampaign = may;
  if (!may && state.role === 'preCandidate') becomeFollower(state, state.currentTerm, 0);
}

/**
 * The leader is certainly gone (R7). The campaign comes within two heartbeats: not at once, since
 * every follower learns this at the same time, and not much later, since all wait for it.
 */
export function forgetLeader(state: RaftState, leaderId: ReplicaId): void {
  if (state.role !== 'follower' || leaderId === 0 || state.leaderId !== leaderId) return;
  state.leaderId = 0;
  const soon = state.random.between(1, 2 * state.config.heartbeatTicks);
  state.electionTimeout = Math.min(state.electionTimeout, state.electionElapsed + soon);
}

/** A member of the committed configuration says that this replica is none any more (R8). */
export function handleGone(state: RaftState): void {
  state.gone = true;
  if (state.role !== 'follower') becomeFollower(state, state.currentTerm, 0);
}

/** Thesis section 3.10: the leader asks for a campaign, so neither pre-vote nor timer is needed. */
export function handleTimeoutNow(state: RaftState): void {
  if (state.role === 'leader' || state.role === 'candidate' || !canCampaign(state)) return;
  campaign(state, true);
}

/**
 * True while a leader is, or was within stickinessTicks, in charge: then others' campaigns are
 * denied without adopting their term, so that a replica that is out of touch cannot disturb a
 * working group. A leader in contact with its quorum is its own witness.
 */
export function isSticky(state: RaftState, message: RequestVoteRequest): boolean {
  if (message.leadershipTransfer) return false;
  const { stickinessTicks } = state.config;
  if (state.role === 'leader') return hasQuorumContact(state, stickinessTicks);
  return state.leaderId !== 0 && state.leaderSilentTicks < stickinessTicks;
}

/** A quorum answered within the last `ticks` ticks (CheckQuorum, R3). */
export function hasQuorumContact(state: RaftState, ticks: number): boolean {
  const { config, log, progress } = state;
  const reached = quorumReached(log.configuration, (id) => {
    if (id === config.replicaId) return 1;
    return (progress.get(id)?.silentTicks ?? ticks) < ticks ? 1 : 0;
  });
  return reached === 1;
}

/** Answers a pre-vote: neither term nor vote change, the own configuration is not asked (R8). */
export function handlePreVote(state: RaftState, message: RequestVoteRequest): void {
  const granted =
    (message.term > state.currentTerm || mayVoteInTerm(state, message)) &&
    !isSticky(state, message) &&
    state.log.isUpToDate(message.lastLogIndex, message.lastLogTerm) &&
    !precedes(state, message);
  if (granted && state.role === 'follower' && !state.campaignDeferred) {
    state.campaignDeferred = true;
    const later = state.electionElapsed + state.config.heartbeatTicks;
    state.electionTimeout = Math.max(state.electionTimeout, later);
  }
  answerVote(state, message, granted);
}

/** Answers a RequestVote of currentTerm: one vote per term, first come, first served. */
export function handleRequestVote(state: RaftState, message: RequestVoteRequest): void {
  const granted =
    message.term === state.currentTerm &&
    mayVoteInTerm(state, message) &&
    state.log.isUpToDate(message.lastLogIndex, message.lastLogTerm);
  if (granted) {
    if (state.role !== 'follower') becomeFollower(state, state.currentTerm, 0);
    state.votedFor = message.from;
    resetElectionTimer(state);
  }
  answerVote(state, message, granted);
}

/** Says no; the answer carries currentTerm, which a sender at an older term must learn (B10). */
export function denyVote(state: RaftState, message: RequestVoteRequest): void {
  answerVote(state, message, false);
}

/** Counts an answer. `term` may be below ours: pre-votes come from voters at any term. */
export function handleVoteResponse(state: RaftState, message: RequestVoteResponse): void {
  const role = message.preVote ? 'preCandidate' : 'candidate';
  const requestTerm: Term = message.preVote ? state.currentTerm + 1 : state.currentTerm;
  if (state.role !== role || message.requestTerm !== requestTerm) return;
  // Who grants a real vote is in its term by then.
  if (!message.preVote && message.voteGranted && message.term !== requestTerm) return;
  if (message.voteGranted || !state.votes.has(message.from)) {
    state.votes.set(message.from, message.voteGranted);
  }
  decideElection(state);
}

/** Acts on the answers so far; called after each, and when the own vote became durable. */
export function decideElection(state: RaftState): void {
  if (state.role !== 'preCandidate' && state.role !== 'candidate') return;
  const result = quorumVote(state.log.configuration, state.votes);
  if (result === 'lost') {
    becomeFollower(state, state.currentTerm, 0);
  } else if (result === 'won') {
    if (state.role === 'preCandidate') campaign(state, false);
    else if (ownVoteDurable(state)) lead(state);
  }
}

function lead(state: RaftState): void {
  becomeLeader(state);
  appendNoop(state);
}

function preCampaign(state: RaftState): void {
  becomePreCandidate(state);
  requestVotes(state, true, false);
  // The voters left the round before open: they may all be gone, and this replica with them.
  if (state.preVoteRound > 1) askWhetherGone(state, state.log.configuration.learners);
  decideElection(state);
}

function campaign(state: RaftState, leadershipTransfer: boolean): void {
  becomeCandidate(state);
  requestVotes(state, false, leadershipTransfer);
}

function requestVotes(state: RaftState, preVote: boolean, leadershipTransfer: boolean): void {
  const { log, config } = state;
  const { voters, votersOutgoing } = log.configuration;
  for (const id of new Set([...voters, ...votersOutgoing])) {
    if (id === config.replicaId) continue;
    send(state, {
      kind: 'requestVoteRequest',
      from: config.replicaId,
      to: id,
      term: preVote ? state.currentTerm + 1 : state.currentTerm,
      preVote,
      lastLogIndex: log.lastIndex,
      lastLogTerm: log.lastTerm,
      leadershipTransfer,
    });
  }
}

function answerVote(state: RaftState, message: RequestVoteRequest, voteGranted: boolean): void {
  send(state, {
    kind: 'requestVoteResponse',
    from: state.config.replicaId,
    to: message.from,
    term: state.currentTerm,
    preVote: message.preVote,
    voteGranted,
    requestTerm: message.term,
    clusterTime: 0,
    clusterTimeTerm: 0,
  });
}

/** Section 5.2: the vote of this term is free or already the sender's; a known leader has it. */
function mayVoteInTerm(state: RaftState, message: RequestVoteRequest): boolean {
  if (message.term !== state.currentTerm) return false;
  if (state.votedFor === message.from) return true;
  return state.votedFor === 0 && state.leaderId === 0;
}

/** The first courtesy of the file header. */
function precedes(state: RaftState, message: RequestVoteRequest): boolean {
  const { log, config } = state;
  return (
    state.role === 'preCandidate' &&
    state.preVoteRound === 1 &&
    message.lastLogIndex === log.lastIndex &&
    message.lastLogTerm === log.lastTerm &&
    config.replicaId > message.from
  );
}

/**
 * A replica campaigns while it votes in the committed configuration or in any later one of its log
 * (thesis section 4.2.2): one that its latest configuration removes may be the only holder of that
 * entry, and then nobody else could be elected. Its own vote counts only if the latest one has it.
 */
function canCampaign(state: RaftState): boolean {
  return state.mayCampaign && !state.gone && state.log.mayBeVoter(state.config.replicaId);
}

/** A candidate counts its own vote only once it is on stable storage (R1). */
function ownVoteDurable(state: RaftState): boolean {
  return (
    state.durableTerm === state.currentTerm && state.durableVotedFor === state.config.replicaId
  );
}
