import { deriveLimits, VALUE_BYTES_MAX_LIMIT } from '@cashe/codec';
import type { Logger, Scheduler } from '../host/ports.js';
import { type ConnectionLimits, defaultConnectionLimits } from '../net/limits.js';
import { defaultTrafficLimits, type TrafficLimits } from '../net/traffic-guard.js';
import type { LocalIdentity } from './hello.js';
import type { PeerMaterial } from './peer-tls.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds and times of the peer transport (R35). */
export interface TransportLimits extends ConnectionLimits {
  /** One gRPC message (R20). */
  readonly messageBytesMax: number;
  /** Replication queued for one peer; more is dropped and reported. */
  readonly peerQueueBytesMax: number;
  /** Heartbeats and answers queued for one peer, beside replication (R5). */
  readonly peerUrgentBytesMax: number;
  /** A frame takes further messages while it is below this, so that heartbeats pass in between. */
  readonly frameBytesTarget: number;
  /** Bytes handed to grpc-js and not yet written; what is there can no longer be overtaken. */
  readonly writeAheadBytesMax: number;
  /** Frames handed to grpc-js and not yet written; below its own high-water mark. */
  readonly writeAheadFramesMax: number;
  /** What all streams of a connection, and of all connections, may make this port hold. */
  readonly traffic: TrafficLimits;
  /** HTTP/2 receive window of a stream and of a connection (R32). */
  readonly windowBytes: number;
  readonly connectTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly reconnectDelayMsMin: number;
  readonly reconnectDelayMsMax: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A stream must introduce itself within this. */
  readonly helloTimeoutMs: number;
  readonly incomingStreamsMax: number;
  readonly callsPerConnectionMax: number;
  /** A connection without a call is closed after this. */
  readonly connectionIdleMs: number;
  readonly voteTimeoutMs: number;
  /** How long an incoming vote request waits for the replica. */
  readonly voteAnswerTimeoutMs: number;
  readonly pendingVotesMax: number;
  readonly snapshotChunkBytesMax: number;
  readonly snapshotWriteAheadChunksMax: number;
  readonly snapshotsIncomingMax: number;
  readonly snapshotsOutgoingMax: number;
  /** A transfer without progress for this long is given up. */
  readonly snapshotIdleMsMax: number;
  /** From the last byte to the follower's answer: verify, sync, restore. */
  readonly snapshotFinishMsMax: number;
  readonly forwardsInFlightMax: number;
  readonly forwardBytesMax: number;
  /** Answers of forwarded calls not yet taken by the peer; more ends the stream (R32). */
  readonly forwardAnswerBytesMax: number;
  /** How long after the caller's deadline an answer is still waited for. */
  readonly forwardGraceMs: number;
  /** The remaining time of a call that another node forwards is cut to this, ms. */
  readonly forwardMsMax: number;
}

export const defaultTransportLimits: TransportLimits = {
  ...defaultConnectionLimits,
  connectionsMax: 1024,
  // Before genesis the cluster's own value limit is not known, and it bounds what is sent (R20).
  messageBytesMax: deriveLimits(VALUE_BYTES_MAX_LIMIT).messageBytesMax,
  peerQueueBytesMax: 64 * MIB,
  peerUrgentBytesMax: MIB,
  frameBytesTarget: MIB,
  writeAheadBytesMax: MIB,
  writeAheadFramesMax: 8,
  traffic: defaultTrafficLimits,
  windowBytes: 4 * MIB,
  connectTimeoutMs: 2000,
  probeTimeoutMs: 1000,
  reconnectDelayMsMin: 50,
  reconnectDelayMsMax: 1000,
  keepaliveMs: 2000,
  keepaliveTimeoutMs: 3000,
  helloTimeoutMs: 5000,
  incomingStreamsMax: 256,
  callsPerConnectionMax: 1024,
  connectionIdleMs: 300_000,
  voteTimeoutMs: 1000,
  voteAnswerTimeoutMs: 2000,
  pendingVotesMax: 1024,
  snapshotChunkBytesMax: 256 * KIB,
  snapshotWriteAheadChunksMax: 4,
  snapshotsIncomingMax: 2,
  snapshotsOutgoingMax: 4,
  snapshotIdleMsMax: 10_000,
  snapshotFinishMsMax: 120_000,
  forwardsInFlightMax: 4096,
  forwardBytesMax: 64 * MIB,
  forwardAnswerBytesMax: 64 * MIB,
  forwardGraceMs: 1000,
  // A day: no deadline that can be configured is longer.
  forwardMsMax: 86_400_000,
};

export interface TransportOptions {
  readonly identity: LocalIdentity;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** With it peers verify each other, both ways; undefined: plain text. */
  readonly tls: PeerMaterial;
  readonly limits: TransportLimits;
  /** Where to dial a node instead of its advertised address: node id to host:port. */
  readonly peerRoutes: ReadonlyMap<string, string>;
  /** 0 to 1; spreads reconnects. */
  readonly random: () => number;
}
