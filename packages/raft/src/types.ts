/**
 * Every type that crosses the boundary of the consensus core.
 *
 * The core is a function of (state, message): it performs no I/O, reads no clock, holds no timer
 * and draws randomness only from a generator seeded by its configuration. Terms are the Raft
 * paper's ("In Search of an Understandable Consensus Algorithm", extended version) and, where the
 * paper is silent, etcd's.
 */

/** A Raft term. Never negative, never decreases; safe up to 2^53 - 1. */
export type Term = number;
/** A position in the log; the first entry has index 1, index 0 stands for "before the log". */
export type LogIndex = number;
/** Identifies one replica of a group, for ever: never reused (R8). 0 stands for "none". */
export type ReplicaId = number;

/** What an entry is for: `noop` opens a term, `configuration` changes the members. */
export type EntryKind = 'normal' | 'configuration' | 'noop';

/** One position of the log. `data` is opaque to the core and never changed once appended. */
export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/**
 * The members of a group. Joint (thesis section 4.3) while `votersOutgoing` is not empty: then a
 * decision needs a majority of `voters` and a majority of `votersOutgoing`.
 */
export interface Configuration {
  readonly voters: readonly ReplicaId[];
  readonly votersOutgoing: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
  /** Highest id that ever was a member; a sender at or below it that is no member is GONE (R8). */
  readonly replicaIdMax: ReplicaId;
}

/** Turns configurations into entry data and back; injected, since the core knows no wire format. */
export interface ConfigurationCodec {
  encode(configuration: Configuration): Uint8Array;
  decode(data: Uint8Array): Configuration;
}

/** The state Raft requires on stable storage; `commitIndex` may lag (it is written lazily). */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: ReplicaId;
  readonly commitIndex: LogIndex;
}

/** What a snapshot replaces: everything up to and including `lastIncludedIndex`. */
export interface SnapshotMeta {
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  readonly configuration: Configuration;
}

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/**
 * Fields of every message. `clusterTime` (R16, ms) is opaque to the core: the host fills it in on
 * what it sends and reads it from what it receives; the core writes 0 and ignores it.
 */
interface MessageBase {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: Term;
}

export interface RequestVoteRequest extends MessageBase {
  readonly kind: 'requestVoteRequest';
  /** PreVote (thesis section 9.6): `term` is the term the sender would campaign in. */
  readonly preVote: boolean;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** Set when TimeoutNow asked for the campaign: voters skip stickiness (thesis section 3.10). */
  readonly leadershipTransfer: boolean;
}

export interface RequestVoteResponse extends MessageBase {
  readonly kind: 'requestVoteResponse';
  readonly preVote: boolean;
  readonly voteGranted: boolean;
  /** The term of the request this answers; a response to another campaign is ignored. */
  readonly requestTerm: Term;
  /** Voter's estimate of cluster time, ms; filled in by the host (R16). */
  clusterTime: number;
  /** Of the leader that time comes from; filled in by the host. */
  clusterTimeTerm: Term;
}

export interface AppendEntriesRequest extends MessageBase {
  readonly kind: 'appendEntriesRequest';
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  readonly entries: readonly Entry[];
  readonly leaderCommit: LogIndex;
  /** Cluster time, ms; filled in by the host (R16). */
  clusterTime: number;
}

export interface AppendEntriesResponse extends MessageBase {
  readonly kind: 'appendEntriesResponse';
  readonly success: boolean;
  /** On success: everything up to here is durable at the sender and equals the leader's log. */
  readonly matchIndex: LogIndex;
  /** Echo of the request's prevLogIndex, so that a stale rejection is recognised. */
  readonly prevLogIndex: LogIndex;
  /** On rejection: where to probe next (the follower's best guess), with its term there. */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
}

/** Liveness, commit index and read round, without entries; never waits behind bulk data (R5). */
export interface HeartbeatRequest extends MessageBase {
  readonly kind: 'heartbeatRequest';
  /** What the receiver may commit: never above what it acknowledged. */
  readonly leaderCommit: LogIndex;
  /** The leader's commit index as it is; tells the receiver only how old its state is (R24). */
  readonly commitIndex: LogIndex;
  /** Read round this heartbeat belongs to; strictly increasing within a term, 0 = none (R4). */
  readonly readRound: number;
  /** Cluster time, ms; filled in by the host (R16). */
  clusterTime: number;
}

export interface HeartbeatResponse extends MessageBase {
  readonly kind: 'heartbeatResponse';
  readonly readRound: number;
}

/**
 * Asks the follower to replace its log by a snapshot. The bytes travel outside the core. The
 * leader's core emits it once per follower whose next entry is nowhere in its log any more;
 * `snapshot` then describes the base of its memory tail: the host streams that or a newer one, or
 * an older one after which it still has every entry on disk, and puts the meta of what it sent in
 * place. On the receiver the host steps this message only once the bytes are complete, verified
 * and synced.
 */
export interface InstallSnapshotRequest extends MessageBase {
  readonly kind: 'installSnapshotRequest';
  readonly snapshot: SnapshotMeta;
  /** Cluster time, ms; filled in by the host (R16). */
  clusterTime: number;
}

