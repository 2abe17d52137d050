/** What every part of a run shares. */
import type { AccessPolicy } from '@cashe/codec';
import type { Founder } from '@cashe/server/simulation';
import type { Settings } from '@cashe/store';
import type { History } from './checker/history.js';
import type { SimulationFailure } from './failure.js';
import type { Network } from './network.js';
import type { SeededRandom } from './random.js';
import type { Ledger } from './reference/ledger.js';
import type { SimulatedNode } from './simulated-node.js';
import type { Swarm } from './swarm.js';
import type { Traps } from './traps.js';
import type { VirtualTime } from './virtual-time.js';
import type { Watch } from './watch.js';

export interface World {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly swarm: Swarm;
  readonly nodes: readonly SimulatedNode[];
  readonly watch: Watch;
  readonly traps: Traps;
  /** The node took a turn: it is looked at before the next event. */
  stepped(node: SimulatedNode): void;
  /** Numbers a fault that is due, from 1; undefined: the plan leaves it out. */
  nextFault(): number | undefined;
  /** What all clients did and saw. */
  readonly history: History;
  /** The one order of all committed entries, and what each did. */
  readonly ledger: Ledger;
  /** The file all founders are started with (R25). */
  readonly founders: readonly Founder[];
  /** What the cluster starts with. */
  readonly settings: Settings;
  readonly access: AccessPolicy;
  /** A node more, on a blank disk; it is not started. */
  addNode(): SimulatedNode;
  /** Ends the run: something was refuted. The first one counts. */
  fail(failure: SimulationFailure): void;
  trace(line: () => string): void;
}
