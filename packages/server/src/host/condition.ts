/** How a node is doing, read when somebody asks: for readiness checks and metrics. */
import type { Replica } from './replica.js';
import type { WalStatus } from './storage-ports.js';

export interface ReplicaCondition {
  readonly group: number;
  readonly leads: boolean;
  readonly leaderKnown: boolean;
  /** Time since the leader was last heard from; 0 on the leader itself. */
  readonly leaderSilentMs: number;
  /** Entries committed as this replica knows it and not applied yet. */
  readonly applyLagEntries: number;
  /** How old the state is (R24); undefined until a leader was heard. */
  readonly ageMs: number | undefined;
  /** A snapshot is being installed. */
  readonly restoring: boolean;
}

export interface HostCondition {
  /** The disk is too slow or too full to take proposals (R9). */
  readonly stalled: boolean;
  /** How long the write in flight has waited for its sync. */
  readonly syncWaitingMs: number;
  /** A leader that was silent for longer counts as lost. */
  readonly electionMsMax: number;
  readonly tickMs: number;
  readonly log: WalStatus;
  readonly replicas: readonly ReplicaCondition[];
}

export function replicaCondition(replica: Replica, tickMs: number): ReplicaCondition {
  const { commitIndex, appliedIndex, leaderId, leaderSilentTicks } = replica.raft.status();
  return {
    group: replica.group,
    leads: replica.leads,
    leaderKnown: leaderId !== 0,
    leaderSilentMs: leaderSilentTicks * tickMs,
    applyLagEntries: commitIndex - appliedIndex,
    ageMs: replica.ageMs(),
    restoring: replica.restoring,
  };
}
