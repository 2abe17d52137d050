/**
 * One run: the safety phase, in which everything may break, then the liveness phase, in which all
 * is healed and the cluster must elect, answer and converge within stated bounds.
 */
import type { ClusterIdentity, GroupRecords } from '@cashe/server/host';
import {
  type Genesis,
  genesisSettings,
  newGenesisRecord,
  readGenesis,
} from '@cashe/server/simulation';
import type { CallRecord } from './call-record.js';
import { checkExactlyOnce } from './checker/exactly-once.js';
import { History } from './checker/history.js';
import { checkLinearizability } from './checker/linearizability.js';
import { describe, SimClient } from './client.js';
import { SimulationFailure } from './failure.js';
import { Nemesis } from './nemesis.js';
import { Network } from './network.js';
import { SeededRandom } from './random.js';
import { checkRevisions } from './revision-check.js';
import { SimNode } from './sim-node.js';
import { type Swarm, swarmOf } from './swarm.js';
import { VirtualTime } from './virtual-time.js';
import { Watch } from './watch.js';
import type { World } from './world.js';

/** After everything is healed: a leader that has committed an entry of its own term (I15). */
const LEADER_WITHIN_MS = 5_000;
/** A write and a read through every single node. */
const ANSWERS_WITHIN_MS = 5_000;
const CONVERGENCE_WITHIN_MS = 20_000;
/** Every call settles by its deadline, so this ends. */
const SETTLE_WITHIN_MS = 15_000;
/** Events between two looks at all replicas, and between two scans of their state machines. */
const LOOK_EVENTS = 64;
const LOOK_INSIDE_EVENTS = 20_000;

export type Tracer = (atMs: number, line: string) => void;

export interface SimulationResult {
  readonly virtualMs: number;
  readonly events: number;
  readonly calls: number;
  readonly unknown: number;
  readonly elections: number;
  readonly faults: number;
  readonly digest: string;
}

export class Simulation implements World {
  readonly time: VirtualTime = new VirtualTime();
  readonly random: SeededRandom;
  readonly swarm: Swarm;
  readonly network: Network;
  readonly watch: Watch = new Watch();
  readonly history: History = new History();
  readonly nodes: readonly SimNode[];
  readonly #genesis: Genesis;
  readonly #tracer: Tracer | undefined;
  #failure: SimulationFailure | undefined;

  constructor(seed: number, tracer: Tracer | undefined) {
    this.#tracer = tracer;
    this.random = new SeededRandom(seed);
    this.swarm = swarmOf(this.random.fork());
    this.network = new Network(this.time, this.random.fork(), this.swarm.network);
    const { nodeCount } = this.swarm;
    this.nodes = Array.from({ length: nodeCount }, (_, index) => new SimNode(this, index));
    this.#genesis = this.#found();
    this.trace(() => `swarm ${JSON.stringify(this.swarm)}`);
  }

  async run(): Promise<SimulationResult> {
    for (const node of this.nodes) node.start();
    const clients = Array.from({ length: this.swarm.clientCount }, (_, i) => this.#client(i));
    const names = clients.map(({ name }) => name);
    const nemesis = new Nemesis(this, names);
    for (const client of clients) client.startWorkload();
    nemesis.start();
    await this.#pass(this.swarm.safetyMs);
    this.trace(() => 'everything is healed');
    nemesis.heal();
    for (const client of clients) client.stopWorkload();
    await this.#until(() => this.#hasLeader(), LEADER_WITHIN_MS, 'a leader');
    const settled = (): boolean => clients.every(({ openCalls }) => openCalls === 0);
    await this.#until(settled, SETTLE_WITHIN_MS, 'the answers to all calls');
    const probes = await this.#probe();
    await this.#until(() => this.#hasConverged(), CONVERGENCE_WITHIN_MS, 'convergence');
    this.watch.look(this.nodes);
    this.watch.lookInside(this.nodes);
    const records = [...clients, ...probes].flatMap((client) => client.records);
    checkRevisions(records);
    this.#checkHistory();
    return this.#result(records, nemesis);
  }

  identityOf({ nodeId, index, replicaId }: SimNode): ClusterIdentity {
    const { clusterId, groupCount, bytes, founders } = this.#genesis;
    return {
      clusterId,
      nodeId,
      nodeUid: uidOf(index),
      replicaId,
      groupCount,
      genesisRecord: bytes,
      genesis: (group) => this.#genesis.group(group),
      members: founders,
    };
  }

  firstRecords(replicaId: number): GroupRecords {
    const voters = this.nodes.map((node) => node.replicaId);
    const configuration = { voters, votersOutgoing: [], learners: [], replicaIdMax: voters.length };
    const meta = { lastIncludedIndex: 0, lastIncludedTerm: 0, configuration };
    return {
      group: 0,
      replicaId,
      hardState: { currentTerm: 0, votedFor: 0, commitIndex: 0 },
      entries: [],
      snapshot: { meta, file: '', replacesLog: true },
      tombstone: false,
    };
  }

  fail(failure: SimulationFailure): void {
    this.#failure ??= failure;
  }

  trace(line: () => string): void {
    this.#tracer?.(this.time.nowMs, line());
  }

  #found(): Genesis {
    const founders = this.nodes.map(({ nodeId, index }) => ({
      nodeId,
      nodeUid: uidOf(index),
      clientAddress: `${nodeId}:3000`,
      raftAddress: `${nodeId}:4000`,
    }));
    const settings = {
      ...genesisSettings({ replicationFactor: this.nodes.length }),
      sessionWindow: this.swarm.sessionWindow,
    };
    const random = this.random.fork();
    return readGenesis(newGenesisRecord(founders, settings, (count) => random.bytes(count)));
  }

