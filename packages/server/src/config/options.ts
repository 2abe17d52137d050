/** What a node is started with, validated and resolved; see `schema.ts` for where it comes from. */

import type { AccessPolicy } from '@cashe/codec';
import type { TrafficLimits } from '../net/traffic-guard.js';

/** A place to listen. An empty host means every interface or loopback: see `listen.ts`. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** One node of the genesis list (R25); both addresses are HOST:PORT as others reach it. */
export interface Founder {
  readonly id: string;
  readonly client: string;
  readonly raft: string;
}

export type EvictionPolicy = 'lru' | 'noeviction';
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'json' | 'pretty';

/**
 * The replicated settings that were stated at this start, and only those: a stated value that
 * differs from the stored one is refused (R25), an unstated one is whatever the cluster has.
 */
export interface GivenSettings {
  /** 0: no limit. */
  readonly entriesMax?: number;
  readonly bytesMax?: number;
  readonly eviction?: EvictionPolicy;
  readonly replicationFactor?: number;
}

/** The replicated settings of a cluster founded without stating them. */
export const defaultSettings: Required<GivenSettings> = {
  entriesMax: 0,
  bytesMax: 256 * 1024 * 1024,
  eviction: 'lru',
  replicationFactor: 3,
};

/**
 * Client certificates on a port: `none` asks for none, `request` takes one that verifies, `require`
 * refuses a connection without.
 */
export type ClientAuth = 'none' | 'request' | 'require';

/** `denials`: those and changes of the cluster; `all`: what is read and written, too. */
export type AuditLevel = 'none' | 'denials' | 'all';

/** Files are PEM and read again when they change. */
export interface TlsOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** The one CA of nodes, clients and admins (R40). */
  readonly caFile: string;
  /** Of the gRPC client port; the peer port always requires a node's certificate. */
  readonly clientAuth: ClientAuth;
}

export interface HttpOptions {
  /** undefined: no REST. */
  readonly rest: ListenAddress | undefined;
  /** Client certificates on the REST port, with TLS. */
  readonly clientAuth: ClientAuth;
  /** Serve the routes of the systems that Cashe replaces, too. */
  readonly compat: boolean;
  /** Where health and metrics are; undefined: on the REST port. Never asks for certificates. */
  readonly metrics: ListenAddress | undefined;
}

/** Times of Raft (R7) and bounds of its log (R6); the same times on every node. */
export interface RaftOptions {
  readonly tickMs: number;
  /** These four are multiples of the tick. */
  readonly heartbeatMs: number;
  readonly stickinessMs: number;
  readonly electionMsMin: number;
  readonly electionMsMax: number;
  readonly slowSyncMs: number;
  readonly proposalBytesMax: number;
  readonly tailBytesMax: number;
  /** Log since the last snapshot that triggers one. */
  readonly snapshotBytes: number;
  readonly followerLogBytesMax: number;
  readonly segmentBytes: number;
  readonly walBytesMax: number;
}

/** Bounds of the public services that can be configured; `ApiLimits` says what each means. */
export interface LimitOptions {
  readonly connectionsMax: number;
  readonly callsPerConnectionMax: number;
  readonly unaryCallsMax: number;
  readonly sessionStreamsMax: number;
  readonly watchStreamsMax: number;
  readonly ownSessionPrincipalsMax: number;
  readonly batchesMax: number;
  readonly bytesMax: number;
  readonly totalBytesMax: number;
  readonly outputStallMs: number;
  readonly connectionIdleMs: number;
  readonly callDeadlineMs: number;
  readonly callDeadlineMsMax: number;
  readonly handshakesInFlightMax: number;
  readonly handshakesPerSecondMax: number;
  readonly handshakeTimeoutMs: number;
  readonly connectionAgeMs: number;
  readonly traffic: TrafficLimits;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** undefined: standard error. */
  readonly file: string | undefined;
  /** Errors stand here too. */
  readonly errorFile: string | undefined;
  /** A file that is larger is put aside; so many are kept, the current one included. */
  readonly fileBytesMax: number;
  readonly filesMax: number;
}

export interface NodeOptions {
  readonly id: string;
  readonly listen: ListenAddress;
  readonly raftListen: ListenAddress;
  /** HOST:PORT; undefined: found by the rule of `advertisedAddress` once the port is bound. */
  readonly advertiseClient: string | undefined;
  readonly advertiseRaft: string | undefined;
  /** HOST:PORT of any member's client port. */
  readonly join: string | undefined;
  /** The genesis list. A node that it does not name joins through any founder that answers. */
  readonly founders: readonly Founder[] | undefined;
  /** Node id → HOST:PORT this node dials instead of the peer's own raft address. */
  readonly peerRoutes: ReadonlyMap<string, string>;
  readonly dataDir: string;
  readonly settings: GivenSettings;
  readonly tls: TlsOptions | undefined;
  readonly http: HttpOptions;
  /** What the cluster starts with; ignored by a node that has a cluster (it is replicated). */
  readonly access: AccessPolicy;
  readonly audit: AuditLevel;
  /** Start blank and wait to be added by a member that dials this node's raft address. */
  readonly waitForJoin: boolean;
  /** Serve without TLS beyond loopback (R40). */
  readonly insecure: boolean;
  readonly leaveOnExit: boolean;
  readonly rejoin: boolean;
  readonly raft: RaftOptions;
  readonly limits: LimitOptions;
  readonly log: LogOptions;
  /** Bound of a graceful stop. */
  readonly drainMs: number;
}

/** Why a node ended. */
export type ExitReason =
  | { readonly kind: 'stopped' }
  /** It was removed from the cluster and wrote its tombstone (R26). */
  | { readonly kind: 'removed' }
  | { readonly kind: 'failed'; readonly message: string };

export interface RunningNode {
  readonly id: string;
  /** HOST:PORT as advertised, with the port that was bound. */
  readonly clientAddress: string;
  readonly raftAddress: string;
  /** Where health and metrics are on a port of their own, with the port that was bound. */
  readonly metricsAddress?: string | undefined;
  /** HOST:PORT of REST; undefined: it is off. */
  readonly restAddress?: string | undefined;
  /** Settles when the node serves for the first time; pending while it waits. */
  readonly ready: Promise<void>;
  /** Stops within `drainMs`; with `leaveOnExit` it leaves first. May be called more than once. */
  stop(): Promise<void>;
  /** Leaves the cluster, then stops. Rejects when it may not leave; the node then still runs. */
  leave(): Promise<void>;
  /** Settles once, when the node has ended for whatever reason; never rejects. */
  readonly closed: Promise<ExitReason>;
}
