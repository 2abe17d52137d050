/**
 * The doors of the host: what the turn loop needs from the world. Production drivers live in
 * `wal/` and `rpc/`; the simulator doubles these same interfaces. Storage doors are in
 * `storage-ports.ts`.
 */
import type {
  AccessPolicy,
  CloseSession,
  Code,
  OpenSession,
  Outcome,
  ReadAnswer,
  ReadBatch,
  SessionAnswer,
  SettingsChanges,
  WriteAnswer,
  WriteBatch,
} from '@cashe/codec';
import type {
  AppendEntriesRequest,
  InstallSnapshotRequest,
  LogIndex,
  Message,
  ReplicaId,
} from '@cashe/raft';
import type { Settings } from '@cashe/store';

/** Monotonic and wall time; `nowMs` never goes back and has sub-millisecond resolution. */
export interface Clock {
  nowMs(): number;
  /** Wall time, ms since 1970; used only for the fallback of R16 and in block headers. */
  wallMs(): number;
}

export interface TimerHandle {
  cancel(): void;
}

/** When things run. */
export interface Scheduler {
  /** Runs once after the I/O that is ready now has been handled (setImmediate). */
  defer(run: () => void): void;
  every(ms: number, run: () => void): TimerHandle;
  after(ms: number, run: () => void): TimerHandle;
}

