/** Breaks things at random, of the kinds the seed enabled, and heals everything when asked. */
import { currentLeader } from './members.js';
import { clockFaults } from './nemesis/clock-faults.js';
import { type Fault, type FaultContext, startAgain } from './nemesis/context.js';
import { diskFaults, repair } from './nemesis/disk-faults.js';
import type { FaultKind } from './nemesis/kinds.js';
import { momentFaults } from './nemesis/moment-faults.js';
import { networkFaults } from './nemesis/network-faults.js';
import { processFaults } from './nemesis/process-faults.js';
import type { SeededRandom } from './random.js';
import type { World } from './world.js';

const faults: Readonly<Record<FaultKind, Fault>> = {
  ...networkFaults,
  ...diskFaults,
  ...processFaults,
  ...clockFaults,
  ...momentFaults,
};

export class Nemesis {
  readonly counts: Map<FaultKind, number> = new Map();
  readonly #world: World;
  /** One generator per fault, so that leaving one out changes no other's. */
  readonly #generators: SeededRandom;
  readonly #clients: readonly string[];
  #isOver = false;

  constructor(world: World, clients: readonly string[]) {
    this.#world = world;
    this.#generators = world.random.fork();
    this.#clients = clients;
  }

  start(): void {
    this.#world.time.after(this.#generators.between(0, 2 * this.#world.swarm.faultGapMs), () => {
      if (this.#isOver) return;
      const random = this.#generators.fork();
      const kind = random.pick(this.#world.swarm.faults);
      const number = this.#world.nextFault();
      if (number !== undefined) this.#inject(kind, random, number);
      this.start();
    });
  }

  /** Ends all faults: every node runs and everybody reaches everybody. */
  heal(): void {
    this.#isOver = true;
    const { network, nodes, swarm, traps } = this.#world;
    traps.disarmAll();
    network.heal();
    network.conditions = { ...swarm.network, loss: 0, duplication: 0, delay: 0 };
    for (const node of nodes) {
      node.slowSyncMs = 0;
      // A process that was told of an error may stop a moment later, when nobody starts it again.
      if (node.diskFaults.hasReported) node.crash(() => true);
      node.diskFaults.heal();
      node.clock.setRate(1);
      node.clock.thawWall();
      node.resume();
      repair(node);
      startAgain(node);
    }
  }

  #inject(kind: FaultKind, random: SeededRandom, number: number): void {
    const world = this.#world;
    const any = random.pick(world.nodes);
    const leader = currentLeader(world.nodes) ?? any;
    world.trace(() => {
      return `fault ${number}: ${kind}, any ${any.nodeId}, leader ${leader.nodeId}`;
    });
    const after = (ms: number, run: () => void): void => {
      world.time.after(ms, () => {
        if (!this.#isOver) run();
      });
    };
    const context: FaultContext = {
      ...{ world, random, any, leader },
      clients: this.#clients,
      after,
      soon: (run) => after(0, run),
      later: (maxMs, run) => after(random.between(10, maxMs), run),
    };
    if (!faults[kind](context)) return;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }
}
