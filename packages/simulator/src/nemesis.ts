/** Breaks things at random, of the kinds the seed enabled, and heals everything when asked. */
import type { SeededRandom } from './random.js';
import type { SimulatedNode } from './simulated-node.js';
import type { FaultKind } from './swarm.js';
import type { World } from './world.js';

const DOWN_MS_MAX = 2_000;
const CUT_MS_MAX = 3_000;
const PAUSE_MS_MAX = 2_000;
const SLOW_SYNC_MS_MAX = 1_500;
const BAD_NETWORK_MS_MAX = 2_000;
const CALL_MS_MAX = 3_000;
/** A restarted node's wall clock may be years off (R16). */
const WALL_OFFSETS_MS: readonly number[] = [0, 0, -5_000, 3_600_000, 2_300_000_000_000];

export class Nemesis {
  readonly counts: Map<FaultKind, number> = new Map();
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #clients: readonly string[];
  #isOver = false;

  constructor(world: World, clients: readonly string[]) {
    this.#world = world;
    this.#random = world.random.fork();
    this.#clients = clients;
  }

  start(): void {
    this.#world.time.after(this.#random.between(0, 2 * this.#world.swarm.faultGapMs), () => {
      if (this.#isOver) return;
      this.#inject(this.#random.pick(this.#world.swarm.faults));
      this.start();
    });
  }

  /** Ends all faults: every node runs and everybody reaches everybody. */
  heal(): void {
    this.#isOver = true;
    const { network, nodes, swarm } = this.#world;
    network.heal();
    network.conditions = { ...swarm.network, loss: 0, duplication: 0, delay: 0 };
    for (const node of nodes) {
      node.slowSyncMs = 0;
      node.resume();
      node.start();
    }
  }

  #inject(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const { nodes } = this.#world;
    const any = this.#random.pick(nodes);
    const leader = this.#leader() ?? any;
    this.#world.trace(() => `fault ${kind}, any ${any.nodeId}, leader ${leader.nodeId}`);
    switch (kind) {
      case 'crashAny':
        this.#crash([any]);
        break;
      case 'crashLeader':
        this.#crash([leader]);
        break;
      case 'crashMajority':
        this.#crash(this.#shuffled().slice(0, Math.floor(nodes.length / 2) + 1));
        break;
      case 'crashAll':
        this.#crash(nodes);
        break;
      case 'pause':
        this.#pause(any);
        break;
      case 'isolateAny':
        this.#split([any]);
        break;
      case 'isolateLeader':
        this.#split([leader]);
        break;
      case 'halves':
        this.#split(this.#shuffled().slice(0, Math.ceil(nodes.length / 2)));
        break;
      case 'oneWay':
        this.#oneWay(any);
        break;
      case 'badNetwork':
        this.#badNetwork();
        break;
      case 'slowDisk':
        this.#slowDisk(any);
        break;
      case 'transfer':
        this.#transfer(leader, any);
        break;
    }
  }

  #leader(): SimulatedNode | undefined {
    const leaders = this.#world.nodes.filter(({ replica }) => replica?.leads === true);
    return leaders.sort((a, b) => (b.replica?.term ?? 0) - (a.replica?.term ?? 0))[0];
  }

  #shuffled(): SimulatedNode[] {
    const places = this.#world.nodes.map((node) => ({ node, place: this.#random.fraction() }));
    return places.sort((a, b) => a.place - b.place).map(({ node }) => node);
  }

  /** Of a power loss unsynced pages survive by chance; of a killed process all of them. */
  #crash(nodes: readonly SimulatedNode[]): void {
    const chance = this.#random.pick([0, 0.5, 0.9, 1]);
    for (const node of nodes) {
      this.#world.trace(() => `${node.nodeId} crashes, unsynced pages survive at ${chance}`);
      node.crash(() => this.#random.chance(chance));
      node.wallOffsetMs = this.#random.pick(WALL_OFFSETS_MS);
      this.#later(DOWN_MS_MAX, () => node.start());
    }
  }

  #pause(node: SimulatedNode): void {
    node.pause();
    this.#later(PAUSE_MS_MAX, () => node.resume());
  }

  /** Clients are on one side or the other, too. */
  #split(side: readonly SimulatedNode[]): void {
    const inside = new Set(side.map(({ nodeId }) => nodeId));
    for (const client of this.#clients) if (this.#random.chance(0.5)) inside.add(client);
    const all = [...this.#world.nodes.map(({ nodeId }) => nodeId), ...this.#clients];
    for (const one of all) {
      for (const other of all) {
        if (inside.has(one) !== inside.has(other)) this.#world.network.cut(one, other);
      }
    }
    this.#healLater();
  }

  #oneWay(node: SimulatedNode): void {
    const isDeaf = this.#random.chance(0.5);
    for (const other of this.#world.nodes) {
      if (other === node || this.#random.chance(0.3)) continue;
      if (isDeaf) this.#world.network.cut(other.nodeId, node.nodeId);
      else this.#world.network.cut(node.nodeId, other.nodeId);
    }
    this.#healLater();
  }

  #healLater(): void {
    this.#later(CUT_MS_MAX, () => this.#world.network.heal());
  }

  #badNetwork(): void {
    const { network, swarm } = this.#world;
    network.conditions = swarm.badNetwork;
    this.#later(BAD_NETWORK_MS_MAX, () => {
      network.conditions = swarm.network;
    });
  }

  #slowDisk(node: SimulatedNode): void {
    node.slowSyncMs = this.#random.between(10, SLOW_SYNC_MS_MAX);
    this.#later(CUT_MS_MAX, () => {
      node.slowSyncMs = 0;
    });
  }

  #transfer(leader: SimulatedNode, to: SimulatedNode): void {
    const call = { kind: 'transferLeadership', group: 0, nodeId: to.nodeId } as const;
    leader.calls?.admin(call, 'anonymous', CALL_MS_MAX, (answer) => {
      this.#world.trace(() => `transfer to ${to.nodeId}: ${JSON.stringify(answer)}`);
    });
  }

  #later(maxMs: number, run: () => void): void {
    this.#world.time.after(this.#random.between(10, maxMs), () => {
      if (!this.#isOver) run();
    });
  }
}
