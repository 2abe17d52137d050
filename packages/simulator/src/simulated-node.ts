import type { Scheduler as ClientScheduler } from '@cashe/client/core';
import type { Cluster, NodeCalls } from '@cashe/server/host';
import type { FoundHandler, SharedLoad } from '@cashe/server/simulation';
import type { DamageKind } from './damage.js';
import type { DiskFaults } from './disk-faults.js';
import type { NodeClock } from './node-clock.js';
import type { SeededRandom } from './random.js';

export type Replica = NonNullable<ReturnType<Cluster['host']['replicas']['get']>>;

/** A node as the network, the clients, the checks and the faults see it. */
export interface SimulatedNode {
  readonly nodeId: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  /** Empty while the process belongs to no cluster. */
  readonly clusterId: string;
  /** 0 while the process belongs to no cluster. */
  readonly replicaId: number;
  /** Of the data directory as last opened; empty before. */
  readonly nodeUid: string;
  readonly random: SeededRandom;
  readonly load: SharedLoad;
  /** Counts processes: what an earlier one started must not go on in a later one. */
  readonly generation: number;
  /** Belongs to a cluster and takes part. */
  readonly isUp: boolean;
  /** It has said that it must stop. */
  readonly isEnding: boolean;
  /** The process is there: it takes part, or it founds or joins, or it is on its way out. */
  readonly isRunning: boolean;
  /** It goes on by promises, which settle between two events. */
  readonly isBooting: boolean;
  /** The data directory says that the node was removed: it starts only to rejoin (R25). */
  readonly isRetired: boolean;
  /** Who answers founders in this process. */
  founders: FoundHandler | undefined;
  /** Client address of a member to join through, from the next start on. */
  joinThrough: string | undefined;
  rejoin: boolean;
  readonly calls: NodeCalls | undefined;
  readonly cluster: Cluster | undefined;
  readonly replica: Replica | undefined;
  readonly clock: NodeClock;
  readonly diskFaults: DiskFaults;
  /** What of its data is damaged: it must refuse to open them (R37). */
  readonly damagedBy: string | undefined;
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
  /** Damages the data of a process that ended; undefined: there is nothing that must be found. */
  damage(kind: DamageKind, random: SeededRandom): string | undefined;
  /** The data are again what they were before the damage. */
  repair(): void;
  /** Ends the process and takes its disk away: the next start is that of a new node (R25). */
  wipe(): void;
  /** Calls `run` when this process ends. */
  onceEnded(run: () => void): void;
  /** What tells whether the process that runs now still does. */
  alive(): () => boolean;
  /** Timers of this process, as Session streams take them. */
  clientScheduler(): ClientScheduler;
}