export interface InstallSnapshotResponse extends MessageBase {
  readonly kind: 'installSnapshotResponse';
  /** Everything up to here is durable at the sender (its commit index if the snapshot was old). */
  readonly matchIndex: LogIndex;
}

/** Thesis section 3.10: campaign now, without PreVote. */
export interface TimeoutNowRequest extends MessageBase {
  readonly kind: 'timeoutNowRequest';
}

/** Tells a sender that it is no longer a member of the committed configuration (R8). */
export interface GoneNotice extends MessageBase {
  readonly kind: 'goneNotice';
}

export type Message =
  | RequestVoteRequest
  | RequestVoteResponse
  | AppendEntriesRequest
  | AppendEntriesResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | InstallSnapshotRequest
  | InstallSnapshotResponse
  | TimeoutNowRequest
  | GoneNotice;

/** Settings of one replica's core. Times are in ticks (10 ms by default, R7). */
export interface RaftConfig {
  readonly replicaId: ReplicaId;
  readonly configurationCodec: ConfigurationCodec;
  /** Seed of the generator behind election timeouts; any 32-bit number. */
  readonly seed: number;
  readonly heartbeatTicks: number;
  /** Stickiness T: a voter that heard from a leader within T denies (pre-)votes (R3, R7). */
  readonly stickinessTicks: number;
  /** The election timeout is uniform in [electionTicksMin, electionTicksMax]. */
  readonly electionTicksMin: number;
  readonly electionTicksMax: number;
  /** Bytes of entry data per AppendEntries; one entry always fits. */
  readonly appendBytesMax: number;
  /** AppendEntries (messages, and bytes of their entries) on the way to one follower (R5). */
  readonly inflightAppendsMax: number;
  readonly inflightBytesMax: number;
  /** Bytes of committed entries handed to the host and not yet reported by `applied()`. */
  readonly applyingBytesMax: number;
  /** Memory tail (R6): bytes of entry data kept; the oldest go once applied and durable. */
  readonly tailBytesMax: number;
  /** Reads waiting for a round, and for the own-term no-op; more are refused (R4, R35). */
  readonly pendingReadsMax: number;
}

/** What a replica starts from: read back from stable storage, or the genesis of a group. */
export interface RestoredState {
  readonly hardState: HardState;
  /** The log before `entries[0]`: its last index and term, and the configuration in force there. */
  readonly base: SnapshotMeta;
  /** Contiguous, from `base.lastIncludedIndex + 1`; all durable. */
  readonly entries: readonly Entry[];
  /** The state machine already contains everything up to here (base <= applied <= commit). */
  readonly appliedIndex: LogIndex;
}

/** Outcome of asking the core to append. */
export type ProposeResult =
  | { readonly kind: 'appended'; readonly term: Term; readonly firstIndex: LogIndex }
  | { readonly kind: 'notLeader'; readonly leaderId: ReplicaId }
  /** The memory tail is full of entries that may not go, or leadership is being transferred. */
  | { readonly kind: 'busy'; readonly reason: 'tailFull' | 'transferring' };

/** Changes of the members (R3): plain, or joint when more than one voter changes. */
export type MembershipChange =
  | { readonly kind: 'addLearner'; readonly replicaId: ReplicaId }
  | { readonly kind: 'removeLearner'; readonly replicaId: ReplicaId }
  | { readonly kind: 'removeVoter'; readonly replicaId: ReplicaId }
  /** Joint: the complete new set of voters and learners; the leader leaves it by itself. */
  | {
      readonly kind: 'joint';
      readonly voters: readonly ReplicaId[];
      readonly learners: readonly ReplicaId[];
    };

export type MembershipResult =
  | ProposeResult
  | {
      readonly kind: 'refused';
      readonly reason:
        | 'changePending'
        | 'noOwnTermCommit'
        | 'versionMismatch'
        | 'unknownReplica'
        | 'alreadyMember'
        | 'lastVoter'
        | 'notCaughtUp'
        | 'idNotAboveMax';
    };

export type ReadResult = 'accepted' | 'notLeader' | 'full';
export type TransferResult = 'started' | 'notLeader' | 'notVoter' | 'pending' | 'self';

/** A confirmed read: serve it once the state machine has applied `index`. */
export interface ReadState {
  readonly context: number;
  readonly index: LogIndex;
}

/** What others may need to know at once when it changes. */
export interface SoftState {
  readonly role: Role;
  readonly leaderId: ReplicaId;
  readonly term: Term;
}

/** Entries that left the memory tail and that the leader needs for a follower (R6). */
export interface Fetch {
  /** Strictly increasing; `fetched(number, …)` answers it, once. */
  readonly number: number;
  /** The follower; at most one fetch per follower is unanswered. */
  readonly to: ReplicaId;
  /** Term of the entry before `fromIndex` where the core knows it; else the answer must say it. */
  readonly prevLogTerm: Term | undefined;
  readonly fromIndex: LogIndex;
  /** Nothing above it is wanted; all of it is committed and durable. */
  readonly toIndex: LogIndex;
  /** Bytes of data after which no further entry is wanted; the first always is. */
  readonly bytesMax: number;
}

