/** Makes faults happen. Every fault is undone by the function that its beginning returns. */
import { transferLeadership } from '@cashe/bench';
import type { ChaosCluster } from './chaos-cluster.js';
import type { Fault } from './schedule.js';

export interface Begun {
  /** What was done, to whom. */
  readonly text: string;
  undo(): Promise<void>;
}

const leaderWaitMs = 1_000;
/** A leader without answers steps down after an election timeout (R3, R7). */
const awakeMs = 400;
const transferTimeoutMs = 5_000;
const serveTimeoutMs = 60_000;

const nothing = (): Promise<void> => Promise.resolve();

export class Nemesis {
  readonly #cluster: ChaosCluster;

  constructor(cluster: ChaosCluster) {
    this.#cluster = cluster;
  }

  begin(fault: Fault): Promise<Begun> {
    switch (fault.kind) {
      case 'killAny':
        return this.#kill([fault.node]);
      case 'killLeader':
        return this.#leading(fault, (leader) => this.#kill([leader]));
      case 'killMajority':
        return this.#kill(this.#majority(fault));
      case 'killAll':
        return this.#kill(this.#all());
      case 'pauseAny':
        return this.#pause([fault.node]);
      case 'pauseLeader':
        return this.#leading(fault, (leader) => this.#pause([leader]));
      case 'pauseMajority':
        return this.#pause(this.#majority(fault));
      case 'halves':
        return this.#separate(fault, fault.node, this.#others(fault.node));
      case 'isolateLeader':
        return this.#leading(fault, (leader) =>
          this.#separate(fault, leader, this.#others(leader)),
        );
      case 'wakeIsolatedLeader':
        return this.#leading(fault, (leader) => this.#wakeIsolated(leader));
      case 'bridge':
        return this.#leading(fault, (leader) =>
          this.#separate(
            fault,
            leader,
            this.#others(leader)
              .slice(fault.node % 2)
              .slice(0, 1),
          ),
        );
      case 'oneWay':
        return this.#leading(fault, (leader) => this.#oneWay(fault, leader));
      case 'slowLinks':
        return this.#slow(fault);
      case 'cutClients':
        return this.#leading(fault, (leader) => this.#cutClients(fault, leader));
      case 'rollingRestart':
        return this.#rollingRestart(fault);
      case 'transfer':
        return this.#transfer(fault);
    }
  }

  #all(): number[] {
    return [...this.#cluster.processes.nodes.keys()];
  }

  #others(node: number): number[] {
    return this.#all().filter((other) => other !== node);
  }

  #majority({ node }: Fault): number[] {
    const { size } = this.#cluster;
    return this.#all().filter((other) => (other - node + size) % size <= Math.floor(size / 2));
  }

  async #leading(fault: Fault, begin: (leader: number) => Promise<Begun>): Promise<Begun> {
    return begin(await this.#cluster.leader(fault.node, leaderWaitMs));
  }

  async #kill(nodes: readonly number[]): Promise<Begun> {
    await Promise.all(nodes.map((node) => this.#cluster.kill(node)));
    return {
      text: `kill -9 of ${namesOf(nodes)}`,
      undo: async () => {
        await Promise.all(nodes.map((node) => this.#cluster.start(node)));
      },
    };
  }

  async #pause(nodes: readonly number[]): Promise<Begun> {
    for (const node of nodes) this.#cluster.pause(node);
    return {
      text: `SIGSTOP of ${namesOf(nodes)}`,
      undo: async () => {
        for (const node of nodes) this.#cluster.resume(node);
      },
    };
  }

  async #separate({ style }: Fault, node: number, others: readonly number[]): Promise<Begun> {
    const { network } = this.#cluster;
    for (const other of others) {
      if (style === 'refuse') await network.cut(node, other);
      else for (const wire of bothWays(network, node, other)) wire.hold();
    }
    const how = style === 'refuse' ? 'ended and refused' : 'swallowed';
    return { text: `n${node} from ${namesOf(others)}, ${how}`, undo: () => network.heal() };
  }

  /**
   * Sleeps while the others elect another, and hears nothing of it for a while after it woke up:
   * what it answers meanwhile is old unless a quorum confirms it (R4).
   */
  async #wakeIsolated(leader: number): Promise<Begun> {
    const { network } = this.#cluster;
    for (const other of this.#others(leader)) {
      for (const wire of bothWays(network, leader, other)) wire.hold();
    }
    this.#cluster.pause(leader);
    return {
      text: `SIGSTOP of n${leader}, which wakes up isolated`,
      undo: async () => {
        this.#cluster.resume(leader);
        await new Promise((resolve) => setTimeout(resolve, awakeMs));
        await network.heal();
      },
    };
  }

  async #oneWay({ isOutward }: Fault, node: number): Promise<Begun> {
    const { network } = this.#cluster;
    for (const other of this.#others(node)) {
      (isOutward ? network.wire(node, other) : network.wire(other, node)).hold();
    }
    const way = isOutward ? 'from' : 'to';
    return { text: `nothing ${way} n${node} arrives`, undo: () => network.heal() };
  }

  async #slow({ delayMs }: Fault): Promise<Begun> {
    const { network } = this.#cluster;
    for (const node of this.#all()) {
      for (const other of this.#others(node)) network.wire(node, other).delay(delayMs);
    }
    return { text: `${delayMs} ms on every peer link`, undo: () => network.heal() };
  }

  /** The answers of the node are lost with the connections, or late. */
  async #cutClients({ style }: Fault, leader: number): Promise<Begun> {
    const { network } = this.#cluster;
    network.wire(leader, 'clients').hold();
    if (style === 'hold') {
      return { text: `answers of n${leader} are held`, undo: () => network.heal() };
    }
    return {
      text: `answers of n${leader} are held, then lost`,
      undo: async () => {
        network.dropClients(leader);
        await network.heal();
      },
    };
  }

  async #rollingRestart({ node }: Fault): Promise<Begun> {
    const { size } = this.#cluster;
    for (let at = 0; at < size; at += 1) {
      const next = (node + at) % size;
      await this.#cluster.kill(next);
      await this.#cluster.start(next);
      await this.#cluster.processes.waitUntilServing(serveTimeoutMs);
    }
    return { text: `kill -9 and restart, one after another from n${node}`, undo: nothing };
  }

  /** A transfer that fails leaves a leader; that it may is part of the contract. */
  async #transfer({ node }: Fault): Promise<Begun> {
    const leader = await this.#cluster.leader(node, leaderWaitMs);
    const next = this.#others(leader)[node % 2] ?? node;
    const address = this.#cluster.processes.node(leader).clientAddress;
    const text = `leadership from n${leader} to n${next}`;
    try {
      await transferLeadership(address, `n${next}`, transferTimeoutMs);
    } catch (error) {
      return { text: `${text} failed: ${(error as Error).message}`, undo: nothing };
    }
    return { text, undo: nothing };
  }
}

function bothWays(
  network: ChaosCluster['network'],
  one: number,
  other: number,
): { hold(): void }[] {
  return [network.wire(one, other), network.wire(other, one)];
}

function namesOf(nodes: readonly number[]): string {
  return nodes.map((node) => `n${node}`).join(', ');
}
