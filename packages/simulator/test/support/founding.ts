/**
 * Three founders under the simulator, from blank disks, up to any single event: every message and
 * every answer of a disk is one, so what happens after event N happens at each of their boundaries.
 */

import { OPERATOR } from '../../src/principals.js';
import { SeededRandom } from '../../src/random.js';
import { planOf } from '../../src/run-plan.js';
import type { SimNode } from '../../src/sim-node.js';
import { Simulation, type Tracer } from '../../src/simulation.js';
import { swarmOf } from '../../src/swarm.js';

const WITHIN_MS = 10_000;

export class FoundingRun {
  readonly simulation: Simulation;
  readonly nodes: readonly SimNode[];
  /** Clusters that ever had a leader. */
  readonly led: Set<string> = new Set();

  constructor(seed: number, tracer?: Tracer) {
    this.simulation = new Simulation(planOf(seed), tracer);
    this.nodes = [...this.simulation.nodes];
    for (const node of this.nodes) node.start();
  }

  node(index: number): SimNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  /** Runs until `count` events have happened. */
  async untilEvent(count: number): Promise<void> {
    await this.#until(() => this.simulation.time.events >= count, `event ${count}`);
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.simulation.time.nowMs + ms;
    await this.#until(() => this.simulation.time.nowMs >= endMs, 'the time itself');
  }

  /** Until these founders, all of them by default, are members of one cluster that has a leader. */
  async untilFounded(nodes: readonly SimNode[] = this.nodes): Promise<void> {
    await this.#until(() => {
      const leaders = nodes.map(({ replica }) => replica?.leaderId ?? 0);
      return leaders.every((leader) => leader !== 0 && leader === leaders[0]);
    }, 'a cluster with a leader');
  }

  /** Until `done`, which is checked after every event. */
  async until(done: () => boolean, what: string): Promise<void> {
    await this.#until(done, what);
  }

  leader(): SimNode {
    const leader = this.simulation.nodes.find(({ replica }) => replica?.leads === true);
    if (leader === undefined) throw new Error('nobody leads');
    return leader;
  }

  /** Asks a member to remove a node; the answer is not waited for. */
  remove(nodeId: string, through: SimNode): void {
    const call = { kind: 'removeMember', nodeId } as const;
    through.calls?.admin(call, OPERATOR, WITHIN_MS, () => undefined);
  }

  /** A blank node that joins through a member. */
  join(through: SimNode): SimNode {
    const node = this.simulation.addNode();
    node.joinThrough = through.clientAddress;
    node.start();
    return node;
  }

  clusterIds(): string[] {
    return [...new Set(this.nodes.flatMap((node) => clusterIdOf(node) ?? []))];
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const watched = (): boolean => {
      for (const node of this.nodes) {
        const clusterId = clusterIdOf(node);
        if (clusterId !== undefined && node.replica?.leads === true) this.led.add(clusterId);
      }
      return done();
    };
    await this.simulation.until(watched, WITHIN_MS, what);
  }
}

/** Seeds that draw three founders and a network that loses nothing. */
export function foundingSeeds(count: number): number[] {
  const seeds: number[] = [];
  for (let seed = 1; seeds.length < count; seed += 1) {
    const { nodeCount, network } = swarmOf(new SeededRandom(seed).fork());
    if (nodeCount === 3 && network.loss === 0) seeds.push(seed);
  }
  return seeds;
}

export function clusterIdOf(node: SimNode): string | undefined {
  return node.cluster?.hello().clusterId;
}