/** The answer to a fetch. */
export interface StoredEntries {
  /** Of the entry before the first one. */
  readonly prevLogTerm: Term;
  /** At least one; contiguous from the fetch's `fromIndex`. */
  readonly entries: readonly Entry[];
}

/**
 * One step's output. The host may send `messages` and use `committedEntries`, `readStates`,
 * `readsAborted` and `softState` at once; it persists `snapshot`, `hardState` and `entries` (which
 * replace everything from `entries[0].index` on), then sends `messagesAfterPersist` and calls
 * `persisted(number)`. Readys are numbered without gaps; one acknowledgement covers earlier ones.
 */
export interface Ready {
  readonly number: number;
  /** True when something here must reach the disk; otherwise `hardState` may ride along later. */
  readonly mustSync: boolean;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMeta | undefined;
  readonly messages: readonly Message[];
  readonly messagesAfterPersist: readonly Message[];
  readonly committedEntries: readonly Entry[];
  readonly readStates: readonly ReadState[];
  /** Contexts of reads that will never be confirmed (term or role change): retryable. */
  readonly readsAborted: readonly number[];
  readonly softState: SoftState | undefined;
  /** Reads of the log on disk, to be answered by `fetched`. */
  readonly fetches: readonly Fetch[];
}

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** The leader's view of one other member. */
export interface ProgressStatus {
  readonly replicaId: ReplicaId;
  readonly state: ProgressState;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  /** Ticks since its last answer. */
  readonly silentTicks: number;
  /** Ticks since it last acknowledged an append (R9). */
  readonly appendSilentTicks: number;
  readonly learner: boolean;
}

export interface RaftStatus {
  readonly replicaId: ReplicaId;
  readonly role: Role;
  readonly currentTerm: Term;
  readonly votedFor: ReplicaId;
  readonly leaderId: ReplicaId;
  /** Ticks since the current leader was last heard from (0 on the leader itself). */
  readonly leaderSilentTicks: number;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly persistedIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly tailBytes: number;
  /** True once an entry of the leader's own term is committed. */
  readonly ownTermCommitted: boolean;
  /** The latest configuration in the log, the index of its entry, and the committed one. */
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  readonly configurationCommitted: Configuration;
  /** The committed configuration no longer contains this replica, or a member said GONE (R8). */
  readonly removed: boolean;
  readonly transferTarget: ReplicaId;
  /** Leader only; empty otherwise. */
  readonly progress: readonly ProgressStatus[];
}

/** The core's surface; synchronous, single owner, never throws on what a peer sent. */
export interface RaftCore {
  /** Advances logical time by one tick. */
  tick(): void;
  /** Handles one message of a peer. Stale or foreign messages are ignored. */
  step(message: Message): void;
  /** Appends normal entries at the leader, one per payload, all or none. */
  propose(payloads: readonly Uint8Array[]): ProposeResult;
  /** Asks for a linearizable read point; answered by a ReadState or `readsAborted` (R4). */
  readIndex(context: number): ReadResult;
  /** Thesis section 3.10; proposals are refused as busy until it ends or an election timeout. */
  transferLeadership(to: ReplicaId): TransferResult;
  /** `expectedIndex` is the configurationIndex the caller decided on; a mismatch is refused. */
  changeMembership(change: MembershipChange, expectedIndex: LogIndex): MembershipResult;
  hasReady(): boolean;
  ready(): Ready;
  /** Everything up to and including Ready `number` is on stable storage. */
  persisted(number: number): void;
  /** The state machine contains everything up to `index`. */
  applied(index: LogIndex): void;
  /** A snapshot of `index` exists: the memory tail up to it may shrink. */
  compact(index: LogIndex): void;
  /**
   * What the log on disk holds for fetch `number`; undefined: the entry at its `fromIndex`, or the
   * term before it, is not there any more. Every fetch is answered, however late, once.
   */
  fetched(number: number, stored: StoredEntries | undefined): void;
  /** The meta a snapshot taken at `index` (applied, and not below the base) would carry. */
  snapshotMeta(index: LogIndex): SnapshotMeta;
  /** The transfer of a snapshot to `to` ended; on failure the follower is probed again. */
  reportSnapshot(to: ReplicaId, succeeded: boolean): void;
  /** Messages to `to` may have been lost: stop pipelining, probe. */
  reportUnreachable(to: ReplicaId): void;
  /** The leader's process is certainly gone (reset and refused reconnect): forget it (R7). */
  forgetLeader(leaderId: ReplicaId): void;
  /**
   * Asks replicas that the configuration may not name whether this one was removed (R8): for a
   * joiner without a leader, whose log does not say yet who the members are.
   */
  askWhetherGone(members: readonly ReplicaId[]): void;
  /** While false, election timeouts do not start a campaign and TimeoutNow is ignored (R7, R9). */
  setMayCampaign(may: boolean): void;
  status(): RaftStatus;
}
