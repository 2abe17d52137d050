/** Follows the few batches that are sampled for tracing through the host; see `tracing/`. */
import type { Code } from '@cashe/codec';
import type { LogIndex, ReplicaId } from '@cashe/raft';

/** One write batch on its way through the leader; called in this order, not always to the end. */
export interface WriteTrace {
  /** It stands in the leader's log. */
  appended(index: LogIndex): void;
  /** It is durable on the leader. */
  synced(): void;
  /** It is durable on this replica too. */
  acknowledged(replicaId: ReplicaId): void;
  committed(): void;
  /** Always called, once, at the end. */
  answered(code: Code): void;
}

export interface HostTracer {
  /** undefined: nobody would see it. */
  write(group: number, traceparent: string, opCount: number): WriteTrace | undefined;
  read(
    group: number,
    traceparent: string,
    opCount: number,
  ): { answered(code: Code): void } | undefined;
}