/** A structured log; levels are winston's. Never called per request at info or above. */
export interface Logger {
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A digest of group state at an index (R12), as two unsigned 32-bit halves. */
export interface Digest {
  readonly index: LogIndex;
  readonly high: number;
  readonly low: number;
}

/** Host-level messages between replicas, beside the consensus core's. */
export interface DigestReport {
  readonly kind: 'digestReport';
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
  readonly digest: Digest;
}
export interface DigestVerdict {
  readonly kind: 'digestVerdict';
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
  readonly digest: Digest;
  /** False: no quorum agrees on any digest. */
  readonly agreed: boolean;
}
/** The trace that an entry of a message belongs to: for spans only, never part of the log. */
export interface EntryTrace {
  readonly index: LogIndex;
  readonly traceparent: string;
}

/** The core's message, with the traces of some of its entries beside them. */
export interface TracedAppend extends AppendEntriesRequest {
  readonly traces: readonly EntryTrace[];
}
export type PeerMessage = Message | TracedAppend | DigestReport | DigestVerdict;

/** Who a node is; its replica id is the same number in every group placed on it. */
export interface PeerIdentity {
  readonly replicaId: ReplicaId;
  readonly nodeId: string;
  readonly nodeUid: string;
  /** host:port for peers. */
  readonly raftAddress: string;
}

/** Reads a snapshot's byte stream, verified, in chunks of at most 256 KiB. */
export interface SnapshotSource {
  readonly sizeBytes: number;
  /** `undefined` bytes and no error: the end. At most one read outstanding. */
  read(done: (error: Error | undefined, chunk: Uint8Array | undefined) => void): void;
  close(): void;
}

/** Receives a snapshot's byte stream, one call at a time; `finish` or `abort` ends it. */
export interface SnapshotSink {
  write(chunk: Uint8Array, done: (error: Error | undefined) => void): void;
  /** All bytes are there: verify and sync them, then hand the message to the replica. */
  finish(done: (error: Error | undefined) => void): void;
  abort(): void;
}

/**
 * Carries messages between nodes (R28): one stream per node pair and direction, heartbeats and
 * votes first (R5). Loss is allowed and reported; memory growth is not: a full queue drops.
 */
export interface Transport {
  /** The peers to keep connections to; others are closed. Called on every change. */
  setPeers(peers: readonly PeerIdentity[]): void;
  /** Queues a message for `message.to`. Sent by `flush`, at most one batch per peer. */
  send(group: number, message: PeerMessage): void;
  flush(): void;
  /** Streams a snapshot on a channel of its own; `done(false)` when it did not arrive whole. */
  sendSnapshot(
    group: number,
    message: InstallSnapshotRequest,
    source: SnapshotSource,
    done: (delivered: boolean) => void,
  ): void;
  /** Sends a call to another node (hop 1); `done(undefined)` when the answer was lost (unknown). */
  forward(
    to: ReplicaId,
    call: ForwardedCall,
    done: (answer: ForwardedAnswer | undefined) => void,
  ): void;
  close(): void;
}

/** What the transport tells the host. Called from I/O callbacks: implementations only enqueue. */
export interface TransportHandler {
  onMessage(group: number, message: PeerMessage): void;
  /** Messages to the peer were or may have been lost. */
  onUnreachable(peer: ReplicaId): void;
  /** The peer's process is certainly gone: connection reset, reconnect refused (R7). */
  onRefused(peer: ReplicaId): void;
  onConnected(peer: ReplicaId): void;
  /** A snapshot begins to arrive; undefined refuses it. */
  onSnapshot(group: number, message: InstallSnapshotRequest): SnapshotSink | undefined;
  /** A call forwarded by a peer; exactly one answer. */
  onForwarded(call: ForwardedCall, answer: (answer: ForwardedAnswer) => void): void;
  /** A peer introduced itself; its addresses may be newer than what is known. */
  onPeerHello(peer: PeerIntroduction): void;
}

/** What a peer says about itself in its hello. */
export interface PeerIntroduction {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
}

/** A call travelling to the leader; `transmission` inside is the forwarding node's own. */
export type ForwardedCall =
  | { readonly kind: 'write'; readonly batch: WriteBatch; readonly principal: string }
  | { readonly kind: 'read'; readonly batch: ReadBatch; readonly principal: string }
  | { readonly kind: 'open'; readonly open: OpenSession; readonly principal: string }
  | { readonly kind: 'close'; readonly close: CloseSession; readonly principal: string }
  | {
      readonly kind: 'admin';
      readonly call: AdminCall;
      readonly principal: string;
      readonly remainingMs: number;
    };

export type ForwardedAnswer = WriteAnswer | ReadAnswer | SessionAnswer | AdminAnswer;

/** What operators and nodes ask of the leader: members, leadership, access and settings. */
export type AdminCall =
  | { readonly kind: 'listMembers' }
  | {
      readonly kind: 'addMember';
      readonly nodeId: string;
      readonly nodeUid: string;
      readonly clientAddress: string;
      readonly raftAddress: string;
      readonly formatVersionMax: number;
      readonly clusterId: string;
      readonly rejoin: boolean;
    }
  | { readonly kind: 'removeMember'; readonly nodeId: string }
  | { readonly kind: 'transferLeadership'; readonly group: number; readonly nodeId: string }
  | { readonly kind: 'getAccess' }
  /** A token with an empty hash keeps the one it has. */
  | {
      readonly kind: 'setAccess';
      readonly policy: AccessPolicy;
      readonly expectedRevision: number;
    }
  | { readonly kind: 'getSettings' }
  | { readonly kind: 'changeSettings'; readonly changes: SettingsChanges };

export interface MemberView {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  readonly replicaId: ReplicaId;
  readonly role: 'voter' | 'learner' | 'none';
  readonly leaving: boolean;
  readonly leader: boolean;
  readonly matchIndex: LogIndex;
}

export type AdminAnswer = { readonly kind: 'admin' } & (
  | {
      readonly result: 'refused';
      readonly code: Code;
      readonly outcome: Outcome;
      readonly message: string;
    }
  | { readonly result: 'members'; readonly members: readonly MemberView[] }
  | {
      readonly result: 'added';
      readonly clusterId: string;
      readonly replicaId: ReplicaId;
      /** Encoded cashe.raft.v1.GenesisRecord. */
      readonly genesisRecord: Uint8Array;
      readonly members: readonly MemberView[];
    }
  | { readonly result: 'removed' }
  | {
      readonly result: 'access';
      /** Its tokens without their hashes. */
      readonly policy: AccessPolicy;
      readonly revision: number;
    }
  | { readonly result: 'accessSet'; readonly revision: number }
  /** Answers getSettings and changeSettings. */
  | { readonly result: 'settings'; readonly settings: Settings; readonly revision: number }
  | {
      readonly result: 'transferred';
      readonly group: number;
      readonly term: number;
      readonly nodeId: string;
      readonly clientAddress: string;
    }
);
