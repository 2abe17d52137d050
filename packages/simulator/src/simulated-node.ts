import type { Scheduler as ClientScheduler } from '@cashe/client/core';
import type { Cluster, NodeCalls } from '@cashe/server/host';
import type { SharedLoad } from '@cashe/server/simulation';
import type { SeededRandom } from './random.js';

export type Replica = NonNullable<ReturnType<Cluster['host']['replicas']['get']>>;

/** A node as the network, the clients, the checks and the faults see it. */
export interface SimulatedNode {
  readonly nodeId: string;
  readonly replicaId: number;
  readonly random: SeededRandom;
  readonly load: SharedLoad;
  /** Counts processes: what an earlier one started must not go on in a later one. */
  readonly generation: number;
  readonly isUp: boolean;
  readonly calls: NodeCalls | undefined;
  readonly cluster: Cluster | undefined;
  readonly replica: Replica | undefined;
  /** Added to wall time from the next start on. */
  wallOffsetMs: number;
  /** Added to every sync. */
  slowSyncMs: number;
  start(): void;
  /** SIGSTOP: timers, messages and the disk's answers wait. */
  pause(): void;
  resume(): void;
  /** Runs now, or when the process goes on. */
  enter(run: () => void): void;
  /** Ends the process at once; `survives` decides about every unsynced page and name. */
  crash(survives: () => boolean): void;
  /** Calls `run` when this process ends. */
  onceEnded(run: () => void): void;
  /** What tells whether the process that runs now still does. */
  alive(): () => boolean;
  /** Timers of this process, as Session streams take them. */
  clientScheduler(): ClientScheduler;
}
