/** What the parts of a replica need of it, and what a replica needs of its node. */
import type {
  Entry,
  InstallSnapshotRequest,
  RaftCore,
  ReplicaId,
  SnapshotMeta,
  SoftState,
} from '@cashe/raft';
import type { AppliedEntry, StateMachine } from '@cashe/store';
import type { AccessGuard } from './access-guard.js';
import type { ClusterClock } from './cluster-clock.js';
import type { GroupCommit } from './group-commit.js';
import type { HostConfig } from './host-config.js';
import type { HostObserver } from './observer.js';
import type { Clock, Logger, Transport } from './ports.js';
import type { SnapshotMarker } from './storage-ports.js';
import type { HostTracer } from './tracer.js';

/** A replica as its parts see it. */
export interface ReplicaView {
  readonly group: number;
  readonly replicaId: ReplicaId;
  readonly raft: RaftCore;
  readonly store: StateMachine;
  readonly clusterClock: ClusterClock;
  readonly leads: boolean;
  readonly leaderId: ReplicaId;
  readonly term: number;
  /** A snapshot is being read into the state machine: nothing can be read or applied. */
  readonly restoring: boolean;
  /** Group commit made every Ready up to `number` durable. */
  durable(number: number): void;
}

/** Hears of every entry a replica applies; no result for one that carries nothing for it. */
export type ApplyObserver = (
  group: number,
  entry: Entry,
  result: AppliedEntry | undefined,
  store: StateMachine,
) => void;

export interface ReplicaContext {
  readonly config: HostConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly transport: Transport;
  readonly commit: GroupCommit;
  readonly access: AccessGuard;
  /** Something changed that the next turn must look at. */
  wake(): void;
  /** The state cannot be trusted, or the disk failed: the node must stop. */
  fatal(error: Error): void;
  /** The known leader or this replica's role changed. */
  onLeadership(replica: ReplicaView, state: SoftState): void;
  /** Nodes, settings or the configuration changed. */
  onMembership(replica: ReplicaView): void;
  readonly onApplied: ApplyObserver | undefined;
  readonly observer?: HostObserver | undefined;
  readonly tracer?: HostTracer | undefined;
}

/** The replica's snapshots: taking, sending, receiving, restoring. */
export interface ReplicaSnapshots {
  /** Index of the newest durable snapshot; 0: none. */
  readonly index: number;
  tick(): void;
  /** The core wants `to` to get a snapshot at or above the one the message names. */
  send(message: InstallSnapshotRequest): void;
  /** The core accepted an installed snapshot: where its bytes are, for the log. */
  installed(meta: SnapshotMeta): SnapshotMarker;
  /** Reads the state machine back in bounded steps. */
  restore(meta: SnapshotMeta, done: (store: StateMachine) => void): void;
}