  #client(index: number): SimClient {
    const endpoints = this.nodes.map(({ nodeId }) => `${nodeId}:3000`);
    return new SimClient(this, `c${index}`, endpoints, endpoints.length);
  }

  async #pass(ms: number): Promise<void> {
    let isOver = false;
    this.time.after(ms, () => {
      isOver = true;
    });
    await this.#until(() => isOver, ms + 1, 'the time itself');
  }

  async #until(done: () => boolean, withinMs: number, what: string): Promise<void> {
    const endMs = this.time.nowMs + withinMs;
    while (!done()) {
      if (!this.time.step() || this.time.nowMs > endMs) {
        this.#traceReplicas();
        throw new SimulationFailure('liveness', `not within ${withinMs} ms: ${what}`);
      }
      // Only opening a node waits by promises; all of them settle before the next event.
      if (this.nodes.some(({ isBooting }) => isBooting)) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      if (this.time.events % LOOK_EVENTS === 0) this.watch.look(this.nodes);
      if (this.time.events % LOOK_INSIDE_EVENTS === 0) this.watch.lookInside(this.nodes);
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  #traceReplicas(): void {
    for (const { nodeId, replica, cluster } of this.nodes) {
      const { stalled } = cluster?.host ?? {};
      const view = { stalled, restoring: replica?.restoring, ...replica?.raft.status() };
      this.trace(() => `${nodeId} ${JSON.stringify(view)}`);
    }
  }

  #hasLeader(): boolean {
    return this.nodes.some(({ replica }) => {
      return replica?.leads === true && replica.raft.status().ownTermCommitted;
    });
  }

  /** A new client of each node alone: its calls are forwarded where they must be (R30). */
  async #probe(): Promise<SimClient[]> {
    const probes = this.nodes.map(({ nodeId, index }) => {
      return new SimClient(this, `p${index}`, [`${nodeId}:3000`], 1);
    });
    const answered: CallRecord[] = [];
    for (const probe of probes) {
      probe.call('set', `probe-${probe.name}`, ANSWERS_WITHIN_MS, (set) => {
        answered.push(set);
        probe.call('get', `probe-${probe.name}`, ANSWERS_WITHIN_MS, (get) => answered.push(get));
      });
    }
    const isDone = (): boolean => answered.length === 2 * probes.length;
    await this.#until(isDone, 3 * ANSWERS_WITHIN_MS, 'answers through every node');
    const refused = answered.find(({ outcome }) => outcome !== 'committed');
    if (refused !== undefined) throw new SimulationFailure('liveness', describe(refused));
    return probes;
  }

  #hasConverged(): boolean {
    const first = this.nodes[0]?.replica;
    if (first === undefined) return false;
    const last = first.raft.status().lastIndex;
    return this.nodes.every(({ replica }) => {
      if (replica === undefined || replica.restoring) return false;
      return replica.store.appliedIndex === last && replica.raft.status().lastIndex === last;
    });
  }

  #checkHistory(): void {
    for (const result of [
      checkLinearizability(this.history.ops),
      checkExactlyOnce(this.history.ops),
    ]) {
      if (result.kind === 'violation') throw new SimulationFailure('safety', result.text);
    }
  }

  #result(records: readonly CallRecord[], nemesis: Nemesis): SimulationResult {
    const digest = this.nodes[0]?.replica?.store.digest();
    this.time.note(digest?.high ?? 0);
    this.time.note(digest?.low ?? 0);
    return {
      virtualMs: this.time.nowMs,
      events: this.time.events,
      calls: records.length,
      unknown: records.filter(({ outcome }) => outcome === 'unknown').length,
      elections: this.watch.elections,
      faults: [...nemesis.counts.values()].reduce((sum, count) => sum + count, 0),
      digest: this.time.hash.toString(16).padStart(8, '0'),
    };
  }
}

function uidOf(index: number): string {
  return `${index}`.repeat(32);
}
