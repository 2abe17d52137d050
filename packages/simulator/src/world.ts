/** What every part of a run shares. */
import type { ClusterIdentity, GroupRecords } from '@cashe/server/host';
import type { History } from './checker/history.js';
import type { SimulationFailure } from './failure.js';
import type { Network } from './network.js';
import type { SeededRandom } from './random.js';
import type { SimulatedNode } from './simulated-node.js';
import type { Swarm } from './swarm.js';
import type { VirtualTime } from './virtual-time.js';
import type { Watch } from './watch.js';

export interface World {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly swarm: Swarm;
  readonly nodes: readonly SimulatedNode[];
  readonly watch: Watch;
  /** What all clients did and saw. */
  readonly history: History;
  identityOf(node: SimulatedNode): ClusterIdentity;
  firstRecords(replicaId: number): GroupRecords;
  /** Ends the run: something was refuted. The first one counts. */
  fail(failure: SimulationFailure): void;
  trace(line: () => string): void;
}
