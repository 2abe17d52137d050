import { assert } from './errors.js';
import { Log } from './log.js';
import type { Progress } from './progress.js';
import { Random } from './random.js';
import type {
  Fetch,
  LogIndex,
  Message,
  RaftConfig,
  ReadState,
  ReplicaId,
  RestoredState,
  Role,
  SnapshotMeta,
  Term,
} from './types.js';

/** A read waiting for its confirmation. */
interface PendingRead {
  readonly context: number;
  /** commitIndex when the read was accepted, or when the own-term no-op committed if later. */
  readonly index: LogIndex;
  /** The round that was sent after the read arrived; this or a later one confirms it. */
  readonly round: number;
}

/** Linearizable reads at the leader (R4); all empty elsewhere. */
interface Reads {
  /** Contexts that wait for the first commit of the leader's own term. */
  waiting: number[];
  /** Accepted since the last round left; they join the next one. */
  unsent: PendingRead[];
  /** Sent and unconfirmed. Invariant: ascending by round. */
  sent: PendingRead[];
  /** The last round sent. Invariant: never decreases within a term, never used twice. */
  round: number;
}

/** What a Ready makes durable; kept until the host acknowledges it. */
interface Outstanding {
  readonly number: number;
  readonly term: Term;
  readonly votedFor: ReplicaId;
  /** Last log index it covers; lowered when the log is truncated below it (B18). */
  lastIndex: LogIndex;
}

/** Output gathered since the last Ready. */
interface Outbox {
  messages: Message[];
  messagesAfterPersist: Message[];
  readStates: ReadState[];
  readsAborted: number[];
  snapshot: SnapshotMeta | undefined;
  fetches: Fetch[];
}

/** All state of one replica. Only the functions of this package read and change it. */
export interface RaftState {
  readonly config: RaftConfig;
  readonly random: Random;
  readonly log: Log;

  /** Invariant: leader and candidate voted for themselves in currentTerm. */
  role: Role;
  /** Latest term seen. Invariant: never decreases. */
  currentTerm: Term;
  /** Who got this replica's vote in currentTerm. Invariant: set at most once per term. */
  votedFor: ReplicaId;
  /** The leader of currentTerm, if known. Invariant: at most one per term; self iff leader. */
  leaderId: ReplicaId;

  /** Term and vote on stable storage. Invariant: durableTerm <= currentTerm; equal at a leader. */
  durableTerm: Term;
  durableVotedFor: ReplicaId;
  /** Readys that the host has not acknowledged. Invariant: ascending; lastIndex <= handedIndex. */
  outstanding: Outstanding[];
  /** Number of the last Ready. */
  readyNumber: number;
  /** Last hard and soft state handed out: a Ready repeats neither. */
  handedTerm: Term;
  handedVotedFor: ReplicaId;
  handedCommitIndex: LogIndex;
  handedRole: Role;
  handedLeaderId: ReplicaId;
  handedSoftTerm: Term;
  readonly outbox: Outbox;

  /** Ticks since the election timer was reset. Invariant: no campaign below electionTimeout. */
  electionElapsed: number;
  electionTimeout: number;
  /** Ticks since the leader was last heard from; meaningful while leaderId is set. */
  leaderSilentTicks: number;
  /** This replica put off its own campaign once because it granted a pre-vote (see election.ts). */
  campaignDeferred: boolean;
  /** Consecutive pre-vote rounds without contact to a leader; 0 = none. */
  preVoteRound: number;
  /** Answers to the campaign in progress, own vote included; empty at followers and leaders. */
  readonly votes: Map<ReplicaId, boolean>;
  mayCampaign: boolean;
  /** A member answered GONE (R8). Invariant: never becomes false again. */
  gone: boolean;

  /** Leader only. Invariant: holds exactly the members of the latest configuration but self. */
  readonly progress: Map<ReplicaId, Progress>;
  heartbeatElapsed: number;
  /** Index of the no-op that opened this leader's term; 0 elsewhere. */
  termStartIndex: LogIndex;
  /** Number of the last read of stored entries asked for. Invariant: never decreases. */
  fetchNumber: number;
  /** Something may have become sendable to followers; cleared by ready(). */
  replicationDue: boolean;
  /** Where leadership is going; 0 = nowhere. */
  transferTarget: ReplicaId;
  transferElapsed: number;
  timeoutNowSent: boolean;
  readonly reads: Reads;
}

/** Builds the state a replica starts from: a follower that knows no leader (section 5.2). */
export function createState(config: RaftConfig, restored: RestoredState): RaftState {
  checkConfig(config);
  const { hardState } = restored;
  const log = new Log(config.configurationCodec, restored);
  assert(hardState.currentTerm >= log.lastTerm, 'restored term is older than the last entry');
  const random = new Random(config.seed);
  return {
    config,
    random,
    log,
    role: 'follower',
    currentTerm: hardState.currentTerm,
    votedFor: hardState.votedFor,
    leaderId: 0,
    durableTerm: hardState.currentTerm,
    durableVotedFor: hardState.votedFor,
    outstanding: [],
    readyNumber: 0,
    handedTerm: hardState.currentTerm,
    handedVotedFor: hardState.votedFor,
    handedCommitIndex: hardState.commitIndex,
    handedRole: 'follower',
    handedLeaderId: 0,
    handedSoftTerm: hardState.currentTerm,
    outbox: {
      messages: [],
      messagesAfterPersist: [],
      readStates: [],
      readsAborted: [],
      snapshot: undefined,
      fetches: [],
    },
    electionElapsed: 0,
    electionTimeout: random.between(config.electionTicksMin, config.electionTicksMax),
    leaderSilentTicks: 0,
    campaignDeferred: false,
    preVoteRound: 0,
    votes: new Map(),
    mayCampaign: true,
    gone: false,
    progress: new Map(),
    heartbeatElapsed: 0,
    termStartIndex: 0,
    fetchNumber: 0,
    replicationDue: false,
    transferTarget: 0,
    transferElapsed: 0,
    timeoutNowSent: false,
    reads: { waiting: [], unsent: [], sent: [], round: 0 },
  };
}

/** True once an entry of the leader's own term is committed (sections 5.4.2 and 8). */
export function ownTermCommitted(state: RaftState): boolean {
  return state.role === 'leader' && state.log.commitIndex >= state.termStartIndex;
}

function checkConfig(config: RaftConfig): void {
  assert(config.replicaId > 0, 'replicaId must be positive');
  assert(config.heartbeatTicks >= 1, 'heartbeatTicks must be at least 1');
  assert(config.stickinessTicks >= config.heartbeatTicks, 'stickinessTicks < heartbeatTicks');
  // A voter's stickiness must have ended when the first timer fires, or pre-votes are denied.
  assert(config.electionTicksMin >= config.stickinessTicks, 'electionTicksMin < stickinessTicks');
  assert(config.electionTicksMax >= config.electionTicksMin, 'electionTicksMax < Min');
  assert(config.inflightAppendsMax >= 1, 'inflightAppendsMax must be at least 1');
  assert(config.pendingReadsMax >= 1, 'pendingReadsMax must be at least 1');
  const { appendBytesMax, inflightBytesMax, applyingBytesMax, tailBytesMax } = config;
  assert(Math.min(appendBytesMax, inflightBytesMax) >= 1, 'byte bounds must be positive');
  assert(Math.min(applyingBytesMax, tailBytesMax) >= 1, 'byte bounds must be positive');
}
